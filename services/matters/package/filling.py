"""Puts the values of parameters where a package names them.

`${name}` stands for a value in limits, corrections and clock rules, and as a literal of CEL in conditions and inputs:
of steps and questions, of the fields and materials that matters need, and of rules.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.parameters import Setting, declared, named, text_of_value
from services.matters.package.source import Source

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_TIMES = ("limits", "corrections", "clock_rules")


class Filler:
    """Fills the files of one package, and knows which parameters were used."""

    def __init__(self, manifest: Source | None, settings: Mapping[str, Setting], faults: Faults) -> None:
        self._manifest = manifest
        self._known = named(manifest) if manifest else []
        self._settings = settings
        self._faults = faults
        self._used: set[str] = set()

    def manifest(self, source: Source) -> Source:
        """The manifest with values in limits, steps, questions and rules."""
        if not isinstance(source.data, dict):
            return source
        made = replace(source, data=dict(source.data), grafts=dict(source.grafts))
        for key in _TIMES:
            if key in made.data:
                made.data[key] = self._times(made, (key,), made.data[key])
        made.data |= {
            key: [self._step(made, (key, index), each) for index, each in enumerate(made.data[key])]
            for key in ("steps", "questions", "rules")
            if isinstance(made.data.get(key), list)
        }
        return made

    def matter(self, source: Source) -> Source:
        """A matter with values in its rules, and in the conditions under which it needs fields and materials."""
        if not isinstance(source.data, dict):
            return source
        made = replace(source, data=dict(source.data), grafts=dict(source.grafts))
        if isinstance(fields := made.data.get("fields"), dict):
            made.data["fields"] = {name: self._need(made, ("fields", name), each) for name, each in fields.items()}
        made.data |= {
            key: [self._need(made, (key, index), each) for index, each in enumerate(made.data[key])]
            for key in ("materials", "rules")
            if isinstance(made.data.get(key), list)
        }
        return made

    def check_used(self) -> None:
        """Refuse parameters that nothing uses; after all files were filled."""
        for index, part in declared(self._manifest) if self._manifest else ():
            if self._manifest and part.id in self._settings and part.id not in self._used:
                message = f'nothing uses "{part.id}": write ${{{part.id}}} in a limit or a condition, or take it away'
                self._faults.add(self._manifest.fault(("parameters", index, "id"), message))

    def _step(self, made: Source, path: Path, step: Any) -> Any:
        """A step or a question with values in its condition, inputs and limits."""
        if not isinstance(step, dict):
            return step
        filled = self._need(made, path, step)
        if isinstance(filled.get("inputs"), dict):
            filled["inputs"] = {
                name: self._expression(made, (*path, "inputs", name), text) if isinstance(text, str) else text
                for name, text in filled["inputs"].items()
            }
        if "limits" in filled:
            filled["limits"] = self._times(made, (*path, "limits"), filled["limits"])
        return filled

    def _need(self, made: Source, path: Path, need: Any) -> Any:
        """Something with conditions."""
        if not isinstance(need, dict):
            return need
        found = [key for key in ("when", "holds") if isinstance(need.get(key), str)]
        return {**need, **{key: self._expression(made, (*path, key), need[key]) for key in found}}

    def _times(self, made: Source, path: Path, part: Any) -> Any:
        """A part about times: what is a parameter and nothing else keeps its type, and is told where it was set."""
        if isinstance(part, dict):
            return {key: self._times(made, (*path, key), value) for key, value in part.items()}
        if not isinstance(part, str):
            return part
        if whole := _REFERENCE.fullmatch(part):
            setting = self._setting(made, path, whole[1])
            if setting and setting.said:
                made.grafts[path] = setting.said
            return setting.value if setting else None
        return self._replaced(made, path, part, lambda setting: text_of_value(setting.value))

    def _expression(self, made: Source, path: Path, text: str) -> str:
        """An expression with literals in the places of parameters."""
        return self._replaced(made, path, text, lambda setting: self._literal(made, path, setting))

    def _replaced(self, made: Source, path: Path, text: str, shown: Callable[[Setting], str]) -> str:
        def value(found: re.Match[str]) -> str:
            setting = self._setting(made, path, found[1])
            return shown(setting) if setting else "0"

        return _REFERENCE.sub(value, text)

    def _literal(self, made: Source, path: Path, setting: Setting) -> str:
        value = setting.value
        if setting.part.type == "duration":
            message = f'"{setting.part.id}" is a time, with which a condition can do nothing: use it in limits'
            self._faults.add(made.fault(path, message))
            return "0"
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        text = text_of_value(value)
        return f"({text})" if text.startswith("-") else text

    def _setting(self, made: Source, path: Path, name: str) -> Setting | None:
        if name in self._settings:
            self._used.add(name)
            return self._settings[name]
        if name not in self._known:
            self._faults.add(made.fault(path, f'there is no parameter "{name}"{did_you_mean(name, self._known)}'))
        return None
