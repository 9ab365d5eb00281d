"""What every call through a `Platform` gets: a token, a deadline, a request id, and errors that say what to do."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message

from duokua import errors
from duokua.tokens import TokenSource

_Request = TypeVar("_Request")
_UNAUTHENTICATED: Final = grpc.StatusCode.UNAUTHENTICATED


class _Details(NamedTuple):
    """The call's details as interceptors hand them on; gRPC reads these attributes."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class CallInterceptor(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds the token, the deadline and the request id to a call, and raises `DuokuaError` when it fails.

    A call that is UNAUTHENTICATED is sent once more with a fresh token, since a token can be revoked, or its key be
    withdrawn, before it expires; a stream of requests is not, because it cannot be told again. A call made with
    `.future()` fails with `grpc.RpcError` instead, and is not repeated.
    `tokens` is None for a service that is used without a token.
    """

    def __init__(self, tokens: TokenSource | None, *, timeout: float, address: str) -> None:
        self._tokens = tokens
        self._timeout = timeout
        self._address = address

    def intercept_unary_unary(  # type: ignore[override]  # gRPC's own types for calls exist for type checkers only
        self,
        continuation: Callable[[_Details, _Request], Any],
        client_call_details: grpc.ClientCallDetails,
        request: _Request,
    ) -> Any:
        """Make one call; raises `DuokuaError`."""
        request = _with_request_id(request)
        call, token = self._send(continuation, client_call_details, request, self._timeout)
        if isinstance(call, Iterator):
            # Made with `.future()`, or not begun at all (a closed channel): gRPC tells what comes of it.
            return call
        if call.code() is _UNAUTHENTICATED and self._tokens is not None:
            self._tokens.drop(token)
            call, _ = self._send(continuation, client_call_details, request, self._timeout)
        if call.code() is not grpc.StatusCode.OK:
            raise self._error(call, client_call_details)
        return call

    def intercept_unary_stream(  # type: ignore[override]
        self,
        continuation: Callable[[_Details, _Request], Any],
        client_call_details: grpc.ClientCallDetails,
        request: _Request,
    ) -> Any:
        """Open a stream of answers, which has no deadline of its own; reading it raises `DuokuaError`."""
        request = _with_request_id(request)

        def opened() -> tuple[Any, str]:
            return self._send(continuation, client_call_details, request, None)

        return ResponseStream(opened, self._tokens, lambda call: self._error(call, client_call_details))

    def intercept_stream_unary(  # type: ignore[override]
        self,
        continuation: Callable[[_Details, _Request], Any],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: _Request,
    ) -> Any:
        """Send a stream of requests, which has no deadline of its own; raises `DuokuaError`."""
        call, token = self._send(continuation, client_call_details, request_iterator, None)
        if isinstance(call, Iterator):
            return call
        if call.code() is _UNAUTHENTICATED and self._tokens is not None:
            self._tokens.drop(token)
        if call.code() is not grpc.StatusCode.OK:
            raise self._error(call, client_call_details)
        return call

    def intercept_stream_stream(  # type: ignore[override]
        self,
        continuation: Callable[[_Details, _Request], Any],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: _Request,
    ) -> Any:
        """Open a stream in both directions, which has no deadline of its own; reading it raises `DuokuaError`."""

        def opened() -> tuple[Any, str]:
            return self._send(continuation, client_call_details, request_iterator, None)

        def error(call: Any) -> errors.DuokuaError:
            return self._error(call, client_call_details)

        return ResponseStream(opened, self._tokens, error, repeats=False)

    def _send(
        self,
        continuation: Callable[[_Details, _Request], Any],
        details: grpc.ClientCallDetails,
        request: _Request,
        timeout: float | None,
    ) -> tuple[Any, str]:
        token = "" if self._tokens is None else self._tokens.get()
        metadata = tuple(details.metadata or ())
        if token:
            metadata = (*metadata, ("authorization", f"Bearer {token}"))
        given = details.timeout
        new = _Details(
            details.method,
            timeout if given is None else given,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        return continuation(new, request), token

    def _error(self, call: Any, details: grpc.ClientCallDetails) -> errors.DuokuaError:
        method = details.method.rpartition("/")[2]
        error = errors.from_rpc(call, f"{method} at {self._address}")
        if isinstance(call, BaseException):
            error.__cause__ = call
        return error


class ResponseStream:
    """The answers of a call with a stream of them: iterate over it; everything else is the call's own."""

    def __init__(
        self,
        opened: Callable[[], tuple[Any, str]],
        tokens: TokenSource | None,
        error: Callable[[Any], errors.DuokuaError],
        *,
        repeats: bool = True,
    ) -> None:
        self._repeats = repeats
        self._opened = opened
        self._tokens = tokens
        self._error = error
        self._call, self._token = opened()
        self._started = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            answer = next(self._call)
        except grpc.RpcError as failure:
            if failure.code() is not _UNAUTHENTICATED or self._started or self._tokens is None:
                raise self._error(failure) from failure
            self._started = True
            self._tokens.drop(self._token)
            if not self._repeats:
                raise self._error(failure) from failure
            self._call, self._token = self._opened()
            return next(self)
        self._started = True
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


def _with_request_id(request: _Request) -> _Request:
    """Give a write whose `request_id` is empty one, so that it may be repeated; the caller's message stays as it is."""
    if not isinstance(request, Message) or "request_id" not in request.DESCRIPTOR.fields_by_name:
        return request
    if request.request_id:  # type: ignore[attr-defined]
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
    return copy
