"""The licences that approvals make (电子证照): ordered when a step is completed, withdrawn when it is undone.

A case does not wait for them: what cannot be issued is put right where licences are kept.
"""

from services.cases.domain.case import StepState
from services.cases.domain.effects import RequestLicence, WithdrawLicence
from services.cases.domain.turn import Turn


def request_licence(turn: Turn, step_id: str) -> None:
    """Order the licence that the plan declares for a step which its office has just completed."""
    order_id = f"{turn.before.case_id}:{step_id}:l{turn.steps[step_id].completion_no}"
    turn.change(step_id, licence_order=order_id)
    turn.effects.append(RequestLicence(order_id, step_id))


def withdraw_licence(turn: Turn, step: StepState, reason: str) -> None:
    """Have the step's licence revoked, issued or not yet."""
    if step.licence_order:
        turn.change(step.step_id, licence_order="")
        turn.effects.append(WithdrawLicence(step.licence_order, step.step_id, reason))
