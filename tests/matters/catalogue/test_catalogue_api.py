"""The catalogue over gRPC: files in and out in chunks, who sees what, bulk acts that are told one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import new_id
from duokua.client import Platform, Session
from duokua.errors import DuokuaError, NotFound, PermissionDenied
from duokua.identity.v1 import directory_pb2
from duokua.matters.v1 import catalogue_service_pb2 as pb
from tests.edge import Edge
from tests.matters.catalogue.builders import ITEM, TASK, Sheets, sheets, workbook


@dataclass(frozen=True, slots=True)
class Town:
    """Two operators and a portal before one catalogue."""

    editor: Platform
    reviewer: Platform
    portal: Platform


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Edge(tmp_path, "matters") as edge:
        reviewer = edge.client(directory_pb2.CLIENT_ROLE_OPERATOR)
        yield Town(edge.operator, reviewer, edge.client(directory_pb2.CLIENT_ROLE_PORTAL))


def asked(content: bytes, *, name: str = "清单.xlsx", size: int | None = None, **start: Any) -> Iterator[Any]:
    file = pb.ImportFile(name=name, size=len(content) if size is None else size)
    begin = pb.ImportStart(**{"request_id": new_id(), "files": [file], **start})
    yield pb.ImportMattersRequest(start=begin)
    for position in range(0, len(content), 1000):
        yield pb.ImportMattersRequest(chunk=content[position : position + 1000])


def imported(caller: Session, given: Sheets | bytes, **start: Any) -> list[pb.ImportMattersResponse]:
    content = given if isinstance(given, bytes) else workbook(given)
    return list(caller.catalogue.ImportMatters(asked(content, **start)))


def published(town: Town) -> None:
    imported(town.editor, sheets())
    filters = pb.MatterFilter()
    list(town.editor.catalogue.SubmitForReview(pb.SubmitForReviewRequest(filter=filters, reason="x")))
    list(town.reviewer.catalogue.PublishMatters(pb.PublishMattersRequest(filter=filters, reason="x")))


def reason_of(call: Any) -> tuple[str, list[str]]:
    with pytest.raises(DuokuaError) as caught:
        call()
    return caught.value.reason, [each.field for each in caught.value.violations]


def test_an_import_tells_progress_outcomes_and_a_summary_at_the_end(town: Town) -> None:
    *before, last = imported(town.editor, sheets())
    assert last.summary == pb.ImportSummary(created=2, written=True)
    assert [each.WhichOneof("answer") for each in before] == ["progress", "outcome", "outcome"]
    assert {each.outcome.code for each in before[1:]} == {ITEM, TASK}
    assert imported(town.editor, sheets())[-1].summary == pb.ImportSummary(unchanged=2, written=True)


def test_a_repeated_import_gets_the_same_summary(town: Town) -> None:
    content = workbook(sheets())
    first = imported(town.editor, content, request_id="once")[-1]
    assert imported(town.editor, content, request_id="once")[-1] == first
    assert reason_of(lambda: imported(town.editor, sheets(承诺办结时限=1), request_id="once"))[0] == "REQUEST_ID_REUSED"


def test_faults_come_with_their_place_and_nothing_is_written(town: Town) -> None:
    answers = imported(town.editor, sheets(承诺办结时限="五", 经办人="甲"))
    faults = [each.fault for each in answers if each.HasField("fault")]
    notices = [each.notice for each in answers if each.HasField("notice")]
    assert [(fault.sheet, fault.row, fault.column) for fault in faults] == [("实施清单", 2, "J 承诺办结时限")]
    assert [notice.column for notice in notices] == ["L 经办人"]
    assert answers[-1].summary == pb.ImportSummary(created=1, refused=1, faults=1)
    assert answers[-1].summary.written is False


def test_streams_that_are_not_what_they_declare_are_refused(town: Town) -> None:
    content = workbook(sheets())
    service = town.editor.catalogue
    assert reason_of(lambda: list(service.ImportMatters(asked(content, size=len(content) + 1)))) == (
        "BAD_REQUEST",
        ["chunk"],
    )
    assert reason_of(lambda: list(service.ImportMatters(asked(content, size=2**40)))) == (
        "BAD_REQUEST",
        ["start.files"],
    )
    assert reason_of(lambda: list(service.ImportMatters(iter([pb.ImportMattersRequest(chunk=b"x")])))) == (
        "BAD_REQUEST",
        ["start"],
    )
    assert reason_of(lambda: imported(town.editor, content, request_id=""))[1] == ["request_id"]
    assert reason_of(lambda: imported(town.editor, content, files=[]))[0] == "BAD_REQUEST"


def test_acts_are_told_one_by_one_with_a_summary(town: Town) -> None:
    imported(town.editor, sheets())
    request = pb.SubmitForReviewRequest(request_id="a", codes=[TASK, ITEM, "0" * 12], reason="x")
    *outcomes, last = list(town.editor.catalogue.SubmitForReview(request))
    assert [(each.outcome.code, each.outcome.reason) for each in outcomes] == [
        (ITEM, ""),
        ("0" * 12, "MATTER_NOT_FOUND"),
        (TASK, ""),
    ]
    assert last.summary == pb.MatterSummary(done=2, failed=1)
    *_, last = town.editor.catalogue.SubmitForReview(request)
    assert last.summary == pb.MatterSummary(done_before=2, failed=1)
    publish = pb.PublishMattersRequest(codes=[TASK, ITEM], reason="x")
    *refused, _ = town.editor.catalogue.PublishMatters(publish)
    assert {each.outcome.reason for each in refused} == {"FOUR_EYES", "ITEM_NOT_PUBLISHED"}
    *_, end = town.reviewer.catalogue.PublishMatters(publish)
    assert end.summary == pb.MatterSummary(done=2)


def test_items_are_retired_after_what_implements_them(town: Town) -> None:
    published(town)
    *outcomes, last = town.reviewer.catalogue.RetireMatters(pb.RetireMattersRequest(codes=[ITEM, TASK], reason="x"))
    assert [each.outcome.code for each in outcomes] == [TASK, ITEM]
    assert last.summary == pb.MatterSummary(done=2)


def test_withdrawn_drafts_are_discarded(town: Town) -> None:
    imported(town.editor, sheets())
    everything = pb.MatterFilter()
    service = town.editor.catalogue
    *_, submitted = service.SubmitForReview(pb.SubmitForReviewRequest(filter=everything))
    *_, withdrawn = service.WithdrawReview(pb.WithdrawReviewRequest(filter=everything))
    *_, discarded = service.DiscardDrafts(pb.DiscardDraftsRequest(filter=everything))
    assert submitted.summary == withdrawn.summary == discarded.summary == pb.MatterSummary(done=2)


def test_it_must_be_clear_which_entries_are_meant(town: Town) -> None:
    for request in (pb.PublishMattersRequest(), pb.PublishMattersRequest(codes=[TASK], filter=pb.MatterFilter())):
        assert reason_of(partial(list, town.editor.catalogue.PublishMatters(request))) == ("BAD_REQUEST", ["codes"])
    retire = pb.RetireMattersRequest(codes=[TASK], last_day="morgen")
    assert reason_of(lambda: list(town.editor.catalogue.RetireMatters(retire))) == ("BAD_REQUEST", ["last_day"])


def test_what_is_in_force_is_for_everybody_and_the_rest_for_operators(town: Town) -> None:
    imported(town.editor, sheets())
    with pytest.raises(NotFound):
        town.portal.catalogue.GetMatter(pb.GetMatterRequest(code=TASK, version=1))
    every_phase = pb.SearchMattersRequest(phases=pb.MatterPhase.values()[1:])
    assert list(town.portal.catalogue.SearchMatters(every_phase).matters) == []
    assert len(town.editor.catalogue.SearchMatters(every_phase).matters) == 2
    assert list(town.editor.catalogue.SearchMatters(pb.SearchMattersRequest()).matters) == []
    published_everything(town)
    (found,) = town.portal.catalogue.SearchMatters(pb.SearchMattersRequest(filter=pb.MatterFilter(code=TASK))).matters
    assert (found.name, found.phase, list(found.hands)) == ("食品经营许可", pb.MATTER_PHASE_IN_FORCE, [])
    got = town.portal.catalogue.GetMatter(pb.GetMatterRequest(code=TASK)).matter
    assert got.implementation.materials[0].name == "营业执照"
    assert got.implementation.statutory_limit == 20
    assert not got.implementation.HasField("visits")
    for call in (
        lambda: town.portal.catalogue.DiffVersions(pb.DiffVersionsRequest(code=TASK)),
        lambda: list(town.portal.catalogue.PublishMatters(pb.PublishMattersRequest(codes=[TASK]))),
        lambda: imported(town.portal, sheets()),
    ):
        with pytest.raises(PermissionDenied):
            call()


def published_everything(town: Town) -> None:
    everything = pb.MatterFilter()
    list(town.editor.catalogue.SubmitForReview(pb.SubmitForReviewRequest(filter=everything)))
    *_, last = town.reviewer.catalogue.PublishMatters(pb.PublishMattersRequest(filter=everything))
    assert last.summary.failed == 0


def test_an_item_tells_the_variants_of_its_implementations(town: Town) -> None:
    published(town)
    answer = town.portal.catalogue.GetMatter(pb.GetMatterRequest(code=ITEM))
    assert answer.matter.item.legal_basis == "《食品安全法》第三十五条"
    assert [(each.implementations, each.code) for each in answer.variants] == [(1, TASK)]


def test_searches_come_in_pages(town: Town) -> None:
    published(town)
    first = town.portal.catalogue.SearchMatters(pb.SearchMattersRequest(page_size=1))
    second = town.portal.catalogue.SearchMatters(pb.SearchMattersRequest(page_size=1, page_token=first.next_page_token))
    assert [each.code for each in (*first.matters, *second.matters)] == [TASK, ITEM]
    assert second.next_page_token == ""
    forged = pb.SearchMattersRequest(page_token="WyJhIiwgIngiXQ")
    assert reason_of(lambda: town.portal.catalogue.SearchMatters(forged))[0] == "BAD_PAGE_TOKEN"


def test_differences_and_the_record_are_told(town: Town) -> None:
    published(town)
    imported(town.editor, sheets(承诺办结时限=3))
    diff = town.editor.catalogue.DiffVersions(pb.DiffVersionsRequest(code=TASK))
    assert (diff.from_version, diff.to_version) == (1, 2)
    assert [each.words for each in diff.differences] == ["承诺办结时限: from 5 to 3"]
    acts = town.editor.catalogue.ListMatterActs(pb.ListMatterActsRequest(code=TASK, page_size=3))
    assert [each.act for each in acts.acts] == ["imported", "submitted", "published"]
    rest = town.editor.catalogue.ListMatterActs(pb.ListMatterActsRequest(code=TASK, page_token=acts.next_page_token))
    assert [(each.act, each.version) for each in rest.acts] == [("imported", 2)]


@pytest.mark.parametrize("form", [pb.FILE_FORM_EXCEL, pb.FILE_FORM_CSV, pb.FILE_FORM_YAML])
def test_what_is_exported_changes_nothing_when_it_is_imported(town: Town, form: "pb.FileForm.ValueType") -> None:
    published(town)
    files: dict[str, bytes] = {}
    for part in town.portal.catalogue.ExportMatters(pb.ExportMattersRequest(form=form)):
        files[part.file_name] = files.get(part.file_name, b"") + part.chunk
    start = [pb.ImportFile(name=name, size=len(content)) for name, content in files.items()]
    answers = imported(town.editor, b"".join(files.values()), files=start)
    assert answers[-1].summary == pb.ImportSummary(unchanged=2, written=True)


def test_operators_export_drafts_too(town: Town) -> None:
    imported(town.editor, sheets())
    request = pb.ExportMattersRequest(form=pb.FILE_FORM_YAML, newest=True, codes=[TASK])
    text = b"".join(part.chunk for part in town.editor.catalogue.ExportMatters(request)).decode()
    assert text.startswith(f"---\nimplementation: '{TASK}'\n")
    assert "catalogue_item" not in text
    assert b"".join(part.chunk for part in town.portal.catalogue.ExportMatters(request)) == b""


def test_a_file_that_takes_too_much_ends_its_own_process_only(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.matters.catalogue.files import conversions  # noqa: PLC0415 - its limit is what is changed

    monkeypatch.setattr(conversions, "WALL_SECONDS", 0.01)
    assert reason_of(lambda: imported(town.editor, sheets())) == ("FILE_TOO_COMPLEX", ["files"])
    monkeypatch.undo()
    assert imported(town.editor, sheets())[-1].summary.created == 2
