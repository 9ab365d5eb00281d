"""Bundles for tests."""

from typing import Any

from services.cases.domain.plan import Lead, Notice, Plan, PlanStep

LEAD = Lead(organ_id="organ-lead", uscc="11341802003284977M", level=4, name="牵头局")


def a_step(step_id: str, *after: str, notice: bool = False, **values: Any) -> PlanStep:
    """A step that is called like its id and sees the shop and its lease; with a notice when the test asks for one."""
    values = {"form_fields": ("shop.area", "owner"), "materials": ("lease",), **values}
    paper = Notice(title=f"Notice of {step_id}", template="{{ result }}") if notice else None
    return PlanStep(step_id=step_id, name=step_id, catalog_code="340123001000", after=after, notice=paper, **values)


def a_plan(*steps: PlanStep, **values: Any) -> Plan:
    return Plan("open-restaurant", 3, "开办餐饮店", "342023028000", LEAD, steps, **values)


def a_restaurant() -> Plan:
    """Licence check (data only) -> food || sign || fire (sometimes) -> hand-over, the point of no return."""
    return a_plan(
        a_step("check"),
        a_step("food", "check", undoable=True, notice=True),
        a_step("sign", "check", undoable=True, notice=True),
        a_step("fire", "check", undoable=True, when="form.area > 300"),
        a_step("hand-over", "food", "sign", "fire", pivot=True),
        a_step("delivery", "hand-over"),
    )
