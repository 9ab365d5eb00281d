"""Times in scenario packages: "20 working days (+10)", "17:30"; read from text, and checked against each other."""

import re
from collections.abc import Iterator

from services.matters.domain.limits import (
    CORRECTIONS,
    LONGEST,
    ClockRules,
    CorrectionRules,
    Limit,
    Limits,
    TimeUnit,
    of_bundle,
    of_step,
)
from services.matters.package.faults import Faults, Path
from services.matters.package.models import BundleLimitsPart, ClockRulesPart, CorrectionsPart, LimitsPart, ManifestPart
from services.matters.package.source import Source

_LIMIT = re.compile(r"(?P<amount>\d+) (?P<unit>.*?)s?(?: \(\+(?P<more>\d+)\))?")
_NAMES = ("acceptance", "statutory", "promised")


def limit_of(text: str) -> Limit:
    """A limit, of a text that has the shape of one."""
    found = _LIMIT.fullmatch(text)
    assert found is not None  # noqa: S101 - the model has checked the shape
    return Limit(int(found["amount"]), TimeUnit(found["unit"]), int(found["more"] or 0))


def limits_of(part: LimitsPart | BundleLimitsPart | None) -> Limits:
    """The limits that a package declares."""
    texts = {name: getattr(part, name, None) for name in _NAMES}
    return Limits(**{name: limit_of(text) for name, text in texts.items() if text})


def rules_of(part: ClockRulesPart | None) -> ClockRules:
    """How a package has days counted."""
    if part is None:
        return ClockRules()
    hour, minute = map(int, part.closes_at.split(":")) if part.closes_at else (0, 0)
    return ClockRules(
        counts_start_day=part.counts_start_day,
        counts_stop_day=part.counts_stop_day,
        counts_resume_day=part.counts_resume_day,
        ends_on_days_off=part.ends_on_days_off,
        closes_at=hour * 60 + minute,
        yellow_percent=part.yellow_percent,
    )


def corrections_of(part: CorrectionsPart | None) -> CorrectionRules:
    """How a package has applicants asked for corrections."""
    most, limit = (part.most, part.limit) if part else (None, None)
    return CorrectionRules(most or CORRECTIONS.most, limit_of(limit) if limit else CORRECTIONS.limit)


def check_limits(manifest: ManifestPart, source: Source, types: dict[str, str], faults: Faults) -> None:
    """Check the limits of the bundle and of each step; `types` are those of the matters, by their name."""
    declared: list[tuple[Path, Limits, Limits]] = []
    bundle = limits_of(manifest.limits)
    known = [types[step.matter] for step in manifest.steps if step.matter in types]
    declared.append((("limits",), bundle, of_bundle(bundle, known)))
    for index, step in enumerate(manifest.steps):
        own = limits_of(step.limits)
        declared.append((("steps", index, "limits"), own, of_step(own, types.get(step.matter, ""))))
    for path, said, whole in declared:
        for name, message in _faults_of(said, whole):
            faults.add(source.fault((*path, name), message))
    correction = corrections_of(manifest.corrections).limit
    if correction and (too_long := _too_long(correction)):
        faults.add(source.fault(("corrections", "limit"), too_long))


def _too_long(limit: Limit) -> str:
    """What is wrong with a limit that is a slip; empty when nothing is."""
    longest = LONGEST[limit.unit]
    if max(limit.amount, limit.longest_extension) <= longest:
        return ""
    return f"is longer than a hundred years: {longest} {limit.unit}s at most"


def _faults_of(said: Limits, whole: Limits) -> Iterator[tuple[str, str]]:
    for name in _NAMES:
        limit: Limit | None = getattr(said, name)
        if limit and (too_long := _too_long(limit)):
            yield name, too_long
    if said.promised and whole.statutory and said.promised.longer_than(whole.statutory):
        law = "" if said.statutory else ", which the law on administrative licences gives"
        unit = whole.statutory.unit
        yield "promised", f"promises less than the law asks for: at most the {whole.statutory.amount} {unit}s{law}"
