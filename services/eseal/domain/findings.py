"""What can be found about an uploaded file: the same for PDF, OFD and detached signatures.

A verifier fills a `SealFinding` for each seal or signature, in the order in which they were put on the file, and
`conclude` makes the verdict. Loads nothing: the judging itself is done in a process of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from chassis.clock import BEIJING
from services.eseal.domain.answers import MEANINGS, Code, Question, Standing, Verdict
from services.eseal.domain.records import Document

# A notice has 0.1 MB.
LARGEST_FILE = 16_000_000
# More than any office puts on one paper; each costs time to check.
MOST_SEALS = 20
CLOCKS_APART = timedelta(minutes=5)
"""As far as the clocks of two machines that both run well may be apart."""
_LONGEST_NAME = 200

SealedAt = Callable[[str], datetime | None]
"""The moment at which the register saw a document with this signed digest sealed, None when it did not."""


class Format(StrEnum):
    """What kind of file it is."""

    PDF = "PDF"
    OFD = "OFD"
    DETACHED = "DETACHED"


class Kind(StrEnum):
    """What was put on the file."""

    SEAL = "SEAL"
    """With a picture: 电子签章."""
    SIGNATURE = "SIGNATURE"
    """Without one: 数字签名."""
    TIMESTAMP = "TIMESTAMP"
    """A timestamp over the file; it makes no file genuine by itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer about a seal or the file. `detail` is what it is about in this file, such as names of parts."""

    code: Code
    detail: str = ""

    @property
    def question(self) -> Question:
        """What it answers."""
        return MEANINGS[self.code].question

    @property
    def standing(self) -> Standing:
        """Whether it is good, bad, or cannot be told."""
        return MEANINGS[self.code].standing

    @property
    def verdict(self) -> Verdict:
        """What it makes of the seal or the file by itself."""
        return MEANINGS[self.code].verdict

    @property
    def zh(self) -> str:
        """In Chinese."""
        return MEANINGS[self.code].zh + (f"：{self.detail}" if self.detail else "")

    @property
    def en(self) -> str:
        """In English."""
        return MEANINGS[self.code].en + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the signer's certificate says of itself; names may be empty, as real certificates hold broken ones."""

    subject: str
    issuer: str
    serial_number: str
    """In hexadecimal."""
    sha256: str
    """Of its DER, in hexadecimal: by this the register finds the seal."""
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class SealFinding:
    """What was found about one seal or signature: the facts, and an answer to each question.

    `signed_digest` is the digest of what is signed, in hexadecimal, empty when it cannot be told or is not intact.
    """

    kind: Kind
    answers: tuple[Answer, ...]
    signer: str = ""
    """Whom the certificate names; the organisation, where it names one."""
    certificate: Certificate | None = None
    seal_id: str = ""
    """The seal's own number: in the file (OFD), or in the register."""
    seal_name: str = ""
    sealed_at: datetime | None = None
    timestamp_authority: str = ""
    signed_digest: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst that an answer makes of it."""
        return _worst([answer.verdict for answer in self.answers])

    def answer(self, question: Question) -> Answer | None:
        """The answer to a question."""
        return next((answer for answer in self.answers if answer.question is question), None)

    @property
    def worst(self) -> str:
        """Why it is not good, in English; empty when it is."""
        return "; ".join(answer.en for answer in self.answers if answer.standing is Standing.BAD)

    def answered(self, *answers: Answer) -> "SealFinding":
        """With these answers in place of earlier ones to the same questions."""
        asked = {answer.question for answer in answers}
        kept = tuple(answer for answer in self.answers if answer.question not in asked)
        return replace(self, answers=kept + answers)


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on a file, its seals in the order in which they were put on it, and what is true of the whole."""

    format: Format
    seals: tuple[SealFinding, ...] = ()
    remarks: tuple[Answer, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of seals and remarks."""
        return _worst([seal.verdict for seal in self.seals] + [remark.verdict for remark in self.remarks])

    @property
    def sealed_by(self) -> str:
        """Who put the last seal on it."""
        return self._last.signer if self._last else ""

    @property
    def sealed_at(self) -> datetime | None:
        """When the last seal was put on it."""
        return self._last.sealed_at if self._last else None

    @property
    def signed_digest(self) -> str:
        """What the last seal covers."""
        return self._last.signed_digest if self._last else ""

    @property
    def zh(self) -> str:
        """One sentence for a clerk, in Chinese."""
        if self.verdict is Verdict.GENUINE:
            seals = "；".join(_one_seal_zh(seal) for seal in self._counting)
            return f"文件真实有效：{seals}。"
        return "；".join(dict.fromkeys(answer.zh for answer in self._bad)) + "。"

    @property
    def en(self) -> str:
        """One sentence for a clerk, in English."""
        if self.verdict is Verdict.GENUINE:
            return "The file is genuine: " + "; ".join(_one_seal_en(seal) for seal in self._counting) + "."
        return "The file is not genuine: " + "; ".join(dict.fromkeys(answer.en for answer in self._bad)) + "."

    def remarked(self, *remarks: Answer) -> "Finding":
        """With more to say about the file."""
        return replace(self, remarks=self.remarks + remarks)

    @property
    def _counting(self) -> list[SealFinding]:
        return [seal for seal in self.seals if seal.kind is not Kind.TIMESTAMP]

    @property
    def _last(self) -> SealFinding | None:
        counting = self._counting
        return counting[-1] if counting else None

    @property
    def _bad(self) -> list[Answer]:
        everything = [*self.remarks, *(answer for seal in self.seals for answer in seal.answers)]
        return [answer for answer in everything if answer.standing is Standing.BAD]


class UnreadableError(Exception):
    """The file is not one that can be judged: `reason` in UPPER_SNAKE, and a sentence."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


def conclude(of: Format, seals: Sequence[SealFinding], remarks: Sequence[Answer] = ()) -> Finding:
    """The verdict on a file with these seals.

    What is signed into a file after a trusted seal by somebody who is not trusted is a change of that file; a timestamp
    too, for it may come with a picture that hides something.
    """
    more = []
    counting = [seal for seal in seals if seal.kind is not Kind.TIMESTAMP]
    if not counting and not any(remark.standing is Standing.BAD for remark in remarks):
        more.append(Answer(Code.NO_SEAL))
    untrusted = [seal.verdict is Verdict.UNTRUSTED for seal in seals]
    if any(not earlier and later for earlier, later in pairwise(untrusted)):
        more.append(Answer(Code.FOREIGN_SIGNATURE_ON_TOP))
    return Finding(of, tuple(seals), (*remarks, *more))


def compare(finding: Finding, record: Document, sha256: str) -> Finding:
    """The verdict on a file whose signed bytes are those of a document in the register.

    A file with the same signed bytes and another hash had its signature's container rewritten. The text is the same,
    but such a copy is nobody's original, and must not outlive a revocation by not being found under its hash.
    """
    if finding.verdict is not Verdict.GENUINE:
        return finding
    if record.sha256 != sha256:
        return finding.remarked(Answer(Code.CONTAINER_REWRITTEN))
    if record.revoked_at is not None:
        return finding.remarked(Answer(Code.DOCUMENT_REVOKED, record.revocation_reason))
    return finding.remarked(Answer(Code.REGISTERED_DOCUMENT))


def time_by_word(claimed_at: datetime | None, now: datetime) -> Answer:
    """How a time is known that nobody proves but the signer's own word."""
    if claimed_at is None:
        return Answer(Code.TIME_UNKNOWN)
    return Answer(Code.TIME_AHEAD if claimed_at > now + CLOCKS_APART else Code.TIME_CLAIMED)


def format_of(content: bytes, signature: bytes = b"") -> Format:
    """What kind of file it is; raises UnreadableError TOO_LARGE, UNKNOWN_FORMAT, AMBIGUOUS_FORMAT."""
    if len(content) + len(signature) > LARGEST_FILE:
        size = len(content) + len(signature)
        raise UnreadableError("TOO_LARGE", f"the file has {size} bytes, the most is {LARGEST_FILE}")
    if signature:
        return Format.DETACHED
    pdf, package = b"%PDF-" in content[:1024], content.startswith(b"PK\x03\x04")
    if pdf and package:
        raise UnreadableError("AMBIGUOUS_FORMAT", "the file is both PDF and OFD, and would be shown as either")
    if not pdf and not package:
        raise UnreadableError("UNKNOWN_FORMAT", "the file is neither PDF nor OFD")
    return Format.PDF if pdf else Format.OFD


def too_complex() -> UnreadableError:
    """The file costs more time or memory than any document of the platform."""
    return UnreadableError(
        "TOO_COMPLEX", "this file takes too much work to read; a document of this platform never does"
    )


def too_large(size: int) -> UnreadableError:
    """A file that would be larger with one more seal than any that is verified."""
    return UnreadableError("TOO_LARGE", f"the sealed file would have {size} bytes, the most is {LARGEST_FILE}")


def too_many_seals() -> UnreadableError:
    """The file has more signatures than anybody puts on one."""
    return UnreadableError("TOO_MANY_SIGNATURES", f"the file has more than {MOST_SEALS} signatures")


def authority_name(organisation: str, unit: str, common: str) -> str:
    """Who an authority is: its organisation, and in brackets what else its certificate says of it.

    There the platform's own say that they are no lawful certification service, and no third party.
    """
    first, more = shortened(organisation or common), shortened(unit or common)
    return first if more in {"", first} else f"{first}（{more}）"


def shortened(name: str) -> str:
    """A name out of a certificate or a file: no longer than anybody needs, and nothing but a name.

    On one line, and without what a terminal obeys or what turns the direction of writing: else whoever names a thing
    could write sentences of ours.
    """
    line = " ".join(name[: 2 * _LONGEST_NAME].split())[:_LONGEST_NAME]
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    return max(verdicts, key=lambda verdict: verdict.value, default=Verdict.GENUINE)


def _one_seal_zh(seal: SealFinding) -> str:
    signer, when = seal.signer or "名称无法读取的签署方", _when(seal, "于%Y-%m-%d %H:%M（北京时间）")
    seal_name = f"（印章：{seal.seal_name}）" if seal.seal_name not in ("", seal.signer) else ""
    return f"由{signer}{when}盖章{seal_name}" + "".join(f"，{answer.zh}" for answer in _telling(seal))


def _one_seal_en(seal: SealFinding) -> str:
    signer, when = seal.signer or "somebody whose name cannot be read", _when(seal, " on %Y-%m-%d at %H:%M (Beijing)")
    seal_name = f" with the seal {seal.seal_name}" if seal.seal_name not in ("", seal.signer) else ""
    return f"sealed by {signer}{seal_name}{when}" + "".join(f", {answer.en}" for answer in _telling(seal))


def _when(seal: SealFinding, form: str) -> str:
    try:
        return seal.sealed_at.astimezone(BEIJING).strftime(form) if seal.sealed_at else ""
    except OverflowError:
        # A signer may claim the last hours of the year 9999, which are over in Beijing.
        return ""


def _telling(seal: SealFinding) -> list[Answer]:
    """What a clerk wants to read of a seal that is in order."""
    wanted = (seal.answer(question) for question in (Question.TIME, Question.CHANGED))
    return [answer for answer in wanted if answer is not None]
