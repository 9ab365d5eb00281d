"""Materials (材料) of an application: given once, kept by their hashes, shown to those who need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from chassis.database import UnitOfWork
from chassis.problems import Conflict, NotFound
from duokua.cases.v1 import case_pb2, task_pb2
from services.cases import material_store, uploads
from services.cases.material_checks import Finished


@dataclass(frozen=True, slots=True)
class Found:
    """A material that the caller may have."""

    media_type: str
    size: int
    sha256: str
    content: bytes | None
    """None when it lies in the blob store."""


def uploaded(work: UnitOfWork, applicant_id: str, materials: Sequence[case_pb2.Material]) -> Finished:
    """What of the materials that an application names by their hashes its applicant has uploaded."""
    return uploads.finished(work, applicant_id, {each.sha256 for each in materials if each.sha256})


def keep(work: UnitOfWork, case_id: str, applicant_id: str, contents: Mapping[str, bytes | None]) -> None:
    """Tie contents to a case, for ever. Raises Conflict UPLOAD_EXPIRED."""
    lost = material_store.give_to_case(work.connection, case_id, contents)
    if lost:
        message = f"the upload of {lost[0]} has just expired: upload it again"
        raise Conflict("UPLOAD_EXPIRED", message, sha256=lost[0])
    named = [digest for digest, content in contents.items() if content is None]
    if named:
        material_store.name_uploads(work.connection, applicant_id, named)


def of_task(work: UnitOfWork, task: Row[Any], digest: str) -> Found:
    """A material that an open task declares; raises NotFound MATERIAL_NOT_FOUND."""
    for ref in task_pb2.Task.FromString(task.body).materials:
        if ref.sha256 == digest:
            return _found(work, task.case_id, ref.media_type, ref.size, digest)
    raise _not_found(digest)


def of_case(work: UnitOfWork, case: Row[Any], digest: str) -> Found:
    """A material of a case; raises NotFound MATERIAL_NOT_FOUND."""
    for ref in case.materials:
        if ref["sha256"] == digest:
            return _found(work, case.case_id, ref["media_type"], ref["size"], digest)
    raise _not_found(digest)


def _found(work: UnitOfWork, case_id: str, media_type: str, size: int, digest: str) -> Found:
    if not material_store.belongs_to_case(work.connection, case_id, digest):
        raise _not_found(digest)
    return Found(media_type, size, digest, material_store.waiting_content(work.connection, digest))


def _not_found(digest: str) -> NotFound:
    return NotFound("MATERIAL_NOT_FOUND", f"there is no material here with the hash {digest}", sha256=digest)
