"""`duokua scenario elements`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson
from cli.output import print_json, print_rows

if TYPE_CHECKING:
    from services.matters.package.elements import Element


def list_elements(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Only those with this in their id or name.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List the platform's data elements, which the fields of every form can be. No platform is needed."""
    from services.matters.package.elements import platform_elements  # noqa: PLC0415 - only what a command needs

    known = platform_elements().known.values()
    wanted = word.casefold()
    found = [each for each in known if wanted in f"{each.element_id} {each.name.zh} {each.name.en}".casefold()]
    if json:
        print_json([_as_json(each) for each in found])
        return
    columns = [
        ("element", lambda each: each.element_id),
        ("name", lambda each: each.name.zh),
        ("", lambda each: each.name.en),
        ("holds", _holds),
        ("standard", lambda each: each.standard),
        ("comes from", lambda each: ", ".join(origin.source_id for origin in each.origins)),
    ]
    print_rows(found, columns, as_json=False, empty=f"no data element has {word!r} in its id or name")


def _holds(element: "Element") -> str:
    if element.members:
        return ", ".join(each.name if each.required else f"{each.name}?" for each in element.members)
    return str(element.schema.get("format", "code" if element.values else element.type))


def _as_json(element: "Element") -> dict[str, object]:
    from services.matters.package.formschema import leaf  # noqa: PLC0415 - only what a command needs

    return {"id": element.element_id, **leaf(element)}
