"""The only exception that the rules raise on purpose."""


class Refusal(Exception):
    """An input that the rules do not allow; it changed nothing.

    ``reason`` is UPPER_SNAKE and stable; ``message`` says what was wrong and what to do next.

    Reasons: CASE_NOT_FOUND, CASE_EXISTS, CASE_ENDED, CASE_UNDOING, TASK_NOT_FOUND, TASK_SETTLED,
    PIVOT_PASSED, UNDO_CANNOT_BE_REFUSED, REQUEST_ID_REUSED, RESULT_INVALID, INCIDENT_NOT_FOUND, INCIDENT_RESOLVED,
    CASE_NUMBERS_EXHAUSTED. Of corrections: NOT_APPLIED_FOR, ITEM_NOT_DECLARED, CORRECTION_LIMIT,
    CORRECTION_NEEDS_REASON, CORRECTION_NOT_FOUND, CORRECTION_SETTLED. Of special procedures: NOT_A_PROCEDURE,
    PROCEDURE_NOT_FOUND, PROCEDURE_ENDED, PROCEDURE_LIMIT. Of decisions: STEP_NOT_FOUND, STEP_SETTLED,
    STEP_WITHOUT_OFFICE, PIVOT_STEP, OFFICE_UNCHANGED, NO_NOTICE_WANTED. Of joint visits: VISIT_PENDING, NO_VISIT,
    VISIT_NOT_SCHEDULED, VISIT_MOVED_TOO_OFTEN, NOT_ACCEPTED, VISIT_HELD.
    Of clocks: NO_LIMIT, LIMIT_PASSED, ALREADY_EXTENDED, EXTENSION_TOO_SHORT, EXTENSION_TOO_LONG, CLOCK_ENDED,
    CLOCK_STOPPED, CLOCK_NOT_STOPPED, CALENDAR_ENDS.
    Of what follows the end: NOT_RATABLE, ALREADY_RATED, FOLLOW_UP_CANNOT_BE_REFUSED, NOT_COMPLETED, ALREADY_DELIVERED,
    NOT_IDLE, CASE_ARCHIVED.
    Of migrations to a newer version: MIGRATION_VERSION, MIGRATION_MAPPING, MIGRATION_STATE, MIGRATION_PLAN,
    MIGRATION_FORM.
    Of urges: NOTHING_TO_URGE, NO_SUPERIOR, URGED_JUST_NOW, URGED_TOO_OFTEN. Of hand-overs: HANDED_OVER_TOO_OFTEN.
    """

    def __init__(self, reason: str, message: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.fields = fields
        """What is wrong where, when the input itself is at fault: pairs of a field and a remedy."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"
