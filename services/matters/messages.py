"""From the service's own words to the contract's."""

from dataclasses import asdict

from duokua.matters.v1 import bundle_pb2, matter_service_pb2, package_pb2
from services.matters.domain.bundle import (
    Bundle,
    Burden,
    CataloguedMatter,
    MaterialKind,
    Matter,
    Rule,
    Step,
    StepInput,
)
from services.matters.domain.differences import Change
from services.matters.domain.limits import CIVIL_CODE, Limit, Limits
from services.matters.domain.packages import Installation, Publisher, Signer
from services.matters.domain.savings import savings_of
from services.matters.package.faults import Fault
from services.matters.package.keys import public_key_pem


def bundle_message(bundle: Bundle) -> bundle_pb2.Bundle:
    """A published bundle; names are those that the law gives, in Chinese."""
    scenario = bundle.scenario
    message = bundle_pb2.Bundle(
        bundle_id=scenario.scenario_id,
        version=bundle.version,
        name=scenario.name.zh,
        catalog_code=scenario.catalog_code,
        lead=bundle_pb2.Lead(**asdict(bundle.lead)),
        steps=[_step_message(step) for step in scenario.steps],
        form_schema=scenario.form_schema,
        region_field=scenario.region_field,
        materials=[_material_message(material) for material in scenario.materials],
        visits=[
            bundle_pb2.Visit(visit_id=each.visit_id, name=each.name.zh, steps=each.steps) for each in scenario.visits
        ],
        undo_order=scenario.undo_order,
        corrections=bundle_pb2.CorrectionRules(
            most=scenario.corrections.most,
            limit=None if scenario.corrections.limit is None else _limit_message(scenario.corrections.limit),
        ),
    )
    message.rules.extend(map(_rule_message, scenario.rules))
    message.published_at.FromDatetime(bundle.published_at)
    _fill_limits(message.limits, scenario.limits)
    if scenario.clock_rules != CIVIL_CODE:
        message.clock_rules.CopyFrom(bundle_pb2.ClockRules(**asdict(scenario.clock_rules)))
    return message


def matter_message(catalogued: CataloguedMatter) -> bundle_pb2.Matter:
    """A matter of the catalogue."""
    matter = catalogued.matter
    return bundle_pb2.Matter(
        catalog_code=matter.catalog_code,
        name=matter.name.zh,
        type_code=matter.type_code,
        form_fields=matter.form_fields,
        materials=matter.materials,
        scenario=catalogued.scenario_id,
        result_fields=_result_fields(matter),
        inputs=[bundle_pb2.InputField(name=each.name, type=each.type) for each in matter.inputs],
    )


def fault_message(fault: Fault) -> matter_service_pb2.ScenarioFault:
    """A fault of a scenario package."""
    return matter_service_pb2.ScenarioFault(
        file=fault.file, line=fault.line, column=fault.column, path=fault.path, message=fault.message
    )


def installation_message(installation: Installation) -> package_pb2.Installation:
    """How a package was installed."""
    message = package_pb2.Installation(
        bundle_id=installation.bundle_id,
        bundle_version=installation.bundle_version,
        package_id=installation.package_id,
        package_version=installation.package_version,
        package_digest=installation.package_digest,
        signers=[_signer_message(signer) for signer in installation.signers],
        region_code=installation.region_code,
        lead_organ_id=installation.lead_organ_id,
        installed_by=installation.installed_by,
        name=installation.name,
    )
    message.installed_at.FromDatetime(installation.installed_at)
    return message


def publisher_message(publisher: Publisher) -> package_pb2.Publisher:
    """A publisher of the trust list."""
    message = package_pb2.Publisher(
        key_id=publisher.key_id,
        public_key_pem=public_key_pem(publisher.public_key),
        name=publisher.name,
        trusted_by=publisher.trusted_by,
        reason=publisher.reason,
        distrusted_by=publisher.distrusted_by,
        distrust_reason=publisher.distrust_reason,
    )
    message.trusted_at.FromDatetime(publisher.trusted_at)
    if publisher.distrusted_at:
        message.distrusted_at.FromDatetime(publisher.distrusted_at)
    return message


def change_message(change: Change) -> package_pb2.ScenarioChange:
    """One difference between two versions of a scenario."""
    return package_pb2.ScenarioChange(area=change.area, subject=change.subject, text=change.text)


def _signer_message(signer: Signer) -> package_pb2.Signer:
    message = package_pb2.Signer(key_id=signer.key_id, publisher=signer.publisher, trusted=signer.trusted)
    message.signed_at.FromDatetime(signer.signed_at)
    return message


def _fill_limits(message: bundle_pb2.Limits, limits: Limits) -> None:
    for name in ("acceptance", "statutory", "promised"):
        limit: Limit | None = getattr(limits, name)
        if limit is not None:
            getattr(message, name).CopyFrom(_limit_message(limit))


def _limit_message(limit: Limit) -> bundle_pb2.Limit:
    return bundle_pb2.Limit(
        amount=limit.amount,
        unit=bundle_pb2.TimeUnit.Value(f"TIME_UNIT_{limit.unit.name}"),
        longest_extension=limit.longest_extension,
    )


def _rule_message(rule: Rule) -> bundle_pb2.Rule:
    return bundle_pb2.Rule(
        rule_id=rule.rule_id,
        holds=rule.holds,
        when=rule.when,
        refuses=rule.refuses,
        message=rule.message.zh,
        message_en=rule.message.en,
        fields=rule.fields,
        materials=rule.materials,
        step_ids=rule.steps,
    )


def burden_message(burden: Burden) -> bundle_pb2.Burden:
    """What applying for something asks."""
    return bundle_pb2.Burden(**asdict(burden))


def savings_message(bundle: Bundle) -> matter_service_pb2.GetSavingsResponse:
    """What a bundle saves."""
    savings = savings_of(bundle.scenario)
    return matter_service_pb2.GetSavingsResponse(
        bundle_id=bundle.scenario.scenario_id,
        version=bundle.version,
        before=burden_message(savings.before),
        after=burden_message(savings.after),
        supplied_fields=savings.supplied_fields,
        given_materials=savings.given_materials,
        matters=[
            matter_service_pb2.MatterBurden(
                catalog_code=matter.catalog_code, name=matter.name.zh, alone=burden_message(matter.alone)
            )
            for matter in savings.matters
            if matter.alone
        ],
        unsaid=[matter.catalog_code for matter in savings.unsaid],
    )


def _material_message(material: MaterialKind) -> bundle_pb2.MaterialKind:
    licence = material.licence
    return bundle_pb2.MaterialKind(
        kind=material.kind,
        name=material.name.zh,
        required=material.required,
        media_types=material.media_types,
        max_size=material.max_size,
        asked_when=material.asked_when,
        required_when=material.required_when,
        licence=bundle_pb2.Licence(licence_id=licence.licence_id, name=licence.name.zh) if licence else None,
        from_step=material.from_step,
    )


def _step_message(step: Step) -> bundle_pb2.Step:
    matter = step.matter
    message = bundle_pb2.Step(
        step_id=step.step_id,
        catalog_code=matter.catalog_code,
        name=matter.name.zh,
        after=step.after,
        when=step.when,
        level=step.level,
        undoable=step.undoable,
        pivot=step.pivot,
        form_fields=matter.form_fields,
        materials=matter.materials,
        inputs=[_input(matter, each) for each in step.inputs],
        optional=step.optional,
        without_application=step.without_application,
        quorum=step.quorum,
        choice=step.choice,
        pre_check=step.pre_check,
        result_fields=_result_fields(matter),
        organ_id=step.organ_id,
        seal_organ_id=step.seal_organ_id,
        region_field=step.region_field,
        organ_field=step.organ_field,
    )
    _fill_limits(message.limits, step.limits)
    if matter.notice:
        message.notice.title = matter.notice.title
        message.notice.template = matter.notice.template
    if matter.licence:
        message.licence.kind = matter.licence.kind
        message.licence.valid_until = matter.licence.valid_until
        for field, source in matter.licence.fields:
            message.licence.fields.add(field=field, source=source)
    return message


def _input(matter: Matter, given: StepInput) -> bundle_pb2.StepInput:
    (declared,) = (each for each in matter.inputs if each.name == given.name)
    return bundle_pb2.StepInput(name=given.name, expression=given.expression, type=declared.type)


def _result_fields(matter: Matter) -> list[bundle_pb2.ResultField]:
    return [
        bundle_pb2.ResultField(
            name=each.name, type=each.type, required=each.required, shared=each.shared, values=each.values
        )
        for each in matter.result_fields
    ]
