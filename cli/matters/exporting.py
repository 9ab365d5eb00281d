"""`duokua matter export` and `template`."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.connection import operator
from cli.matters.desk import Code, Item, Organ, Region, Text, filter_of
from cli.options import AsJson
from cli.output import print_json, say
from duokua.matters.v1 import catalogue_service_pb2 as pb


class Form(StrEnum):
    """A form of file."""

    EXCEL = "xlsx"
    CSV = "csv"
    YAML = "yaml"


_FORMS = {Form.EXCEL: pb.FILE_FORM_EXCEL, Form.CSV: pb.FILE_FORM_CSV, Form.YAML: pb.FILE_FORM_YAML}
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to, made if it is not there.", file_okay=False)]
AsForm = Annotated[Form, typer.Option("--format", help="A workbook, a file a sheet, or a document an entry.")]
Newest = Annotated[bool, typer.Option("--newest", help="The newest versions, drafts too, not those in force.")]


def export(  # noqa: PLR0913, PLR0917 - options
    folder: Folder,
    form: AsForm = Form.EXCEL,
    newest: Newest = False,  # noqa: FBT002 - an option
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Export entries as files that `import` takes: catalogue.xlsx, catalogue.yaml, or a CSV file for each sheet."""
    wanted = filter_of(text, code, item, organ, region)
    request = pb.ExportMattersRequest(form=_FORMS[form], filter=wanted, newest=newest)
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, BinaryIO] = {}
    try:
        with operator() as platform, ExitStack() as opened:
            for answer in platform.catalogue.ExportMatters(request, timeout=None):
                name = Path(answer.file_name).name
                if name not in parts:
                    parts[name] = opened.enter_context(_part(folder, name).open("wb"))
                parts[name].write(answer.chunk)
        for name in parts:  # all of them are whole
            _part(folder, name).replace(folder / name)
    finally:
        for name in parts:
            _part(folder, name).unlink(missing_ok=True)
    written = [str(folder / name) for name in parts]
    if json:
        print_json({"files": written})
    else:
        say(f"exported: {', '.join(written)}")


def template(
    file: Annotated[Path, typer.Argument(help="The workbook to write; it must not be there yet.", dir_okay=False)],
) -> None:
    """Write an empty workbook to fill in: every sheet and column, with notes and lists to choose from."""
    from services.matters.catalogue.files.writing import write_template  # noqa: PLC0415 - only what a command needs

    with file.open("xb") as target:
        write_template(target)
    say(f"{file} is written; columns with * must be filled in, and 填写说明 explains all of them")


def _part(folder: Path, name: str) -> Path:
    return folder / f".{name}.part"
