"""CatalogueService: between contract and use cases."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chassis.api import Call, StreamCall
from chassis.clock import day_of
from chassis.paging import page
from chassis.problems import Invalid, Unavailable, Violation
from chassis.requests import check_request_id
from duokua.matters.v1 import catalogue_service_pb2 as pb
from services.matters.catalogue.acting import Acting, Order, Result, Verb, in_order
from services.matters.catalogue.domain.versions import Phase
from services.matters.catalogue.files.reading import Form
from services.matters.catalogue.messages import (
    day_from,
    difference_message,
    outcome_message,
    phases_of,
    version_message,
    wanted_of,
)
from services.matters.catalogue.receiving import import_files
from services.matters.catalogue.searching import Wanted, search
from services.matters.catalogue.service import Catalogue

READ_ALL = "catalogue.read_all"
CHUNK = 256 * 1024
AT_ONCE = 200
_FORMS = {pb.FILE_FORM_EXCEL: Form.EXCEL, pb.FILE_FORM_CSV: Form.CSV, pb.FILE_FORM_YAML: Form.YAML}
# What a verb finds when it is given a filter.
_PHASES = {
    Verb.SUBMIT: (Phase.DRAFT,),
    Verb.WITHDRAW: (Phase.REVIEW,),
    Verb.PUBLISH: (Phase.REVIEW,),
    Verb.RETIRE: (Phase.IN_FORCE, Phase.PLANNED),
    Verb.DISCARD: (Phase.DRAFT,),
}


class CatalogueApi:
    """duokua.matters.v1.CatalogueService."""

    service = pb.DESCRIPTOR.services_by_name["CatalogueService"]

    def __init__(self) -> None:
        self._catalogue = Catalogue()

    async def import_matters(
        self, call: StreamCall, requests: AsyncIterator[pb.ImportMattersRequest]
    ) -> AsyncIterator[pb.ImportMattersResponse]:
        """Takes in files."""
        async for answer in import_files(self._catalogue, call, requests):
            yield answer

    async def export_matters(
        self, call: StreamCall, request: pb.ExportMattersRequest
    ) -> AsyncIterator[pb.ExportMattersResponse]:
        """Entries as files."""
        newest = request.newest and call.caller.may(READ_ALL)
        phases = tuple(Phase) if newest else (Phase.IN_FORCE,)
        wanted = wanted_of(request.filter, day_of(call.database.clock.now()), phases)
        wanted = replace(wanted, codes=tuple(request.codes))
        files = await call.run(self._files, call, _FORMS[request.form], wanted, newest)
        for name, content in files:
            with content:
                yield pb.ExportMattersResponse(file_name=name)
                while chunk := content.read(CHUNK):
                    yield pb.ExportMattersResponse(file_name=name, chunk=chunk)

    def _files(self, call: StreamCall, form: Form, wanted: Wanted, newest: bool) -> Any:  # noqa: FBT001 - as asked
        return self._catalogue.files(call.database, form.value, wanted, newest=newest)

    def get_matter(self, call: Call, request: pb.GetMatterRequest) -> pb.GetMatterResponse:
        """An entry with all it says."""
        day, all_of_it = day_from(request.day, "day"), call.caller.may(READ_ALL)
        row = self._catalogue.matter(call.work, request.code, request.version, day, all_of_it=all_of_it)
        found = self._catalogue.variants(call.work, request.code, day)
        return pb.GetMatterResponse(
            matter=version_message(row, day or day_of(call.work.now), whole=True, all_of_it=all_of_it),
            variants=[pb.MatterVariant(implementations=each.implementations, code=each.code) for each in found],
        )

    def search_matters(self, call: Call, request: pb.SearchMattersRequest) -> pb.SearchMattersResponse:
        """Versions by many things."""
        asked = page(request.page_size, request.page_token, keys=2)
        day, all_of_it = day_from(request.day, "day") or day_of(call.work.now), call.caller.may(READ_ALL)
        phases = phases_of(request.phases) or (Phase.IN_FORCE,)
        if not all_of_it:
            phases = tuple(phase for phase in phases if phase is Phase.IN_FORCE)
        wanted = wanted_of(request.filter, day, phases)
        rows = search(call.work.connection, wanted, _after(asked.after), asked.fetch)
        kept, token = asked.cut(rows, lambda row: [row.code, str(row.version)])
        found = [version_message(row, day, whole=False, all_of_it=all_of_it) for row in kept]
        return pb.SearchMattersResponse(matters=found, next_page_token=token)

    def diff_versions(self, call: Call, request: pb.DiffVersionsRequest) -> pb.DiffVersionsResponse:
        """How two versions differ."""
        diff = self._catalogue.diff(call.work, request.code, request.from_version, request.to_version)
        return pb.DiffVersionsResponse(
            from_version=diff.before,
            to_version=diff.after,
            differences=[difference_message(each) for each in diff.differences],
        )

    def list_matter_acts(self, call: Call, request: pb.ListMatterActsRequest) -> pb.ListMatterActsResponse:
        """Who did what."""
        asked = page(request.page_size, request.page_token)
        after = str(asked.after[0]) if asked.after else ""
        rows = self._catalogue.acts(call.work, request.code, after, asked.fetch)
        kept, token = asked.cut(rows, lambda row: [row.act_id])
        acts = []
        for row in kept:
            act = pb.MatterAct(version=row.version, act=row.act, who=row.who, reason=row.reason)
            act.at.FromDatetime(row.at)
            acts.append(act)
        return pb.ListMatterActsResponse(acts=acts, next_page_token=token)

    async def submit_for_review(
        self, call: StreamCall, request: pb.SubmitForReviewRequest
    ) -> AsyncIterator[pb.SubmitForReviewResponse]:
        """Drafts go into review."""
        async for answer in self._act(call, request, Verb.SUBMIT, pb.SubmitForReviewResponse):
            yield answer

    async def withdraw_review(
        self, call: StreamCall, request: pb.WithdrawReviewRequest
    ) -> AsyncIterator[pb.WithdrawReviewResponse]:
        """Versions go back from review."""
        async for answer in self._act(call, request, Verb.WITHDRAW, pb.WithdrawReviewResponse):
            yield answer

    async def publish_matters(
        self, call: StreamCall, request: pb.PublishMattersRequest
    ) -> AsyncIterator[pb.PublishMattersResponse]:
        """Versions in review are published."""
        async for answer in self._act(call, request, Verb.PUBLISH, pb.PublishMattersResponse):
            yield answer

    async def retire_matters(
        self, call: StreamCall, request: pb.RetireMattersRequest
    ) -> AsyncIterator[pb.RetireMattersResponse]:
        """Entries end."""
        async for answer in self._act(call, request, Verb.RETIRE, pb.RetireMattersResponse):
            yield answer

    async def discard_drafts(
        self, call: StreamCall, request: pb.DiscardDraftsRequest
    ) -> AsyncIterator[pb.DiscardDraftsResponse]:
        """Drafts are given up."""
        async for answer in self._act(call, request, Verb.DISCARD, pb.DiscardDraftsResponse):
            yield answer

    async def _act(self, call: StreamCall, request: Any, verb: Verb, answer: Callable[..., Any]) -> AsyncIterator[Any]:
        """Do something with many entries, some in each transaction."""
        check_request_id(request.request_id)
        if bool(request.codes) == request.HasField("filter"):
            fault = Violation("codes", "give these or a filter, one of the two")
            raise Invalid("BAD_REQUEST", "it is not clear which entries are meant", [fault])
        last_day = day_from(request.last_day, "last_day") if verb is Verb.RETIRE else None
        seen_at = _seen_at(request) if verb is Verb.PUBLISH else None
        order = Order(verb, call.caller.subject, request.reason, request.request_id, last_day, seen_at)
        summary = pb.MatterSummary()
        async for codes in self._meant(call, request, verb):
            if call.stopping.is_set():
                raise Unavailable("SERVER_STOPPING", "the server stops; call again with the same request_id")
            for result in await call.run(_transact, call, order, codes):
                _count(summary, result)
                yield answer(outcome=outcome_message(result))
        yield answer(summary=summary)

    async def _meant(self, call: StreamCall, request: Any, verb: Verb) -> AsyncIterator[list[str]]:
        """The codes that a request names, or that its filter finds; items first, but last when they are retired."""
        if request.codes:
            for codes in in_order(request.codes, items_first=verb is not Verb.RETIRE):
                yield codes
            return
        day = day_of(call.database.clock.now())
        for implementations in (True, False) if verb is Verb.RETIRE else (False, True):
            wanted = wanted_of(request.filter, day, _PHASES[verb])
            wanted = replace(wanted, implementations=implementations)
            after: tuple[str, int] | None = None
            while rows := await call.run(_page, call, wanted, after):
                yield list(dict.fromkeys(code for code, _ in rows))
                after = rows[-1]


def _seen_at(request: pb.PublishMattersRequest) -> datetime | None:
    return request.seen_at.ToDatetime(UTC) if request.HasField("seen_at") else None


def _page(call: StreamCall, wanted: Wanted, after: tuple[str, int] | None) -> list[tuple[str, int]]:
    with call.database.read() as work:
        return [(row.code, row.version) for row in search(work.connection, wanted, after, AT_ONCE)]


def _transact(call: StreamCall, order: Order, codes: list[str]) -> list[Result]:
    with call.database.begin() as work:
        return Acting(work, order).on(codes)


def _count(summary: pb.MatterSummary, result: Result) -> None:
    name = "failed" if result.problem else "done_before" if result.before else "done"
    setattr(summary, name, getattr(summary, name) + 1)


def _after(key: list[Any] | None) -> tuple[str, int] | None:
    if key is None:
        return None
    code, number = str(key[0]), str(key[1])
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        fault = Violation("page_token", "give the next_page_token of an earlier answer, unchanged")
        raise Invalid("BAD_PAGE_TOKEN", "the page token is not one that this method gave", [fault])
    return code, int(number)
