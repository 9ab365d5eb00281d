"""The keys of a scenario package's YAML files, as pydantic models, and its errors in a developer's words."""

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from services.matters.package.faults import Fault, Faults, Path, did_you_mean
from services.matters.package.source import Source

_SLUG = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_FIELD_PATH = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
_MEDIA_TYPE = r"^[a-z]+/[a-z0-9][a-z0-9.+-]*$"
_SIZE = r"^[1-9][0-9]{0,6} ?(KB|MB)$"
_REGION = r"^[0-9]{6}$"
_AMOUNT = "[1-9][0-9]{0,7}"
_UNITS = "(working day|calendar day|hour|minute|month)s?"
_TIME = rf"^{_AMOUNT} {_UNITS}$"
_EXTENDABLE_TIME = rf"^{_AMOUNT} {_UNITS}( \(\+{_AMOUNT}\))?$"
_TIME_OF_DAY = r"^(0[1-9]|1[0-9]|2[0-3]):[0-5][0-9]$"
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"

Slug = Annotated[str, StringConstraints(pattern=_SLUG, max_length=60)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
FieldPath = Annotated[str, StringConstraints(pattern=_FIELD_PATH, max_length=200)]
MediaType = Annotated[str, StringConstraints(pattern=_MEDIA_TYPE, max_length=100)]
FieldName = Annotated[str, StringConstraints(pattern=_NAME, max_length=60)]
JsonType = Literal["string", "number", "integer", "boolean", "array", "object"]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Time = Annotated[str, StringConstraints(pattern=_TIME)]
ExtendableTime = Annotated[str, StringConstraints(pattern=_EXTENDABLE_TIME)]
TimeOfDay = Annotated[str, StringConstraints(pattern=_TIME_OF_DAY)]
MaterialSize = Annotated[str, StringConstraints(pattern=_SIZE)]

# What a value that breaks a pattern should look like.
_SHAPES = {
    _SLUG: 'small letters, digits and single hyphens, such as "food-licence"',
    _FIELD_PATH: 'a path in the form, such as "premises.area"',
    _MEDIA_TYPE: 'a media type, such as "application/pdf"',
    _NAME: 'letters, digits and underscores, such as "id_number"',
    _SIZE: 'a size, such as "500 KB" or "2 MB"',
    _TIME: 'a time in working days, calendar days, hours, minutes or months, such as "5 working days"',
    _EXTENDABLE_TIME: (
        'a time in working days, calendar days, hours, minutes or months, such as "20 working days", or '
        '"20 working days (+10)" when it may be extended'
    ),
    _TIME_OF_DAY: 'a time of day from 01:00 on in quotes, such as "17:30"',
    _REGION: 'a region of GB/T 2260 in quotes, such as "330106"',
}


class Part(BaseModel):
    """What all parts share: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NamePart(Part):
    """A name in both languages."""

    zh: Text
    en: Text


class OriginPart(Part):
    """Where a scenario was made."""

    region: Annotated[str, StringConstraints(pattern=_REGION)]
    organ: Text


class LeadPart(Part):
    """The role of the organ that leads; the installing region says which organ that is."""

    role: Slug
    name: NamePart


class MaterialPart(Part):
    """A kind of material."""

    kind: Slug
    name: NamePart
    required: bool = True
    media_types: Annotated[list[MediaType], Field(min_length=1, max_length=20)]
    max_size: MaterialSize = "3 MB"


class LimitsPart(Part):
    """How long a step may take."""

    acceptance: Time | None = None
    statutory: ExtendableTime | None = None
    promised: Time | None = None


class BundleLimitsPart(Part):
    """How long the whole bundle may take; each step is accepted for itself."""

    statutory: ExtendableTime | None = None
    promised: Time | None = None


class ClockRulesPart(Part):
    """How days are counted."""

    counts_start_day: bool = False
    counts_stop_day: bool = False
    counts_resume_day: bool = False
    ends_on_days_off: bool = False
    closes_at: TimeOfDay | None = None
    yellow_percent: Annotated[int, Field(ge=1, le=100)] = 80


class StepPart(Part):
    """A step of the bundle."""

    id: Slug
    matter: Slug
    after: Annotated[list[Slug], Field(max_length=100)] = []
    when: Annotated[str, StringConstraints(max_length=500)] = ""
    level: Annotated[int, Field(ge=1, le=6)] | None = None
    undo: Literal["task", "none"] | None = None
    pivot: bool = False
    optional: bool = False
    application: Literal["none"] | None = None
    needs: Annotated[int, Field(ge=1, le=100)] | None = None
    choice: Slug | None = None
    pre_check: bool = False
    inputs: Annotated[dict[FieldName, Expression], Field(max_length=50)] = {}
    limits: LimitsPart | None = None


class CorrectionsPart(Part):
    """How often and for how long the applicant may be asked for corrections."""

    most: Annotated[int, Field(ge=1, le=10)] | None = None
    limit: Time | None = None


class VisitPart(Part):
    """A visit to the site that the offices of several steps make together."""

    id: Slug
    name: NamePart
    steps: Annotated[list[Slug], Field(min_length=2, max_length=100)]


class ManifestPart(Part):
    """scenario.yaml."""

    format: Literal[1]
    id: Slug
    name: NamePart
    summary: NamePart | None = None
    licence: Text
    origin: OriginPart
    catalog_code: str
    lead: LeadPart
    region_field: FieldPath
    form: dict[str, Any]
    materials: Annotated[list[MaterialPart], Field(max_length=100)] = []
    steps: Annotated[list[StepPart], Field(min_length=1, max_length=100)]
    visits: Annotated[list[VisitPart], Field(max_length=50)] = []
    undo_order: Annotated[list[Slug], Field(max_length=100)] = []
    limits: BundleLimitsPart | None = None
    clock_rules: ClockRulesPart | None = None
    corrections: CorrectionsPart | None = None


class NoticePart(Part):
    """The notice that a matter's result becomes."""

    title: Text
    template: Text


class ResultFieldPart(Part):
    """A field of a matter's result."""

    type: JsonType
    required: bool = True
    shared: bool = False


class MatterPart(Part):
    """matters/<name>.yaml."""

    catalog_code: str
    name: NamePart
    type: str
    form_fields: Annotated[list[FieldPath], Field(max_length=500)] = []
    materials: Annotated[list[Slug], Field(max_length=100)] = []
    notice: NoticePart | None = None
    inputs: Annotated[dict[FieldName, JsonType], Field(max_length=50)] = {}
    result: Annotated[dict[FieldName, ResultFieldPart], Field(max_length=100)] = {}


Model = TypeVar("Model", bound=Part)


def read_part(model: type[Model], source: Source, faults: Faults) -> Model | None:
    """Read a file's data as a model; None, with a fault for each error, when it does not fit."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        unknown = {details["loc"] for details in errors if details["type"] == "extra_forbidden"}
        for details in errors:
            if not (details["type"] == "missing" and _is_misspelt(details["loc"], unknown)):
                faults.add(_fault(model, source, details))
        return None


def _is_misspelt(missing: Path, unknown: Iterable[Path]) -> bool:
    """Tell whether a missing key stands beside an unknown one that looks like it: one slip is one fault."""
    beside = [str(path[-1]) for path in unknown if path[:-1] == missing[:-1]]
    return bool(difflib.get_close_matches(str(missing[-1]), beside, n=1, cutoff=0.6))


def _fault(model: type[Part], source: Source, details: ErrorDetails) -> Fault:
    path: Path = details["loc"]
    if details["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return source.fault(path, f'unknown key "{path[-1]}"{did_you_mean(str(path[-1]), known)}', at_key=True)
    if path[-1:] == ("[key]",):
        return source.fault(path[:-1], _remedy(details), at_key=True)
    if details["type"] == "missing":
        return source.fault(path[:-1], f'"{path[-1]}" is missing: add it')
    return source.fault(path, _remedy(details))


def _remedy(details: ErrorDetails) -> str:
    """Say what to do about one error of pydantic's."""
    kind, context, given = details["type"], details.get("ctx", {}), details["input"]
    if kind == "string_type":
        return _wanted_text(given)
    if kind == "string_pattern_mismatch":
        return f"{_shown(given)} should be {_SHAPES.get(context['pattern'], context['pattern'])}"
    remedies = {
        "bool_type": "should be true or false, without quotes",
        "int_type": "should be a whole number, without quotes",
        "list_type": "should be a list: one item a line, each after a hyphen",
        "dict_type": "should be a mapping: one `key: value` a line",
        "model_type": "should be a mapping: one `key: value` a line",
        "model_attributes_type": "should be a mapping: one `key: value` a line",
        "string_too_short": "is empty: write something",
        "string_too_long": f"is too long: {context.get('max_length')} characters at most",
        "too_long": f"has {context.get('actual_length')} items: {context.get('max_length')} at most",
        "too_short": f"needs {context.get('min_length')} at least",
        "literal_error": f"{_shown(given)} should be {context.get('expected')}",
        "greater_than_equal": f"{_shown(given)} should be {context.get('ge')} or more",
        "less_than_equal": f"{_shown(given)} should be {context.get('le')} or less",
    }
    return remedies.get(kind) or details["msg"]


def _wanted_text(given: object) -> str:
    if given is None:
        return "is empty: write something"
    if isinstance(given, bool | int | float):
        return f'should be text: put it in quotes, as "{str(given).lower() if isinstance(given, bool) else given}"'
    return "should be text"


def _shown(given: object) -> str:
    text = str(given)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def _keys_at(model: type[Part], path: Path) -> list[str]:
    """The keys that may stand at a path."""
    here: Any = model
    parts = iter(path)
    for part in parts:
        if isinstance(part, int):
            continue
        annotation = here.model_fields[part].annotation
        if "dict[" in str(annotation):
            next(parts, None)  # a name of the developer's own
        here = _part_in(annotation)
    return list(here.model_fields)


def _part_in(annotation: Any) -> Any:
    """Find the model in an annotation such as list[StepPart] or NoticePart | None."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _part_in(argument):
            return found
    return None
