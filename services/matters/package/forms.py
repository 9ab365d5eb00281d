"""The bundle's one form: a JSON Schema (2020-12) that is bounded, closed, and knows which fields it has."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import jsonschema_rs
import re2

from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.formwork import work_fault
from services.matters.package.source import Source

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_FIELDS = 1000
DEEPEST_FORM = 10
# Errors that one form can have before the rest is not looked at.
MOST_DIALECT_FAULTS = 100
# A pattern's memory grows with its repetitions: characters, instructions of RE2, and bytes while it is compiled.
MOST_PATTERNS = 100
LONGEST_PATTERN = 500
LARGEST_PATTERNS = 200_000
MOST_PATTERN_FAULTS = 20
_PATTERN_MEMORY = 1 << 20

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
    for error in islice(_META.iter_errors(schema), MOST_DIALECT_FAULTS):
        sound = False
        faults.add(source.fault(("form", *error.instance_path), f"is not JSON Schema 2020-12: {error.message[:200]}"))
    if not sound:
        return None
    for path, message in (*_schema_faults(schema, ("form",)), *_bound_faults(schema)):
        sound = False
        faults.add(source.fault(path, message))
    # What is not bounded is not compiled.
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
    if schema.get("format") == "regex":
        yield (*path, "format"), "the format regex would compile what applicants write: take it away"
    closed = {"additionalProperties", "unevaluatedProperties"} & schema.keys()
    if schema.get("type") == "object" and "properties" in schema and not closed:
        yield path, "add `additionalProperties: false`, so that a misspelt field is refused and not lost"


def _bound_faults(schema: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what makes the form's validation take more time or memory than a form may."""
    if found := work_fault(schema):
        path, message = found
        yield ("form", *path), message
    total = faulty = 0
    for count, (pattern, path) in enumerate(_patterns(schema, ("form",)), start=1):
        if count > MOST_PATTERNS:
            yield path, f"the form has more than {MOST_PATTERNS} patterns"
            return
        try:
            total += _pattern_size(pattern)
        except ValueError as error:
            yield path, str(error)
            faulty += 1
        if faulty >= MOST_PATTERN_FAULTS:
            return
        if total > LARGEST_PATTERNS:
            yield path, "the form's patterns are too large together: use fewer and smaller repetitions, or maxLength"
            return


def _patterns(schema: object, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield every pattern and its place."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _patterns(item, (*path, index))
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("pattern"), str):
        yield schema["pattern"], (*path, "pattern")
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            for name, named in value.items():
                if key == "patternProperties":
                    yield name, (*path, key, name)
                yield from _patterns(named, (*path, key, name))
        elif key in _KEYWORDS and key not in _DATA:
            yield from _patterns(value, (*path, key))


def _pattern_size(pattern: str) -> int:
    """How many instructions RE2 makes of a pattern.

    Raises ValueError when its matching time or its size is not bounded: RE2 has neither look-around nor
    back-references, and repeats 1000 times at most.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern has {len(pattern)} characters: {LONGEST_PATTERN} at most")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return int(re2.compile(pattern, options).programsize)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        if "too large" in reason:
            reason += ": use smaller repetitions, or maxLength"
        text = f"the pattern cannot be used: {reason} (RE2 syntax: no look-around, no back-references)"
        raise ValueError(text) from error


def _compile_fault(schema: dict[str, Any]) -> str:
    """Compile the schema as the cases service will; the text of what is wrong, or nothing."""
    try:
        jsonschema_rs.Draft202012Validator(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return f"cannot be used as a schema: {str(error).splitlines()[0][:200]}"
    return ""


class _ShapeReader:
    """Finds the fields that a schema names, through references and combinations; their work is bounded already."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._count = 0
        self.fault = ""

    def shape(self, schema: object, depth: int) -> FormField:
        """The field that a schema describes."""
        found = FormField()
        self._add(found, schema, depth, certain=True, seen=frozenset())
        return found

    def _add(self, found: FormField, schema: object, depth: int, *, certain: bool, seen: frozenset[str]) -> None:
        """Add to `found` what a schema for the same value says; `certain` when it applies to every value."""
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
