"""A package goes from one city to another: signed, trusted, installed, upgraded, compared, exported; on a platform."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.supervise import environment_of
from tests.matters.overlays import left_open
from tests.platform.starting import embedded

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

LEAD, PERMITS = "11330106MB1A00001G", "11330106MB1A00010E"
INSTALL = ("scenario", "install", "first.duokua", "--overlay", "overlay.yaml")
OVERLAY = f"""\
format: 1
package: {{id: open-shop, version: ">=1.0.0 <2.0.0"}}
region: "330106"
lead: {LEAD}
bindings:
  offices: {{permits: {PERMITS}, counter: nearest}}
  data: {{population-register: none}}
  seals: {{approval: own}}
"""

SIZE = """\
tests:
  - name: 400 square metres are too large
    given: {form: {owner: 王示例, shop: {region: "330106", area: 400}}}
    then: {steps: {permit: skipped}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a package, and a platform that takes signed packages only."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status).stdout)

    def refusal(self, *arguments: str) -> dict[str, Any]:
        """What a command is refused with."""
        told: dict[str, Any] = json.loads(self.run(*arguments, "--json", status=1).stderr)["error"]
        return told

    def package(self, name: str, version: str, *changes: tuple[str, str]) -> None:
        """Pack and sign a version of the package as `<name>.duokua`."""
        files = left_open(version=('version: "1.0.0"', f'version: "{version}"'), **dict(enumerate_changes(changes)))
        for path, content in files.items():
            (self.folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name / path).write_bytes(content)
        self.run("scenario", "pack", name, "--out", f"{name}.duokua")
        self.run("scenario", "sign", f"{name}.duokua", "--key", "city.key", "--publisher", "某市大数据局")


def enumerate_changes(changes: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, tuple[str, str]]]:
    return ((f"change{number}", change) for number, change in enumerate(changes))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("exchange")
    with embedded(folder / "data", allow_unsigned_packages=False) as installation:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUOKUA_")}
        made = Place(folder, {**inherited, **environment_of(installation.settings)})
        made.run("region", "register", "330106", "西湖区")
        for code, name in ((LEAD, "西湖区市场监督管理局"), (PERMITS, "西湖区行政审批局")):
            made.run("organ", "register", "--uscc", code, "--name", name, "--region", "330106", "--level", "county")
        made.run("scenario", "key", "new", "city", "--no-passphrase")
        (folder / "overlay.yaml").write_text(OVERLAY, "utf-8")
        made.package("first", "1.0.0")
        yield made


@pytest.fixture(scope="module")
def installed(place: Place) -> Any:
    """What installing the first version says, once it is allowed."""
    assert place.refusal("scenario", "install", "first", "--overlay", "overlay.yaml")["reason"] == "PACKAGE_UNSIGNED"
    assert place.refusal(*INSTALL)["reason"] == "PUBLISHER_NOT_TRUSTED"
    place.run("scenario", "trust", "add", "city.pub", "--name", "甲市", "--reason", "当面核对")
    return place.json(*INSTALL)


def test_a_package_is_installed_with_the_overlay_once_its_publisher_is_trusted(place: Place, installed: Any) -> None:
    permits = next(organ for organ in place.json("organ", "list") if organ["uscc"] == PERMITS)
    assert installed["bundle"]["steps"][1]["organ_id"] == permits["organ_id"]
    (signer,) = installed["installation"]["signers"]
    assert (signer["publisher"], signer["trusted"]) == ("甲市", True)
    assert "trusted as 甲市" in place.run("scenario", "verify", "first.duokua").stdout


def test_an_upgrade_is_looked_at_made_listed_and_taken_back(place: Place, installed: Any) -> None:
    assert installed["installation"]["package_version"] == "1.0.0"
    again = place.run(*INSTALL)
    assert (again.stdout, again.stderr) == ("开店 (open-shop) version 1 is unchanged\n", "")
    place.package("second", "1.1.0", ("max_size: 2 MB", "max_size: 3 MB"))
    told = "material lease largest size in bytes: 2000000 → 3000000"
    assert told in place.run("scenario", "diff", "second.duokua", status=1).stdout
    looked = place.run("scenario", "upgrade", "second.duokua", "--check").stdout
    assert told in looked
    assert "nothing was done" in looked
    (row,) = place.run("scenario", "list").stdout.splitlines()[1:]
    assert row.split("\t")[:6] == ["open-shop", "1", "开店", "open-shop 1.0.0", "甲市", "330106"]
    assert "open-shop: 1.0.0 → 1.1.0" in place.run("scenario", "upgrade", "second.duokua").stdout
    assert "is unchanged" in place.run("scenario", "upgrade", "second.duokua").stdout
    assert place.run("scenario", "diff", "second.duokua").stdout == "they say the same\n"
    assert place.refusal("scenario", "upgrade", "first.duokua")["reason"] == "DOWNGRADE_REFUSED"
    assert place.json("scenario", "upgrade", "first.duokua", "--downgrade")["bundle"]["version"] == 3
    versions = [each["package_version"] for each in place.json("scenario", "list", "open-shop")]
    assert versions == ["1.0.0", "1.1.0", "1.0.0"]


def test_a_package_whose_tests_fail_here_is_not_installed_unless_that_is_asked_for(
    place: Place, installed: Any
) -> None:
    assert installed["bundle"]["bundle_id"] == "open-shop"
    before = place.json("scenario", "list", "open-shop")
    tests = place.folder / "failing" / "tests" / "size.test.yaml"
    tests.parent.mkdir(parents=True)
    tests.write_text(SIZE, "utf-8")
    place.package("failing", "1.2.0", ("max_size: 2 MB", "max_size: 1 MB"))
    refused = place.refusal("scenario", "upgrade", "failing.duokua")
    assert refused["reason"] == "TESTS_FAILED"
    told = [{"field": "tests/size.test.yaml:2", "description": "400 square metres are too large"}]
    assert refused["violations"] == told
    assert place.refusal("scenario", "install", "failing.duokua", "--overlay", "overlay.yaml")["violations"] == told
    assert place.json("scenario", "list", "open-shop") == before
    # Tests that cannot be read are not tests that hold.
    tests.write_text(SIZE.replace("then:", "thne:"), "utf-8")
    place.package("failing", "1.2.0", ("max_size: 2 MB", "max_size: 1 MB"))
    for command in (("upgrade", "failing.duokua"), ("install", "failing.duokua", "--overlay", "overlay.yaml")):
        refused = place.refusal("scenario", *command)
        assert refused["reason"] == "TESTS_INVALID"
        assert 'did you mean "then"?' in refused["violations"][0]["description"]
    assert place.json("scenario", "list", "open-shop") == before
    tests.write_text(SIZE, "utf-8")
    place.package("failing", "1.2.0", ("max_size: 2 MB", "max_size: 1 MB"))
    # With the overlay that is kept, it is another matter.
    strict = place.folder / "strict.yaml"
    strict.write_text(f"{OVERLAY}parameters: {{large: 500}}\n", "utf-8")
    assert "1 test passed" in place.run("scenario", "upgrade", "failing.duokua", "--overlay", "strict.yaml").stdout
    assert "1 test passed" in place.run("scenario", "upgrade", "failing.duokua").stdout
    place.run("scenario", "upgrade", "failing.duokua", "--overlay", "overlay.yaml", "--skip-tests")


def test_what_is_exported_is_what_came_in(place: Place, installed: Any) -> None:
    assert installed["bundle"]["version"] == 1
    place.run("scenario", "export", "open-shop", "--version", "1", "--out", "out.duokua", "--overlay-out", "bound")
    assert (place.folder / "out.duokua").read_bytes() == (place.folder / "first.duokua").read_bytes()
    assert (place.folder / "bound" / "overlay.yaml").read_text("utf-8") == OVERLAY
    assert place.refusal("scenario", "export", "nothing")["reason"] == "SCENARIO_NOT_INSTALLED"


def test_who_is_not_trusted_any_more_opens_nothing(place: Place) -> None:
    place.run("scenario", "key", "new", "other", "--no-passphrase")
    place.run("scenario", "pack", "first", "--out", "theirs.duokua")
    place.run("scenario", "sign", "theirs.duokua", "--key", "other.key", "--publisher", "乙")
    trust = ("scenario", "trust", "add", "other.pub", "--name", "乙市", "--reason", "来函")
    publisher = place.json(*trust)
    assert place.json(*trust) == publisher
    place.run("scenario", "verify", "theirs.duokua")
    place.run("scenario", "trust", "remove", publisher["key_id"], "--reason", "密钥泄露")
    told = place.run("scenario", "verify", "theirs.duokua", status=1).stdout
    assert "theirs.duokua: whole, but nobody who is trusted here signed it" in told
    refused = place.refusal("scenario", "install", "theirs.duokua", "--overlay", "overlay.yaml")
    assert refused["reason"] == "PUBLISHER_NOT_TRUSTED"
    everybody = place.json("scenario", "trust", "list", "--all")
    record = next(each for each in everybody if each["key_id"] == publisher["key_id"])
    assert (record["reason"], record["distrust_reason"]) == ("来函", "密钥泄露")
    assert publisher["key_id"] not in {each["key_id"] for each in place.json("scenario", "trust", "list")}
