"""The texts of messages: one template a kind of event, Chinese and English in one, compiled once."""

from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notify.domain.messages import Happening

_FOLDER = Path(__file__).parent / "templates"


class Texts:
    """Title and body of the message about a happening.

    `folder` holds `<event name>.txt` files with the blocks `title` and `body`. A sandbox, and plain values to work
    on: whoever edits a template can spoil a text and nothing else.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        # The texts are plain text and never HTML: escaping would put "&quot;" before the reader.
        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folder), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
        )
        self._templates = {path.stem: environment.get_template(path.name) for path in sorted(folder.glob("*.txt"))}

    def render(self, happening: Happening) -> tuple[str, str]:
        """Title and body; raises KeyError when no template is named after the event."""
        template = self._templates[happening.event_type.rpartition(".")[2]]
        context = template.new_context(
            {
                "case": happening.case,
                "step": happening.step,
                "reason": happening.reason,
                "description": happening.description,
                "withdrawn": happening.withdrawn,
                "handed_back": happening.handed_back,
                "overdue": happening.overdue,
                "wanted": happening.wanted,
                "due": happening.due,
                "procedure": happening.procedure,
                "by_silence": happening.by_silence,
                "amount": happening.amount,
                "unit": happening.unit,
                "authority": happening.authority,
                "supervised": happening.supervised,
                "hands_back": happening.hands_back,
                "by_word": happening.by_word,
                "visit": happening.visit,
                "unsealed": happening.unsealed,
            }
        )
        title, body = ("".join(template.blocks[name](context)) for name in ("title", "body"))
        return title.strip(), body.strip()
