"""One import: files come in chunks, are read and taken in by a thread, and what is found goes out as it is known."""

import asyncio
import threading
from collections.abc import AsyncIterator

from chassis.api import StreamCall
from chassis.problems import Invalid, Unavailable, Violation
from chassis.requests import check_request_id
from chassis.validation import check_request
from duokua.matters.v1 import catalogue_service_pb2 as pb
from services.matters.catalogue.files.conversions import WhatFilesSay
from services.matters.catalogue.importing import Asked, Imported
from services.matters.catalogue.messages import fault_message
from services.matters.catalogue.service import Catalogue

LARGEST_FILES = 64 * 1024 * 1024
"""In bytes, all files of one import."""
IDLE_SECONDS = 30.0


async def import_files(
    catalogue: Catalogue, call: StreamCall, requests: AsyncIterator[pb.ImportMattersRequest]
) -> AsyncIterator[pb.ImportMattersResponse]:
    """Take in the files of a stream; when the client goes away before anything is written, nothing will be."""
    asked = await _asked(call, requests)
    told: asyncio.Queue[pb.ImportProgress | None] = asyncio.Queue()
    loop, gone = asyncio.get_running_loop(), threading.Event()

    def report(stage: str, done: int, total: int) -> None:
        if gone.is_set() or call.stopping.is_set():
            raise Unavailable("SERVER_STOPPING", "the server stops; nothing was imported, try again")
        progress = pb.ImportProgress(stage=stage, done=done, total=total)
        loop.call_soon_threadsafe(told.put_nowait, progress)

    work = asyncio.ensure_future(call.run(catalogue.take_in, call.database, asked, report))

    def end(ended: "asyncio.Future[tuple[Imported, WhatFilesSay]]") -> None:
        told.put_nowait(None)
        if not ended.cancelled():
            ended.exception()  # looked at, also when nobody waits for it any more

    work.add_done_callback(end)
    try:
        while (progress := await told.get()) is not None:
            yield pb.ImportMattersResponse(progress=progress)
        imported, said = await work
    finally:
        gone.set()
    for answer in _answers(imported, said):
        yield answer


def _answers(imported: Imported, said: WhatFilesSay) -> "list[pb.ImportMattersResponse]":
    answers = [pb.ImportMattersResponse(fault=fault_message(each)) for each in said.findings.faults]
    answers += [pb.ImportMattersResponse(notice=fault_message(each)) for each in said.findings.notices]
    for created, outcomes in ((True, imported.created), (False, imported.changed)):
        for code, version in outcomes.items():
            outcome = pb.ImportOutcome(code=code, version=version, created=created)
            answers.append(pb.ImportMattersResponse(outcome=outcome))
    summary = pb.ImportSummary(
        created=len(imported.created),
        changed=len(imported.changed),
        unchanged=imported.unchanged,
        refused=imported.refused,
        faults=len(said.findings.faults) + said.findings.more,
        written=imported.written,
    )
    return [*answers, pb.ImportMattersResponse(summary=summary)]


async def _asked(call: StreamCall, requests: AsyncIterator[pb.ImportMattersRequest]) -> Asked:
    """What a stream asks for, with all of its files."""
    first = await _next(requests)
    if first is None or first.WhichOneof("request") != "start":
        fault = Violation("start", "must come first, and once")
        raise Invalid("BAD_REQUEST", "the first message must be start", [fault])
    start = first.start
    check_request_id(start.request_id)
    size = sum(file.size for file in start.files)
    if size > LARGEST_FILES:
        fault = Violation("start.files", f"have {size} bytes; at most {LARGEST_FILES} are taken: import them in parts")
        raise Invalid("BAD_REQUEST", "the files are too large", [fault])
    content = bytearray()
    while len(content) < size and (request := await _next(requests)) is not None:
        if request.WhichOneof("request") != "chunk":
            raise Invalid("BAD_REQUEST", "start came twice", [Violation("start", "must come first, and once")])
        content += request.chunk
    if len(content) != size:
        fault = Violation("chunk", f"{len(content)} bytes came; {size} were declared")
        raise Invalid("BAD_REQUEST", "the files are not as long as declared", [fault])
    files, position = [], 0
    for file in start.files:
        files.append((file.name, bytes(content[position : position + file.size])))
        position += file.size
    return Asked(call.caller.subject, start.request_id, files, start.keep_going, start.dry_run)


async def _next(requests: AsyncIterator[pb.ImportMattersRequest]) -> pb.ImportMattersRequest | None:
    """The next message, or None at the end."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            request = await anext(requests, None)
    except TimeoutError:
        message = f"nothing came for {IDLE_SECONDS:.0f} seconds: begin anew"
        raise Unavailable("IMPORT_INTERRUPTED", message) from None
    if request is not None:
        check_request(request)
    return request
