"""The samples of steps that a region adds to shipped scenarios: done where they are wanted, and nowhere in the way."""

import pytest

from cli.rehearsal.publishing import publish
from cli.rehearsal.running import Outcome, run_trial
from cli.scenarios.folders import read_folder, read_overlay
from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import read_trials
from tests.docs.pages import ROOT

# Package, sample, the step that is added, and its tests.
CLOSING = (
    "close-company",
    "housing-fund",
    """\
tests:
  - name: the account at the housing fund is closed once the company is struck off
    given:
      example: examples/simple-never-opened.json
      changes: {fund.opened: true, fund.account: "3301060001"}
      results: {company-deregistration: {approval_number: 一号, deregistered_on: 2026年3月2日}}
    then:
      case: completed
      order: [company-deregistration, housing-fund-deregistration]
      notices: {housing-fund-deregistration: {contains: [已于2026年3月2日注销登记, 单位账号：3301060001。]}}
      hidden: {housing-fund-deregistration: [company.contact, handled]}
  - name: without an account there is nothing to close
    given: {example: examples/simple-never-opened.json, changes: {fund.opened: false}}
    then: {case: completed, steps: {housing-fund-deregistration: skipped}}
  - name: who has an account says which
    given: {example: examples/simple-never-opened.json, changes: {fund.opened: true}}
    then: {turned_away: [account]}
  - name: a housing fund that refuses is asked again
    given: {example: examples/simple-never-opened.json, changes: {fund.opened: true, fund.account: "3301060001"}}
    when:
      - {step: housing-fund-deregistration, refuse: 有欠缴}
      - {then: {incidents: {housing-fund-deregistration: REFUSED_AFTER_PIVOT}}}
      - {step: housing-fund-deregistration, retry: 已补缴}
    then: {case: completed}
""",
)
MOVING = (
    "move-company",
    "seals",
    """\
tests:
  - name: new seals bear the new name
    given:
      example: examples/from-another-city-with-a-new-name.json
      changes: {seals.wanted: true, seals.kinds: [公章, 合同专用章]}
    then:
      case: completed
      regions: {new-seals: "330106"}
      notices: {new-seals: {contains: [公章、合同专用章。, 印章名称：杭州示例海纳贸易有限公司。]}}
  - name: new seals without a new name bear the old one
    given: {example: examples/within-the-city.json, changes: {seals.wanted: true, seals.kinds: [公章]}}
    then: {case: completed, notices: {new-seals: {status: sealed, lacks: [印章名称]}}}
  - name: seals that are refused hold nobody up
    given: {example: examples/within-the-city.json, changes: {seals.wanted: true, seals.kinds: [公章]}}
    when:
      - {step: new-seals, refuse: 请到窗口办理}
    then: {case: completed, steps: {new-seals: refused}}
""",
)


def outcomes(package: str, sample: str, tests: str) -> list[Outcome]:
    folder = ROOT / "scenarios" / package
    files = {path: text for path, text in read_folder(folder).items() if not path.startswith("tests/")}
    files["tests/own.test.yaml"] = tests.encode()
    examined = examine_package(files, read_overlay(folder / "examples" / sample))
    assert examined.scenario is not None, examined.faults
    trials, faults = read_trials(files, examined)
    assert faults == []
    published = publish(examined.scenario)
    return [run_trial(published, trial, files) for trial in trials]


@pytest.mark.parametrize(("package", "sample", "tests"), [CLOSING, MOVING], ids=["close-company", "move-company"])
def test_a_regions_own_step_does_what_it_is_for(package: str, sample: str, tests: str) -> None:
    found = outcomes(package, sample, tests)
    assert len(found) >= 3
    assert {each.name: each.missed for each in found if not each.passed} == {}
