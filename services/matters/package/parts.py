"""The words that the YAML files of packages and overlays are made of: names, times, sizes, and what all parts share."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.matters.domain.versions import RANGE_PATTERN, VERSION_PATTERN

_SLUG = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_FIELD_PATH = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
_MEDIA_TYPE = r"^[a-z]+/[a-z0-9][a-z0-9.+-]*$"
_SIZE = r"^[1-9][0-9]{0,6} ?(KB|MB)$"
_REGION = r"^[0-9]{6}$"
_AMOUNT = "[1-9][0-9]{0,7}"
_UNITS = "(working day|calendar day|hour|minute|month)s?"
TIME_PATTERN = rf"^{_AMOUNT} {_UNITS}$"
_EXTENDABLE_TIME = rf"^{_AMOUNT} {_UNITS}( \(\+{_AMOUNT}\))?$"
_TIME_OF_DAY = r"^(0[1-9]|1[0-9]|2[0-3]):[0-5][0-9]$"
_ORGAN = r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$"
_VERSION = rf"^{VERSION_PATTERN}$"
_RANGE = rf"^{RANGE_PATTERN}$"
_LICENCE_SOURCE = r"^(form|result)(\.[A-Za-z_][A-Za-z0-9_]*)+$"
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
# Without controls, line ends, and marks that turn what follows around: names go into notices, pages and terminals.
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"

# Ids of tasks and notices are made of those of steps, which other services keep in columns of 50 and 100 characters.
Slug = Annotated[str, StringConstraints(pattern=_SLUG, max_length=50)]
Text = Annotated[str, StringConstraints(pattern=_ONE_LINE, min_length=1, max_length=200)]
FieldPath = Annotated[str, StringConstraints(pattern=_FIELD_PATH, max_length=200)]
LicenceSource = Annotated[str, StringConstraints(pattern=_LICENCE_SOURCE, max_length=200)]
MediaType = Annotated[str, StringConstraints(pattern=_MEDIA_TYPE, max_length=100)]
FieldName = Annotated[str, StringConstraints(pattern=_NAME, max_length=60)]
JsonType = Literal["string", "number", "integer", "boolean", "array", "object"]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Condition = Annotated[str, StringConstraints(max_length=500)]
Time = Annotated[str, StringConstraints(pattern=TIME_PATTERN)]
ExtendableTime = Annotated[str, StringConstraints(pattern=_EXTENDABLE_TIME)]
TimeOfDay = Annotated[str, StringConstraints(pattern=_TIME_OF_DAY)]
Region = Annotated[str, StringConstraints(pattern=_REGION)]
Level = Annotated[int, Field(ge=1, le=6)]
OrganRef = Annotated[str, StringConstraints(pattern=_ORGAN)]
VersionText = Annotated[str, StringConstraints(pattern=_VERSION, max_length=60)]
VersionRange = Annotated[str, StringConstraints(pattern=_RANGE, max_length=200)]
MaterialSize = Annotated[str, StringConstraints(pattern=_SIZE)]

# What a value that breaks a pattern should look like.
SHAPES = {
    _SLUG: 'small letters, digits and single hyphens, such as "food-licence"',
    _FIELD_PATH: 'a path in the form, such as "premises.area"',
    _LICENCE_SOURCE: 'a path in the form or in the result, such as "form.premises.address" or "result.number"',
    _MEDIA_TYPE: 'a media type, such as "application/pdf"',
    _NAME: 'letters, digits and underscores, such as "id_number"',
    _ONE_LINE: "on one line, without control characters and marks that change its direction",
    _SIZE: 'a size, such as "500 KB" or "2 MB"',
    TIME_PATTERN: 'a time in working days, calendar days, hours, minutes or months, such as "5 working days"',
    _EXTENDABLE_TIME: (
        'a time in working days, calendar days, hours, minutes or months, such as "20 working days", or '
        '"20 working days (+10)" when it may be extended'
    ),
    _TIME_OF_DAY: 'a time of day from 01:00 on in quotes, such as "17:30"',
    _REGION: 'a region of GB/T 2260 in quotes, such as "330106"',
    _ORGAN: "an organ's id or its unified social credit code",
    _VERSION: 'a version of three numbers in quotes, such as "1.0.0" or "2.0.0-rc.1"',
    _RANGE: 'versions in quotes, such as ">=1.0.0 <2.0.0", "^1.2.0" or "1.0.0"',
}


class Part(BaseModel):
    """What all parts share: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    shapes: ClassVar[Mapping[str, str]] = {}
    """Of a file's model: what a value that breaks one of the file's own patterns should look like."""


class NamePart(Part):
    """A name in both languages."""

    zh: Text
    """In Chinese."""
    en: Text
    """In English."""
