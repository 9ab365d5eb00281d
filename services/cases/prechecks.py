"""Pre-check rules (智能预审): what has to hold before an application is taken."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from chassis.problems import Violation
from duokua.cases.v1 import application_service_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases.expressions import ExpressionFaultError, RuleCondition

Finding = application_service_pb2.Finding


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, compiled."""

    said: bundle_pb2.Rule
    holds: RuleCondition
    when: RuleCondition | None

    @classmethod
    def of(cls, said: bundle_pb2.Rule) -> Self:
        """Compile a rule as it was published."""
        return cls(said, RuleCondition(said.holds), RuleCondition(said.when) if said.when else None)

    def finding(self) -> Finding:
        """What to tell whoever breaks it."""
        said = self.said
        return Finding(
            refuses=said.refuses,
            fields=[*(f"form.{path}" for path in said.fields), *(f"materials.{kind}" for kind in said.materials)],
            rule_id=said.rule_id,
            message=said.message,
            message_en=said.message_en,
        )


def broken_rules(
    rules: Collection[Rule],
    form: Mapping[str, Any],
    materials: Mapping[str, int],
    today: str,
    skipped: Collection[str],
    *,
    valid: bool,
) -> Iterator[Finding]:
    """Yield what an application breaks; `materials` has every kind of the bundle, `skipped` the steps not to be done.

    Rules about what a form that is not `valid` has wrong or lacks are left for when it is mended.
    """
    for rule in rules:
        steps = rule.said.step_ids
        if steps and (not valid or all(step_id in skipped for step_id in steps)):
            continue
        try:
            applies = rule.when is None or rule.when.holds(form, materials, today)
            if applies and not rule.holds.holds(form, materials, today):
                yield rule.finding()
        except ExpressionFaultError as fault:
            if valid:
                yield _undecided(rule, fault)


def _undecided(rule: Rule, fault: ExpressionFaultError) -> Finding:
    """Nobody can say whether a rule is kept: publishing should have refused it, so it is not taken as kept."""
    finding = rule.finding()
    finding.message_en = f"{finding.message_en} (cannot be decided: {fault})"
    return finding


def violation_of(finding: Finding) -> Violation:
    """A finding as an error names it: the field, and the rule."""
    rule = f" [{finding.rule_id}]" if finding.rule_id else ""
    english = f" ({finding.message_en})" if finding.message_en else ""
    return Violation(finding.fields[0] if finding.fields else "form", f"{finding.message}{english}{rule}")
