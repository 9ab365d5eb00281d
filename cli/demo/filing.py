"""What the applicant hands in: the scenario's example forms, and materials that are real files, made on the spot."""

import io
import json
from typing import Any

from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from cli.demo.world import SCENARIO
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.data import to_struct
from duokua.matters.v1 import bundle_pb2

_FONT = "STSong-Light"
_PDF, _PNG = "application/pdf", "image/png"


def large_restaurant() -> dict[str, Any]:
    """A restaurant of 2486.5 square metres on the ground floor."""
    return _example("large-with-fire-safety")


def second_restaurant() -> dict[str, Any]:
    """The same firm's next restaurant, smaller, with 120 seats."""
    return _example("many-seats-with-fire-safety") | {"applicant": large_restaurant()["applicant"]}


def basement_restaurant() -> dict[str, Any]:
    """The same in a basement, which fire rescue cannot allow."""
    form = second_restaurant()
    form["premises"] |= {"floor": -1, "address": "浙江省杭州市西湖区虚构街8号地下1层"}
    return form


def _example(name: str) -> dict[str, Any]:
    form: dict[str, Any] = json.loads((SCENARIO / "examples" / f"{name}.json").read_text("utf-8"))
    return form


def application(bundle: bundle_pb2.Bundle, form: dict[str, Any]) -> case_service_pb2.SubmitCaseRequest:
    """The application for a bundle: the form, and one file of every kind of material."""
    request = case_service_pb2.SubmitCaseRequest(bundle_id=bundle.bundle_id, form=to_struct(form, "form"))
    request.materials.extend(_material(kind, form) for kind in bundle.materials)
    return request


def _material(kind: bundle_pb2.MaterialKind, form: dict[str, Any]) -> case_pb2.Material:
    applicant, sign = form["applicant"]["name"], form["sign"]
    if _PDF in kind.media_types and kind.kind != "floor-plan":
        content = _pdf([kind.name, applicant, form["premises"]["address"], "演示材料，内容虚构。"])
        return case_pb2.Material(kind=kind.kind, name=f"{kind.name}.pdf", media_type=_PDF, content=content)
    content = _picture(kind.kind, sign["width"] / sign["height"])
    return case_pb2.Material(kind=kind.kind, name=f"{kind.name}.png", media_type=_PNG, content=content)


def _pdf(lines: list[str]) -> bytes:
    """A page with a line of each text."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    for number, line in enumerate(lines):
        canvas.setFont(_FONT, 18 if number == 0 else 12)
        canvas.drawString(72, 760 - 32 * number, line)
    canvas.save()
    return buffer.getvalue()


def _picture(kind: str, ratio: float) -> bytes:
    """A plan with rooms, or a sign of the given ratio."""
    image = Image.new("RGB", (640, 400), "white")
    draw = ImageDraw.Draw(image)
    if kind == "floor-plan":
        for box in ((40, 40, 600, 360), (40, 40, 240, 200), (240, 40, 600, 200), (40, 200, 140, 360)):
            draw.rectangle(box, outline="black", width=4)
    else:
        height = 560 / max(ratio, 1.5)
        draw.rectangle((40, 200 - height / 2, 600, 200 + height / 2), fill="#a03020", outline="#602010", width=6)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
