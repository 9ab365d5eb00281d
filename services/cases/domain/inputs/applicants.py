"""What an applicant does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Submitted:
    """An applicant handed in the form: the first input of every case, and only the first."""

    kind: ClassVar[str] = "submitted"
    case_id: str
    case_number: str
    bundle_id: str
    bundle_version: int
    applicant_id: str
    region_code: str
    skipped: tuple[str, ...] = ()
    """The steps whose condition does not hold for this form."""
    form_digest: str = ""
    """SHA-256 of the form, so that the history vouches for it without holding it."""
    material_digests: tuple[str, ...] = ()
    skip_reasons: tuple[str, ...] = ()
    """Why each of ``skipped`` is: the condition that did not hold."""
    materials_digest: str = ""
    """SHA-256 of what is told of the materials: kinds, names, types, sizes and contents."""
    bundle_digest: str = ""
    """SHA-256 of the version of the bundle, as it was published."""
    step_regions: Mapping[str, str] = field(default_factory=dict)
    """By step, the region whose offices handle it, for those that have a region of their own."""
    step_organs: Mapping[str, str] = field(default_factory=dict)
    """By step, the unified social credit code of the organ that handles it, for those whose organ the form names."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """The applicant supplied what the open request asks for; the digests are of everything as it is now."""

    kind: ClassVar[str] = "corrected"
    correction_no: int
    form_digest: str
    material_digests: tuple[str, ...] = ()
    materials_digest: str = ""
    """SHA-256 of what is told of the materials: kinds, names, types, sizes and contents."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """撤回: the applicant takes the application back."""

    kind: ClassVar[str] = "withdrawn"
    reason: str


@dataclass(frozen=True, slots=True)
class Rated:
    """好差评, from 1 (very satisfied) to 5; of the case, or of one step's office."""

    kind: ClassVar[str] = "rated"
    level: int
    step_id: str = ""
    """Empty for the case."""
    tags: tuple[str, ...] = ()
    comment: str = ""


Act = Submitted | Corrected | Withdrawn | Rated
ACTS: tuple[type[Act], ...] = (Submitted, Corrected, Withdrawn, Rated)
