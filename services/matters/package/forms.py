"""The bundle's one form: a JSON Schema (2020-12) that is bounded, closed, and knows which fields it has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import re2

from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.source import Source

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_FIELDS = 1000
DEEPEST_FORM = 10
# Schemas looked at while following references; references of references can double at each level.
MOST_VISITS = 20_000

# Keywords that would let a schema reach outside itself, or change what its references mean.
_REACHING_OUT = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary")
# The other keywords of the dialect: core, applicator, validation, meta-data, format and content vocabularies.
_KEYWORDS = frozenset({
    "$schema", "$ref", "$defs", "$comment",
    "prefixItems", "items", "contains", "additionalProperties", "properties", "patternProperties", "dependentSchemas",
    "propertyNames", "if", "then", "else", "allOf", "anyOf", "oneOf", "not", "unevaluatedItems",
    "unevaluatedProperties",
    "type", "const", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength",
    "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains", "maxProperties",
    "minProperties", "required", "dependentRequired",
    "title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples",
    "format", "contentEncoding", "contentMediaType", "contentSchema",
})  # fmt: skip
_REFERENCE = re.compile(r"#(?:/\$defs/[^/~%]+)?")
# Keywords whose value is data, not a schema.
_DATA = frozenset(["const", "enum", "default", "examples"])
# Keywords whose value has schemas by names of the author's own.
_NAMED = frozenset(["properties", "patternProperties", "$defs", "dependentSchemas"])
# Keywords whose schemas apply to the same object, but not to every one.
_PERHAPS = ("anyOf", "oneOf", "if", "then", "else")
_META = jsonschema_rs.Draft202012Validator({"$ref": DIALECT}, offline=True)


@dataclass(slots=True)
class FormField:
    """A field of the form. `required` means: whenever the object that holds it is there."""

    types: frozenset[str] = frozenset()
    required: bool = False
    item_types: frozenset[str] = frozenset()
    fields: dict[str, "FormField"] = field(default_factory=dict)

    def find(self, path: str) -> "FormField | None":
        """The field at a dotted path below this one."""
        here = self
        for name in path.split("."):
            if name not in here.fields:
                return None
            here = here.fields[name]
        return here

    def always_has(self, path: str) -> bool:
        """Tell whether every valid form has the field at this path."""
        here = self
        for name in path.split("."):
            here = here.fields[name]
            if not here.required:
                return False
        return True

    def paths(self, prefix: str = "") -> Iterator[str]:
        """Every path below this field."""
        for name, child in self.fields.items():
            yield prefix + name
            yield from child.paths(f"{prefix}{name}.")

    def unknown(self, path: str) -> str:
        """Say that the form has no such field, and which one may be meant."""
        return f'the form has no field "{path}"{did_you_mean(path, self.paths())}'


def check_form(schema: dict[str, Any], source: Source, faults: Faults) -> FormField | None:
    """Check the schema under the key `form`; None when it is too faulty to say which fields it has."""
    sound = True
    for error in _META.iter_errors(schema):
        sound = False
        faults.add(source.fault(("form", *error.instance_path), f"is not JSON Schema 2020-12: {error.message[:200]}"))
    if not sound:
        return None
    for path, message in _schema_faults(schema, ("form",)):
        sound = False
        faults.add(source.fault(path, message))
    if sound and (message := _compile_fault(schema)):
        sound = False
        faults.add(source.fault(("form",), message))
    if schema.get("type") != "object":
        faults.add(source.fault(("form",), "the form should say `type: object`"))
        return None
    if not sound:
        return None
    reader = _ShapeReader(schema)
    shape = reader.shape(schema, depth=0)
    if reader.fault:
        faults.add(source.fault(("form",), reader.fault))
        return None
    return shape


def _schema_faults(schema: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield what JSON Schema allows and a form here does not."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _schema_faults(item, (*path, index))
    if not isinstance(schema, dict):
        return
    yield from _keyword_faults(schema, path)
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            for name, named in value.items():
                if key == "patternProperties":
                    yield from _pattern_faults(name, (*path, key, name))
                yield from _schema_faults(named, (*path, key, name))
        elif key in _KEYWORDS and key not in _DATA:
            # Everything else has been held to the dialect's own schema; what is not of the dialect has not.
            yield from _schema_faults(value, (*path, key))


def _keyword_faults(schema: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for keyword in _REACHING_OUT:
        if keyword in schema:
            yield (*path, keyword), f"{keyword} is not used in a form: refer to #/$defs/<name> instead"
    for keyword in schema:
        if keyword not in _KEYWORDS and keyword not in _REACHING_OUT and not keyword.startswith("x-"):
            words = f'unknown keyword "{keyword}"{did_you_mean(keyword, _KEYWORDS)} (a note of your own starts with x-)'
            yield (*path, keyword), words
    if schema.get("$schema", DIALECT) != DIALECT:
        yield (*path, "$schema"), f"the dialect should be {DIALECT}"
    if not _REFERENCE.fullmatch(schema.get("$ref", "#")):
        yield (*path, "$ref"), "refers to something else than a definition: put it in $defs and write #/$defs/<name>"
    if "pattern" in schema:
        yield from _pattern_faults(schema["pattern"], (*path, "pattern"))
    closed = {"additionalProperties", "unevaluatedProperties"} & schema.keys()
    if schema.get("type") == "object" and "properties" in schema and not closed:
        yield path, "add `additionalProperties: false`, so that a misspelt field is refused and not lost"


def _pattern_faults(pattern: str, path: Path) -> Iterator[tuple[Path, str]]:
    """Refuse a pattern whose matching time is not bounded: RE2 has neither look-around nor back-references."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        yield path, f"the pattern cannot be used: {reason} (RE2 syntax: no look-around, no back-references)"


def _compile_fault(schema: dict[str, Any]) -> str:
    """Compile the schema as the cases service will; the text of what is wrong, or nothing."""
    try:
        jsonschema_rs.Draft202012Validator(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return f"cannot be used as a schema: {str(error).splitlines()[0][:200]}"
    return ""


class _ShapeReader:
    """Finds the fields that a schema names, through references and combinations, within bounds."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._count = 0
        self._visits = 0
        self.fault = ""

    def shape(self, schema: object, depth: int) -> FormField:
        """The field that a schema describes."""
        found = FormField()
        self._add(found, schema, depth, certain=True, seen=frozenset())
        return found

    def _add(self, found: FormField, schema: object, depth: int, *, certain: bool, seen: frozenset[str]) -> None:
        """Add to `found` what a schema for the same value says; `certain` when it applies to every value."""
        self._visits += 1
        if self._visits > MOST_VISITS:
            self.fault = "the form's references and combinations multiply: write it more plainly"
        if not isinstance(schema, dict) or self.fault:
            return
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            self._add(found, self._resolve(reference), depth, certain=certain, seen=seen | {reference})
        found.types |= _types(schema)
        found.item_types |= _types(schema.get("items"))
        self._add_properties(found, schema, depth, certain=certain)
        for part in schema.get("allOf", []):
            self._add(found, part, depth, certain=certain, seen=seen)
        for keyword in _PERHAPS:
            value = schema.get(keyword, [])
            for part in value if isinstance(value, list) else [value]:
                self._add(found, part, depth, certain=False, seen=seen)

    def _add_properties(self, found: FormField, schema: dict[str, Any], depth: int, *, certain: bool) -> None:
        required = schema.get("required", []) if certain else []
        properties = schema.get("properties", {})
        if properties and depth >= DEEPEST_FORM:
            self.fault = f"the form is nested more than {DEEPEST_FORM} deep, or refers to itself"
            return
        for name, part in properties.items():
            self._count += 1
            if self._count > MOST_FIELDS:
                self.fault = f"the form has more than {MOST_FIELDS} fields"
                return
            child = found.fields.setdefault(name, FormField())
            self._add(child, part, depth + 1, certain=certain, seen=frozenset())
        for name in required:
            if name in found.fields:
                found.fields[name].required = True

    def _resolve(self, reference: str) -> object:
        """The definition that is referred to; None where there is none, which compiling has reported."""
        name = reference.removeprefix("#").removeprefix("/$defs/")
        return self._root.get("$defs", {}).get(name) if name else self._root


def _types(schema: object) -> frozenset[str]:
    if not isinstance(schema, dict):
        return frozenset()
    given = schema.get("type", [])
    return frozenset([given] if isinstance(given, str) else given)
