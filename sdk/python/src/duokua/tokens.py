"""Access tokens: asked for with the client's key, kept until shortly before they expire."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import grpc

from duokua import errors
from duokua.identity.v1 import token_service_pb2 as pb

_log = logging.getLogger("duokua.tokens")

# A token is renewed when a tenth of its life is left, and this many seconds before its end at the earliest.
LONGEST_MARGIN: Final = 60.0
# After a failed renewal the token at hand, still good, is used for this many seconds before the next try.
RENEWAL_PAUSE: Final = 5.0
_TRIES: Final = 4
_FIRST_PAUSE: Final = 0.2


class IssueToken(Protocol):
    """`TokenServiceStub.IssueToken`."""

    def __call__(self, request: pb.IssueTokenRequest, /, timeout: float | None = None) -> pb.IssueTokenResponse:
        """Ask for a token; raises `grpc.RpcError`."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: float
    expires_at: float


class TokenSource:
    """Gives the current access token; may be used by many threads at once.

    `issue` asks the token service; `assertion` signs who we are, anew for each try, because the platform takes an
    assertion once; `where` is the address, for errors.
    """

    def __init__(
        self,
        issue: IssueToken,
        assertion: Callable[[], str],
        *,
        where: str,
        timeout: float = 10.0,
        subject_person_id: str = "",
        principal_person_id: str = "",
    ) -> None:
        self._issue = issue
        self._assertion = assertion
        self._where = where
        self._timeout = timeout
        self._subject_person_id = subject_person_id
        self._principal_person_id = principal_person_id
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def get(self) -> str:
        """Give a token that is good for a while yet; asks for one when there is none.

        Raises `DuokuaError`: Unauthenticated (INVALID_CLIENT), PermissionDenied (NO_MANDATE), Unavailable.
        """
        token = self._token
        if token is not None and time.monotonic() < token.renew_at:
            return token.text
        with self._lock:
            token = self._token
            if token is not None and time.monotonic() < token.renew_at:
                return token.text
            self._token = self._renewed(token)
            return self._token.text

    def drop(self, text: str) -> None:
        """Forget a token that the platform did not accept; another thread's newer one stays."""
        with self._lock:
            if self._token is not None and self._token.text == text:
                self._token = None

    def _renewed(self, token: _Token | None) -> _Token:
        try:
            return self._ask()
        except errors.DuokuaError as error:
            now = time.monotonic()
            if token is None or now >= token.expires_at or not error.transient:
                raise
            _log.warning("the access token could not be renewed, the one at hand is used on: %s", error)
            return _Token(token.text, min(now + RENEWAL_PAUSE, token.expires_at), token.expires_at)

    def _ask(self) -> _Token:
        for attempt in range(_TRIES):
            asked_at = time.monotonic()
            request = pb.IssueTokenRequest(
                client_assertion=self._assertion(),
                subject_person_id=self._subject_person_id,
                principal_person_id=self._principal_person_id,
            )
            try:
                response = self._issue(request, timeout=self._timeout)
            except grpc.RpcError as failure:
                if failure.code() is grpc.StatusCode.UNAVAILABLE and attempt + 1 < _TRIES:
                    time.sleep(random.uniform(0, _FIRST_PAUSE * 2**attempt))  # noqa: S311
                    continue
                raise errors.from_rpc(failure, f"IssueToken at {self._where}") from failure
            lifetime = response.expires_in.ToMilliseconds() / 1000
            margin = min(LONGEST_MARGIN, lifetime / 10)
            return _Token(response.access_token, asked_at + lifetime - margin, asked_at + lifetime)
        raise AssertionError("unreachable: the last try returns or raises")
