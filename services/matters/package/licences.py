"""The licences that matters grant (电子证照): which one, and where what it says comes from."""

from collections.abc import Iterator, Mapping

from services.matters.package.checks import MatterFile
from services.matters.package.elements import Elements
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.forms import FormField
from services.matters.package.models import GrantedLicencePart, MatterPart


def check_licences(
    matters: Mapping[str, MatterFile], elements: Elements, seen: Mapping[str, FormField], faults: Faults
) -> None:
    """Check that each licence is known, and that its office has what it is made of; `seen` is the form by matter."""
    known = [name for name, each in elements.sources.items() if each.kind == "licence"]
    for name, matter in matters.items():
        granted = matter.part.licence
        if granted is None:
            continue
        if granted.type not in known:
            message = f'there is no licence "{granted.type}"{did_you_mean(granted.type, known)}'
            faults.add(matter.source.fault(("licence", "type"), message))
        for place, source in _sources(granted):
            fault = _fault(source, matter.part, seen.get(name))
            if fault:
                faults.add(matter.source.fault(place, fault))


def _sources(granted: GrantedLicencePart) -> Iterator[tuple[Path, str]]:
    for field, source in granted.fields.items():
        yield ("licence", "fields", field), source
    if granted.valid_until:
        yield ("licence", "valid_until"), granted.valid_until


def _fault(source: str, matter: MatterPart, form: FormField | None) -> str:
    """Why a licence cannot be made of a path; empty where it can."""
    root, _, path = source.partition(".")
    if root == "result":
        name = path.partition(".")[0]
        if name in matter.result:
            return ""
        return f'the result has no field "{name}"{did_you_mean(name, matter.result)}: declare it in `result`'
    if form is not None and form.find(path) is None:
        return form.unknown(path)
    if not any(path == each or path.startswith(f"{each}.") for each in matter.form_fields):
        return f'the office does not see "{path}": add it to `fields` of the matter'
    return ""
