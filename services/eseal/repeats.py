"""Requests that come again: the same one is nothing new, another one under the same id is refused."""

import hashlib

from google.protobuf.message import Message

from chassis.database import UnitOfWork
from services.eseal import store
from services.eseal.domain.records import Document

CHANGED = "DOCUMENT_CHANGED"


def request_digest(request: Message) -> str:
    """SHA-256 of a request, in hexadecimal, by which it is known again."""
    return hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()


def sealed_otherwise(work: UnitOfWork, notice_id: str, request: Message) -> Document | None:
    """The document that was sealed under this id when something else was asked for; None when it was the same."""
    sealed = store.document_by_notice(work.connection, notice_id)
    if sealed is None or sealed.request_digest in ("", request_digest(request)):
        return None
    return sealed


def told(sealed: Document) -> str:
    """What to say to whoever asks for another document under the same id."""
    return (
        f"document {sealed.document_id} was sealed under this id, with other content; it stays as it is: "
        "what has changed needs a request with an id of its own"
    )
