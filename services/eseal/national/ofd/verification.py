"""Judging an uploaded OFD: its seals one by one, and whether the package as a whole is what was sealed.

The package may be anything, made by anybody. Each seal has to cover every file but the list of seals and the files of
later ones; what nobody covers could have been put there by anybody. What it costs to read is bounded by the limits of
`package.py` and by the process that this runs in.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from services.eseal.domain.answers import Code
from services.eseal.domain.findings import (
    MOST_SEALS,
    Answer,
    Finding,
    Format,
    Kind,
    SealedAt,
    SealFinding,
    UnreadableError,
    conclude,
    shortened,
    too_many_seals,
)
from services.eseal.domain.trust import Trust
from services.eseal.national.ofd.description import Description, Digest, Listed, describe, read_list
from services.eseal.national.ofd.judging import Judge
from services.eseal.national.ofd.package import BadPackageError, Files, read
from services.eseal.national.ofd.stamps import BadPlaceError, check
from services.eseal.national.ofd.structure import BadDocumentError, Structure, read_structure
from services.eseal.national.signatures import BadSignatureError, read_signature
from services.eseal.national.sm3 import sm3

# What remains of a seal whose entry was taken out: names that makers of OFD use for its files.
_TRACE = re.compile(r"(^|/)(signatures?\.xml|signedvalue\.dat|[^/]+\.esl)$", re.IGNORECASE)
_TRACES = (b"Signatures.xml", b"SignedValue.dat", b"Seal.esl")
_MOST_NAMES = 5


def inspect(content: bytes, trust: Trust, sealed_at: SealedAt, now: datetime | None = None) -> Finding:
    """Judges a file by its seals alone, without the register's word on revocation.

    `sealed_at`: the moment at which the register saw a document with this signed digest sealed, or None; certificates
    are judged as of then. Raises UnreadableError BROKEN_OFD for what is too broken to carry a seal, and
    TOO_MANY_SIGNATURES.
    """
    judge = Judge(trust, sealed_at, now or datetime.now(UTC))
    try:
        return _judged(content, judge)
    except (UnreadableError, MemoryError):
        raise
    except (BadPackageError, BadDocumentError) as fault:
        reason = str(fault)
    except Exception as fault:  # noqa: BLE001 (whatever a parser did not expect is a finding about the file)
        reason = type(fault).__name__
    # With a seal in it, it was a sealed file once.
    if any(trace in content for trace in _TRACES):
        return Finding(Format.OFD, remarks=(Answer(Code.BROKEN_SEALED_FILE),))
    raise UnreadableError("BROKEN_OFD", f"the file cannot be read as an OFD: {shortened(reason)}")


def _judged(content: bytes, judge: Judge) -> Finding:
    files = read(content)
    structure = read_structure(files)
    listed = [] if structure.signatures is None else read_list(files, structure.signatures)
    if len(listed) > MOST_SEALS:
        raise too_many_seals()
    return _Package(files, structure, judge).judged(listed)


class _Package:
    """One package being judged."""

    def __init__(self, files: Files, structure: Structure, judge: Judge) -> None:
        self._files = files
        self._structure = structure
        self._judge = judge

    def judged(self, listed: Sequence[Listed]) -> Finding:
        described: list[Description] = []
        broken: list[SealFinding] = []
        for each in listed:
            kind = Kind.SEAL if each.with_seal else Kind.SIGNATURE
            try:
                description = describe(self._files, each.location)
            except BadDocumentError:
                broken.append(SealFinding(kind, (Answer(Code.SIGNATURE_UNREADABLE),)))
                continue
            if each.with_seal:
                described.append(description)
            else:
                # Without a seal it is a signature of GB/T 35275, which nobody needs here who issues documents.
                broken.append(SealFinding(kind, (Answer(Code.SIGNATURE_KIND_UNKNOWN),)))
        # A later seal covers the earlier ones, in whatever order they are listed.
        described = sorted(described, key=lambda each: sum(other.location in each.references for other in described))
        seals = [self._judged(each, described) for each in described]
        return conclude(Format.OFD, [*seals, *broken], self._remarks(described, listed))

    def _judged(self, description: Description, every: Sequence[Description]) -> SealFinding:
        changed = self._changed(description)
        later = {name for other in every if other.location not in description.references for name in _files_of(other)}
        own = description.own | ({description.seal} if description.seal else set())
        uncovered = self._files.keys() - description.references.keys() - later - own - {self._structure.signatures}
        is_last = all(other is description or other.location in description.references for other in every)
        if uncovered:
            coverage = Answer(Code.COVERS_PART, _names(uncovered))
        else:
            coverage = Answer(Code.COVERS_ALL if is_last else Code.COVERED_THEN)
        unchanged = Answer(Code.UNCHANGED if is_last else Code.SEALED_AFTERWARDS)
        try:
            signature = read_signature(self._files.get(description.value, b""))
            found = self._judge.judge(signature, description, self._files)
        except BadSignatureError:
            return SealFinding(Kind.SEAL, (changed or Answer(Code.SIGNATURE_UNREADABLE), coverage))
        if changed is None and signature.data_hash != sm3(description.content):
            changed = Answer(Code.CONTENT_CHANGED, shortened(description.location))
        if changed is not None:
            return replace(found.answered(changed, coverage), signed_digest="")
        intact = all(answer.question is not unchanged.question for answer in found.answers)
        return found.answered(*[unchanged] if intact else [], coverage)

    def _changed(self, description: Description) -> Answer | None:
        """What was changed of the files that are covered; None for nothing."""
        if description.digest is Digest.WEAK:
            return Answer(Code.WEAK_ALGORITHM)
        if description.digest is Digest.UNKNOWN:
            return Answer(Code.SIGNATURE_KIND_UNKNOWN)
        changed = [
            name
            for name, digest in description.references.items()
            if name not in self._files or self._judge.digest(description.digest, self._files[name]) != digest
        ]
        if changed:
            return Answer(Code.CONTENT_CHANGED, _names(changed))
        try:
            check(description.stamps, self._structure.pages)
        except BadPlaceError:
            return Answer(Code.SIGNATURE_UNREADABLE, shortened(description.location))
        return None

    def _remarks(self, described: Sequence[Description], listed: Sequence[Listed]) -> list[Answer]:
        """Whether seals were taken out: files of a seal are there, or are covered, and it is not listed."""
        known = {name for each in described for name in _files_of(each)} | {each.location for each in listed}
        known |= {self._structure.signatures or ""}
        traces = {name for name in self._files if _TRACE.search(name)} - known
        covered = {name for each in described for name in each.references if _TRACE.search(name)} - known
        unread = len(described) < len(listed)
        return [Answer(Code.SEALS_REMOVED)] if (traces or covered) and not unread else []


def _files_of(description: Description) -> set[str]:
    return description.own | ({description.seal} if description.seal else set())


def _names(names: Sequence[str] | set[str]) -> str:
    chosen = sorted(names)
    named = "、".join(shortened(name) for name in chosen[:_MOST_NAMES])
    return shortened(named) + ("…" if len(chosen) > _MOST_NAMES else "")
