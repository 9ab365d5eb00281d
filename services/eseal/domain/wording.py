"""What a notice says: its text from its template, before it is set on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.eseal.domain import font, template
from services.eseal.domain.blocks import Block
from services.eseal.domain.budget import BadTemplateError
from services.eseal.domain.filters import chinese_date


class NoticeError(Exception):
    """A notice that cannot be rendered: `reason` in UPPER_SNAKE, and a sentence for whoever puts it right."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says, before it is set."""

    title: str
    template: str
    case_number: str
    bundle_name: str
    step_name: str
    organ_name: str
    # The name on the seal, above the text and below it.
    signed_by: str
    form: Mapping[str, object]
    result: Mapping[str, object]
    inputs: Mapping[str, object]
    # RFC 3339.
    decided_at: str
    number_label: str = "办件编号"
    """What `case_number` is called on the page."""
    annotation: str = ""
    """What a copy is for, printed above the text; empty for none."""
    qr_text: str = ""
    """What the QR code beside the seal says; empty for none."""
    code: str = ""
    """What is printed below it."""
    more: Mapping[str, object] = field(default_factory=dict)
    """What the template may use besides."""


@dataclass(frozen=True, slots=True)
class Worded:
    """The words of a notice."""

    blocks: Sequence[Block]
    """Its paragraphs, tables and pictures, in their order."""
    date: str
    """As official documents write it."""

    @property
    def text(self) -> str:
        """One paragraph, or row of a table, a line."""
        return "\n".join(filter(None, (block.text for block in self.blocks)))


def word(notice: Notice) -> Worded:
    """The words of a notice. Raises NoticeError with TEMPLATE_FAULT, UNPRINTABLE_TEXT or BAD_DATE."""
    date = _date(notice.decided_at)
    worded = Worded(_blocks(notice), date)
    lines = (notice.title, notice.number_label, notice.case_number, notice.signed_by, notice.annotation, notice.code)
    missing = font.unprintable(worded.text.replace("\n", "") + "".join(lines))
    if missing:
        shown = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:10])
        raise NoticeError("UNPRINTABLE_TEXT", f"the typeface of notices has no {shown}")
    return worded


def _blocks(notice: Notice) -> list[Block]:
    variables = {
        "form": _on_one_line(notice.form),
        "result": notice.result,
        "inputs": notice.inputs,
        "case": {"number": notice.case_number, "bundle_name": notice.bundle_name},
        "step": {"name": notice.step_name, "organ_name": notice.organ_name},
        "decided_at": notice.decided_at,
        **notice.more,
    }
    try:
        blocks = template.render_blocks(notice.template, variables)
    except BadTemplateError as fault:
        raise NoticeError("TEMPLATE_FAULT", str(fault)) from fault
    if not any(block.text for block in blocks):
        raise NoticeError("TEMPLATE_FAULT", "the template gives an empty text")
    return blocks


def _on_one_line(said: object) -> object:
    """What applicants say, each text on one line: a paragraph of its own would read as the organ's."""
    if isinstance(said, str):
        return " ".join(said.split())
    if isinstance(said, Mapping):
        return {name: _on_one_line(each) for name, each in said.items()}
    return [_on_one_line(each) for each in said] if isinstance(said, list | tuple) else said


def _date(decided_at: str) -> str:
    try:
        return chinese_date(decided_at)
    except ValueError as fault:
        raise NoticeError("BAD_DATE", f"decided_at is not a moment in RFC 3339: {decided_at[:40]!r}") from fault
