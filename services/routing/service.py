"""What routing can do: each method is one use case in one transaction that the caller opens and commits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self

from chassis.database import UnitOfWork
from chassis.problems import Invalid, NotFound, Violation
from chassis.settings import Settings
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.identity.v1 import events_pb2 as identity_events
from services.routing import directory, store
from services.routing.domain import (
    Decision,
    Office,
    Organ,
    Region,
    Step,
    assigned,
    choose,
    choose_above,
    choose_named,
    is_catalog_code,
    nearest,
    path_up,
    superiors,
)
from services.routing.messages import Request, request_of, steps_routed


class Routing:
    """Keeps who handles what and where, and decides which office handles a step."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Routing has nothing to set."""
        del settings
        return cls()

    def keep_regions(self, work: UnitOfWork, events: Sequence[identity_events.RegionRegistered]) -> None:
        """Keeps regions as identity has them; an older version never overwrites a newer one."""
        newest = {event.region.code: event for event in sorted(events, key=lambda event: event.version)}
        directory.save_regions(
            work.connection,
            [
                {
                    "code": event.region.code,
                    "name": event.region.name,
                    "parent_code": event.region.parent_code,
                    "version": event.version,
                }
                for event in newest.values()
            ],
        )

    def keep_organs(self, work: UnitOfWork, events: Sequence[identity_events.OrganRegistered]) -> None:
        """Keeps organs as identity has them; an older version never overwrites a newer one."""
        newest = {event.organ.organ_id: event for event in sorted(events, key=lambda event: event.version)}
        directory.save_organs(
            work.connection,
            [
                {
                    "organ_id": event.organ.organ_id,
                    "name": event.organ.name,
                    "region_code": event.organ.region_code,
                    "level": event.organ.level,
                    "parent_organ_id": event.organ.parent_organ_id,
                    "uscc": event.organ.uscc,
                    "version": event.version,
                }
                for event in newest.values()
            ],
        )

    def declare(self, work: UnitOfWork, organ_id: str, codes: Sequence[str]) -> list[str]:
        """Notes that an organ handles matters, and gives their codes, each once.

        Raises NotFound ORGAN_NOT_FOUND, Invalid BAD_CATALOG_CODE.
        """
        _check_codes(codes)
        self._check_organ(work, organ_id)
        unique = list(dict.fromkeys(codes))
        store.add_capabilities(work.connection, organ_id, unique)
        return unique

    def withdraw(self, work: UnitOfWork, organ_id: str, codes: Sequence[str]) -> list[str]:
        """Notes that an organ no longer handles matters; steps that were routed stay where they are.

        Raises NotFound ORGAN_NOT_FOUND, or CAPABILITY_NOT_FOUND when it does not declare all of them.
        """
        self._check_organ(work, organ_id)
        unique = list(dict.fromkeys(codes))
        unknown = sorted(set(unique) - store.declared(work.connection, organ_id, unique))
        if unknown:
            raise NotFound(
                "CAPABILITY_NOT_FOUND",
                f"organ {organ_id} does not declare {', '.join(unknown)}",
                organ_id=organ_id,
                catalog_codes=",".join(unknown),
            )
        store.remove_capabilities(work.connection, organ_id, unique)
        return unique

    def capabilities(
        self, work: UnitOfWork, organ_id: str, after: Sequence[str] | None, limit: int
    ) -> list[tuple[str, str]]:
        """(organ id, catalogue code) in order, after the given pair; of one organ when its id is not empty."""
        return store.list_capabilities(work.connection, organ_id, after, limit)

    def explain(self, work: UnitOfWork, region_code: str, step: Step) -> Decision:
        """What would be decided for a case of the region, with everyone that was passed over.

        Of the offices outside the path only the first 500 are looked at. Raises Invalid UNKNOWN_REGION.
        """
        where, region_code = "step.region_code" if step.region_code else "region_code", step.region_code or region_code
        if not directory.region_known(work.connection, region_code):
            raise Invalid(
                "UNKNOWN_REGION",
                f"there is no region {region_code}",
                violations=[Violation(where, "must be a registered region")],
                region_code=region_code,
            )
        if step.assigned:
            organs = directory.organs_above(work.connection, [step.assigned])
            return _with_superiors(assigned(step, organs.get(step.assigned)), organs)
        if step.named:
            decision = self._named(work, [step])(step)
            return _with_superiors(decision, directory.organs_above(work.connection, [decision.organ_id]))
        path = path_up(region_code, directory.regions_above(work.connection, [region_code]))
        on_path = {region.code for region in path}
        code = step.catalog_code
        offices = store.offices_in(work.connection, [code], on_path).get(code, [])
        offices += store.offices_elsewhere(work.connection, [code], on_path).get(code, [])
        if step.above_organ_id:
            organs = directory.organs_above(work.connection, [step.above_organ_id])
            offices += store.offices_among(work.connection, [code], organs).get(code, [])
            return _with_superiors(choose_above(step, organs, offices), organs)
        loads = store.open_steps(work.connection, [office.organ_id for office in offices], work.now)
        decision = choose(step, path, _loaded(offices, loads))
        return _with_superiors(decision, directory.organs_above(work.connection, [decision.organ_id]))

    def route(self, work: UnitOfWork, events: Sequence[cases_events.RoutingRequested]) -> None:
        """Decides for every step of every request and answers each with one StepsRouted.

        A request that was answered before gets the same answer.
        """
        requests = {(event.case.case_id, event.request_no): request_of(event) for event in events}
        ended = store.take_cases(work.connection, [case_id for case_id, _ in requests])
        known = store.decided(work.connection, [case_id for case_id, _ in requests])
        answers = {key: known[key] for key in requests if key in known}
        new = [request for key, request in requests.items() if key not in answers]
        if new:
            made = self._decide(work, new)
            store.add_decisions(work.connection, made, ended, work.now)
            answers |= made
        routed_anew = [request.case_id for request in new if request.request_no > 1]
        if routed_anew:
            store.close_superseded(work.connection, routed_anew)
        for (case_id, request_no), decisions in answers.items():
            work.emit(steps_routed(case_id, request_no, decisions), subject=case_id)

    def close(self, work: UnitOfWork, case_ids: Iterable[str]) -> None:
        """Takes finished cases off the load of their offices; a request that comes after the end is no load either."""
        finished = sorted(set(case_ids))
        store.take_cases(work.connection, finished)
        store.close_cases(work.connection, finished, work.now)

    def _check_organ(self, work: UnitOfWork, organ_id: str) -> None:
        if not directory.organ_known(work.connection, organ_id):
            raise NotFound("ORGAN_NOT_FOUND", f"there is no organ {organ_id}", organ_id=organ_id)

    def _decide(self, work: UnitOfWork, requests: Sequence[Request]) -> dict[tuple[str, int], list[Decision]]:
        codes = {code for request in requests for code in request.region_codes}
        regions = directory.regions_above(work.connection, codes)
        paths = {code: path_up(code, regions) for code in codes}
        offices = self._offices(work, requests, paths)
        organs, above = self._above(work, requests)
        loads = self._loads(work, requests, paths, offices)
        ordered = _ordered(work, requests)
        named = self._named(work, [step for request in requests for step in request.steps if step.named])
        made: dict[tuple[str, int], list[Decision]] = {}
        for request in requests:
            decisions = made.setdefault((request.case_id, request.request_no), [])
            for step in request.steps:
                if step.assigned:
                    decision = assigned(step, ordered.get(step.assigned))
                elif step.named:
                    decision = named(step)
                elif step.above_organ_id:
                    decision = choose_above(step, organs, above.get(step.catalog_code, []))
                else:
                    path = paths[step.region_code or request.region_code]
                    decision = choose(step, path, _loaded(offices.get(step.catalog_code, []), loads))
                decisions.append(decision)
                # The next step of the batch sees what this one adds.
                loads[decision.organ_id] = loads.get(decision.organ_id, 0) + 1
        chosen = {decision.organ_id for decisions in made.values() for decision in decisions if decision.organ_id}
        organs |= directory.organs_above(work.connection, chosen - organs.keys())
        return {key: [_with_superiors(each, organs) for each in decisions] for key, decisions in made.items()}

    def _offices(
        self, work: UnitOfWork, requests: Sequence[Request], paths: dict[str, list[Region]]
    ) -> dict[str, list[Office]]:
        """The offices that declare the matters, by code; those outside the paths only where there are no others."""
        codes = {step.catalog_code for request in requests for step in request.steps}
        on_paths = {region.code for path in paths.values() for region in path}
        offices = store.offices_in(work.connection, codes, on_paths)
        missing = codes - offices.keys()
        return offices | store.offices_elsewhere(work.connection, missing, on_paths) if missing else offices

    @staticmethod
    def _above(work: UnitOfWork, requests: Sequence[Request]) -> tuple[dict[str, Organ], dict[str, list[Office]]]:
        """The organs above those that passed steps upward, and which of them declare the matters."""
        passed_up = [step for request in requests for step in request.steps if step.above_organ_id]
        if not passed_up:
            return {}, {}
        organs = directory.organs_above(work.connection, {step.above_organ_id for step in passed_up})
        return organs, store.offices_among(work.connection, {step.catalog_code for step in passed_up}, organs)

    @staticmethod
    def _named(work: UnitOfWork, steps: Sequence[Step]) -> Callable[[Step], Decision]:
        """What decides for steps whose organ the application names."""
        organs = directory.organs_by_uscc(work.connection, {step.named for step in steps}) if steps else {}
        codes, ids = {step.catalog_code for step in steps}, {organ.organ_id for organ in organs.values()}
        offices = store.offices_among(work.connection, codes, ids) if ids else {}
        declared = {(office.organ_id, code) for code, found in offices.items() for office in found}

        def decide(step: Step) -> Decision:
            organ = organs.get(step.named)
            return choose_named(
                step, organ, declares=organ is not None and (organ.organ_id, step.catalog_code) in declared
            )

        return decide

    def _loads(
        self,
        work: UnitOfWork,
        requests: Sequence[Request],
        paths: dict[str, list[Region]],
        offices: dict[str, list[Office]],
    ) -> dict[str, int]:
        """Open steps of those offices between which only the load decides; most batches have none."""
        tied: set[str] = set()
        for request in requests:
            for step in request.steps:
                if step.assigned or step.named or step.above_organ_id:
                    continue
                equals = nearest(
                    step, paths[step.region_code or request.region_code], offices.get(step.catalog_code, [])
                )
                if len(equals) > 1:
                    tied.update(office.organ_id for office in equals)
        return store.open_steps(work.connection, tied, work.now) if tied else {}


def _with_superiors(decision: Decision, organs: Mapping[str, Organ]) -> Decision:
    return replace(decision, superior_organ_ids=tuple(organ.organ_id for organ in superiors(decision.organ_id, organs)))


def _loaded(offices: Iterable[Office], loads: dict[str, int]) -> list[Office]:
    return [replace(office, open_steps=loads.get(office.organ_id, 0)) for office in offices]


def _ordered(work: UnitOfWork, requests: Iterable[Request]) -> dict[str, Organ]:
    """The organs that steps are assigned to, and those above them; most batches have none."""
    organ_ids = {step.assigned for request in requests for step in request.steps} - {""}
    return directory.organs_above(work.connection, organ_ids) if organ_ids else {}


def _check_codes(codes: Iterable[str]) -> None:
    violations = [
        Violation(f"catalog_codes[{index}]", "must be a catalogue code of 12 characters (GB/T 39554.1)")
        for index, code in enumerate(codes)
        if not is_catalog_code(code)
    ]
    if violations:
        raise Invalid("BAD_CATALOG_CODE", "not every code is a catalogue code", violations=violations)
