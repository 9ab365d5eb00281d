"""Whether materials (材料) are such as a bundle asks for, and how they are kept once they are."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.problems import Violation
from duokua.cases.v1 import application_service_pb2, case_pb2
from duokua.matters.v1 import bundle_pb2

Finished = Mapping[str, Mapping[str, int]]
"""What the applicant has uploaded: by hash, the sizes by the media types."""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """Materials that fit their bundle."""

    refs: list[dict[str, Any]]
    """What a MaterialRef tells of each."""
    contents: dict[str, bytes | None]
    """By SHA-256 in hexadecimal; None for what was uploaded before."""


def material_faults(
    kinds: Sequence[bundle_pb2.MaterialKind], materials: Sequence[case_pb2.Material], finished: Finished
) -> Iterator[Violation]:
    """What is wrong with each of the materials; that one is missing is for others to say."""
    by_kind = {kind.kind: kind for kind in kinds}
    for index, material in enumerate(materials):
        field = f"materials[{index}]"
        kind = by_kind.get(material.kind)
        if kind is None:
            yield Violation(f"{field}.kind", f"must be one of {', '.join(by_kind) or 'none'}")
            continue
        yield from media_type_faults(kind, field, material.media_type)
        if bool(material.content) == bool(material.sha256):
            yield Violation(f"{field}.content", "give either the content or the sha256 of an upload")
            continue
        if material.sha256 and (fault := _upload_fault(field, material, finished)):
            yield fault
            continue
        yield from size_faults(kind, f"{field}.content", _size(material, finished))


def intended_faults(
    kinds: Sequence[bundle_pb2.MaterialKind], materials: Sequence[application_service_pb2.IntendedMaterial]
) -> Iterator[Violation]:
    """What is wrong with materials that are still to come, as far as it is said what they will be."""
    by_kind = {kind.kind: kind for kind in kinds}
    for index, material in enumerate(materials):
        field = f"materials[{index}]"
        kind = by_kind.get(material.kind)
        if kind is None:
            yield Violation(f"{field}.kind", f"must be one of {', '.join(by_kind) or 'none'}")
            continue
        if material.media_type:
            yield from media_type_faults(kind, field, material.media_type)
        yield from size_faults(kind, f"{field}.size", material.size)


def media_type_faults(kind: bundle_pb2.MaterialKind, field: str, media_type: str) -> Iterator[Violation]:
    """What is wrong with the media type of a material."""
    if kind.media_types and media_type not in kind.media_types:
        yield Violation(f"{field}.media_type", f"must be one of {', '.join(kind.media_types)}")


def size_faults(kind: bundle_pb2.MaterialKind, field: str, size: int) -> Iterator[Violation]:
    """What is wrong with the size of a material, in bytes."""
    if kind.max_size and size > kind.max_size:
        yield Violation(field, f"has {size} bytes; at most {kind.max_size}")


def handed_in(materials: Sequence[case_pb2.Material], finished: Finished) -> HandedIn:
    """Materials as they are kept, once they are without faults."""
    refs: list[dict[str, Any]] = []
    contents: dict[str, bytes | None] = {}
    for material in materials:
        digest = material.sha256 or hashlib.sha256(material.content).hexdigest()
        refs.append(
            {
                "kind": material.kind,
                "name": material.name,
                "media_type": material.media_type,
                "sha256": digest,
                "size": _size(material, finished),
            }
        )
        contents[digest] = contents.get(digest) or material.content or None
    return HandedIn(refs, contents)


def _upload_fault(field: str, material: case_pb2.Material, finished: Finished) -> Violation | None:
    types = finished.get(material.sha256)
    if types is None:
        return Violation(f"{field}.sha256", "names no finished upload of yours; it may have expired: upload it again")
    if material.media_type not in types:
        return Violation(f"{field}.media_type", f"was uploaded and checked as {', '.join(sorted(types))}")
    return None


def _size(material: case_pb2.Material, finished: Finished) -> int:
    if not material.sha256:
        return len(material.content)
    return finished.get(material.sha256, {}).get(material.media_type, 0)
