"""The samples of licences that come with scenarios: each can be defined, and says what its approval gives it."""

from pathlib import Path

import pytest

from cli.licences.types import read_type
from cli.scenarios.folders import read_folder
from services.licences.domain.types import Audience, Field, FieldType, HolderKind, LicenceType, Sharing, faults_of
from services.matters.domain.bundle import GrantedLicence
from services.matters.package.compiler import compile_package
from tests.docs.pages import ROOT

SAMPLES = sorted((ROOT / "scenarios").glob("*/examples/*.type.yaml"))
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def granted(folder: Path) -> dict[str, GrantedLicence]:
    """The licences that the approvals of a scenario make, by their type."""
    matters = compile_package(read_folder(folder)).matters
    return {matter.licence.kind: matter.licence for matter in matters if matter.licence}


def a_type(sample: Path) -> LicenceType:
    said = read_type(sample)
    fields = tuple(
        Field(each.name, each.label, FieldType.TEXT, required=each.required, audience=Audience(each.audience))
        for each in said.fields
    )
    return LicenceType(
        type_code=said.type_code,
        kind=said.kind,
        name=said.name,
        holder_kind=HolderKind.ANY,
        fields=fields,
        template=said.template,
        valid_months=said.valid_months,
        sharing=Sharing.CONSENT,
    )


@every_sample
def test_a_sample_can_be_defined(sample: Path) -> None:
    assert faults_of(a_type(sample), None) == []


@every_sample
def test_a_sample_is_of_a_licence_that_its_scenario_grants_and_has_its_fields(sample: Path) -> None:
    of = a_type(sample)
    assert [field.name for field in of.fields] == [name for name, _ in granted(sample.parents[1])[of.kind].fields]


@every_sample
def test_a_sample_is_sealed_as_the_matter_that_grants_it(sample: Path) -> None:
    of = read_type(sample)
    matters = compile_package(read_folder(sample.parents[1])).matters
    codes = {matter.catalog_code for matter in matters if matter.licence and matter.licence.kind == of.kind}
    assert {of.catalog_code} == codes


def test_every_licence_that_a_scenario_grants_has_a_sample() -> None:
    folders = [path.parent for path in (ROOT / "scenarios").glob("*/scenario.yaml")]
    wanted = {(folder.name, kind) for folder in folders for kind in granted(folder)}
    assert wanted == {(sample.parents[1].name, read_type(sample).kind) for sample in SAMPLES}
    assert wanted
