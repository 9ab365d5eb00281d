"""A published bundle as the saga's plan."""

from collections.abc import Collection
from datetime import time

from duokua.matters.v1 import bundle_pb2
from services.cases.domain.clocks import Limit, LimitKind, Unit
from services.cases.domain.counted_days import END_OF_DAY, Rules
from services.cases.domain.plan import (
    CorrectionRules,
    GrantedLicence,
    Lead,
    Limits,
    Notice,
    Plan,
    PlanStep,
    ResultField,
    StepInput,
    Visit,
)

_UNITS = {bundle_pb2.TimeUnit.Value(f"TIME_UNIT_{unit.name}"): unit for unit in Unit}
_DEFAULTS = Rules()
_CORRECTIONS = CorrectionRules()


def plan_of(bundle: bundle_pb2.Bundle, late: Collection[str] = ()) -> Plan:
    """Compile a bundle; `late` are the steps whose condition names results. Raises ValueError when it cannot be run."""
    return Plan(
        bundle_id=bundle.bundle_id,
        version=bundle.version,
        name=bundle.name,
        catalog_code=bundle.catalog_code,
        lead=Lead(bundle.lead.organ_id, bundle.lead.uscc, bundle.lead.level, bundle.lead.name),
        steps=tuple(_step(step, late=step.step_id in late) for step in bundle.steps),
        region_field=bundle.region_field,
        limits=_limits(bundle.limits),
        rules=_rules(bundle.clock_rules),
        corrections=CorrectionRules(
            most=bundle.corrections.most or _CORRECTIONS.most,
            limit=_limit(bundle.corrections, "limit", LimitKind.STATUTORY),
        ),
        visits=tuple(Visit(each.visit_id, each.name, tuple(each.steps)) for each in bundle.visits),
        undo_order=tuple(bundle.undo_order),
    )


def _step(step: bundle_pb2.Step, *, late: bool) -> PlanStep:
    notice = Notice(step.notice.title, step.notice.template) if step.HasField("notice") else None
    return PlanStep(
        step_id=step.step_id,
        name=step.name,
        catalog_code=step.catalog_code,
        after=tuple(step.after),
        when=step.when,
        late=late,
        level=step.level,
        undoable=step.undoable,
        pivot=step.pivot,
        form_fields=tuple(step.form_fields),
        materials=tuple(step.materials),
        notice=notice,
        licence=_licence(step.licence) if step.HasField("licence") else None,
        limits=_limits(step.limits),
        optional=step.optional,
        without_application=step.without_application,
        quorum=step.quorum,
        choice=step.choice,
        inputs=tuple(StepInput(each.name, each.expression, each.type) for each in step.inputs),
        pre_check=step.pre_check,
        result_fields=tuple(
            ResultField(each.name, each.type, each.required, each.shared, tuple(each.values))
            for each in step.result_fields
        ),
        organ_id=step.organ_id,
        seal_organ_id=step.seal_organ_id,
        region_field=step.region_field,
        organ_field=step.organ_field,
    )


def _licence(granted: bundle_pb2.GrantedLicence) -> GrantedLicence:
    fields = tuple((each.field, each.source) for each in granted.fields)
    return GrantedLicence(granted.kind, fields, granted.valid_until)


def _limits(limits: bundle_pb2.Limits) -> Limits:
    return Limits(
        acceptance=_limit(limits, "acceptance", LimitKind.STATUTORY),
        statutory=_limit(limits, "statutory", LimitKind.STATUTORY),
        promised=_limit(limits, "promised", LimitKind.PROMISED),
    )


def _limit(holder: bundle_pb2.Limits | bundle_pb2.CorrectionRules, name: str, kind: LimitKind) -> Limit | None:
    if not holder.HasField(name):  # type: ignore[arg-type]  # each holder has the names that it is asked for
        return None
    limit: bundle_pb2.Limit = getattr(holder, name)
    return Limit(limit.amount, _UNITS[limit.unit], kind, limit.longest_extension)


def _rules(rules: bundle_pb2.ClockRules) -> Rules:
    closes_at = time(*divmod(rules.closes_at, 60)) if rules.closes_at else END_OF_DAY
    return Rules(
        counts_start_day=rules.counts_start_day,
        counts_stop_day=rules.counts_stop_day,
        counts_resume_day=rules.counts_resume_day,
        rolls_forward=not rules.ends_on_days_off,
        closes_at=closes_at,
        yellow_percent=rules.yellow_percent or _DEFAULTS.yellow_percent,
    )
