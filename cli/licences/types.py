"""`duokua licence type`: what licences of a type say, and who may see what of it."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from google.protobuf.json_format import ParseDict
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.connection import operator
from cli.options import AsJson
from cli.output import as_dict, enum_name, every_page, print_json, print_rows, say
from duokua.licences.v1 import licence_pb2, licence_service_pb2

pb = licence_service_pb2
app = typer.Typer(no_args_is_help=True, help="Types of licences: define, list, show.")
TypeName = Annotated[str, typer.Argument(metavar="TYPE", help="A type's code, or what scenarios call it.")]


class FieldPart(BaseModel):
    """A field of a type, as its file has it."""

    model_config = ConfigDict(extra="forbid")

    label: str
    type: Literal["text", "date", "integer", "number", "boolean"] = "text"
    required: bool = True
    audience: Literal["holder", "organs", "everyone"] = "holder"


class TypePart(BaseModel):
    """A type of licences, as its file has it."""

    model_config = ConfigDict(extra="forbid")

    code: str
    kind: str
    name: str
    holder: Literal["natural", "legal"] | None = None
    valid_months: int = Field(default=0, ge=0, le=2**31)
    sharing: Literal["consent", "open", "closed"] = "consent"
    issuers: list[str] = []
    matter: str = ""
    fields: dict[str, FieldPart] = {}
    template: str


@app.command()
def define(
    file: Annotated[Path, typer.Argument(help="The type, in YAML.", exists=True, dir_okay=False)],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Define a type of licences, or change it for licences that are issued from now on."""
    wanted = read_type(file)
    with operator() as platform:
        made = platform.licences.DefineType(pb.DefineTypeRequest(type=wanted)).type
    if json:
        print_json(as_dict(made))
    else:
        say(f"type {made.type_code} {made.kind} {made.name} is defined, version {made.version}")


@app.command(name="list")
def list_types(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the types of licences."""
    with operator() as platform:
        found = every_page(
            lambda token: platform.licences.ListTypes(pb.ListTypesRequest(page_size=1000, page_token=token)),
            lambda answer: answer.types,
        )
    columns = [
        ("code", lambda each: each.type_code),
        ("kind", lambda each: each.kind),
        ("name", lambda each: each.name),
        ("months", lambda each: str(each.valid_months or "without end")),
        ("sharing", lambda each: enum_name(each, "sharing")),
    ]
    print_rows(found, columns, as_json=json, empty="there are no types of licences")


@app.command()
def show(name: TypeName, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Show what licences of a type say, and to whom."""
    with operator() as platform:
        found = platform.licences.GetType(pb.GetTypeRequest(type=name)).type
    if json:
        print_json(as_dict(found))
        return
    say(f"{found.type_code} {found.kind} {found.name}, version {found.version}")
    say(f"issued by {', '.join(found.issuers) or 'any organ'}")
    say(f"sealed as matter {found.catalog_code}" if found.catalog_code else "sealed with seals for all matters")
    columns = [
        ("field", lambda each: each.name),
        ("label", lambda each: each.label),
        ("type", lambda each: enum_name(each, "type")),
        ("required", lambda each: "yes" if each.required else "no"),
        ("for", lambda each: enum_name(each, "audience")),
    ]
    print_rows(found.fields, columns, as_json=False, empty="it has no fields")


def read_type(file: Path) -> licence_pb2.LicenceType:
    """The type that a file says; raises BadParameter, which names every fault."""
    try:
        part = TypePart.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} is no YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise typer.BadParameter(f"{file}: {faults}") from error
    said: dict[str, Any] = {
        "type_code": part.code,
        "kind": part.kind,
        "name": part.name,
        "holder_kind": f"HOLDER_KIND_{(part.holder or 'unspecified').upper()}",
        "valid_months": part.valid_months,
        "sharing": f"SHARING_{part.sharing.upper()}",
        "issuers": part.issuers,
        "catalog_code": part.matter,
        "template": part.template,
        "fields": [
            {
                "name": name,
                "label": field.label,
                "type": f"FIELD_TYPE_{field.type.upper()}",
                "required": field.required,
                "audience": f"AUDIENCE_{field.audience.upper()}",
            }
            for name, field in part.fields.items()
        ],
    }
    return ParseDict(said, licence_pb2.LicenceType())
