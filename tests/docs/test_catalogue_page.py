"""The commands of the catalogue's page, exactly as printed, by two operators."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from duokua.matters.v1 import catalogue_service_pb2 as pb
from tests.docs.pages import ROOT, code_blocks, read, section
from tests.edge import Edge
from tests.matters.catalogue.builders import ITEM, TASK, sheets, workbook

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]


def shell(script: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-ec", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_commands_of_the_page_publish_a_workbook_with_four_eyes(tmp_path: Path) -> None:
    register, fill, publish, correct = (
        block.text
        for block in code_blocks(section(read("docs/catalogue.md"), "From a workbook to the published catalogue"))
    )
    shim = tmp_path / "bin" / "duokua"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli.main "$@"\n', "utf-8")
    shim.chmod(0o755)
    (tmp_path / "清单.xlsx").write_bytes(workbook(sheets()))
    corrected = sheets(承诺办结时限=3)
    corrected["基本目录"][0]["事项名称"] = "食品经营许可（核发）"
    (tmp_path / "清单-更正.xlsx").write_bytes(workbook(corrected))
    with Edge(tmp_path / "data", "matters") as edge:
        environment = {
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
            "PYTHONUTF8": "1",
            "COLUMNS": "120",
            "DUOKUA_DATA_DIR": str(tmp_path / "data"),
            "DUOKUA_ENDPOINTS": edge.settings.listen,
        }
        shell(register, tmp_path, environment)
        told = shell(fill, tmp_path, environment)
        assert "would be imported: 2 new" in told
        assert "2 entries submitted, 0 failed" in told
        assert (tmp_path / "模板.xlsx").exists()
        assert "2 entries published, 0 failed" in shell(publish, tmp_path, environment)
        assert f"{ITEM}: version 1 to 2\n  事项名称: from 食品经营许可 to 食品经营许可（核发）\n" in shell(
            correct, tmp_path, environment
        )
        in_force = edge.operator.catalogue.SearchMatters(pb.SearchMattersRequest()).matters
    assert [(each.code, each.version) for each in in_force] == [(TASK, 1), (ITEM, 1)]
