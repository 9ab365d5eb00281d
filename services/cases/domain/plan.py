"""What a case runs: a published bundle, compiled to what the saga's rules look up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from services.cases.domain.clocks import Limit
from services.cases.domain.counted_days import Rules

DEFAULT_RULES = Rules()
# A task id is "<case id, 36>:<step id>:<turn>" and is at most 100 characters long on the wire.
LONGEST_STEP_ID = 50


@dataclass(frozen=True, slots=True)
class Lead:
    """The organ that leads a bundle, as bound at installation."""

    organ_id: str = ""
    uscc: str = ""
    level: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """How a step's result is rendered before it is sealed."""

    title: str
    template: str


@dataclass(frozen=True, slots=True)
class GrantedLicence:
    """The licence (电子证照) that a step's approval makes; sources are paths such as ``form.premises.address``."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    """Each field of the licence with its source."""
    valid_until: str = ""
    """Where its last day stands; empty for what the type says."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take; None where nothing is said."""

    acceptance: Limit | None = None
    """Until the office says whether it takes the step on."""
    statutory: Limit | None = None
    promised: Limit | None = None


@dataclass(frozen=True, slots=True)
class ResultField:
    """A field of a step's result."""

    name: str
    type: str
    """A type of JSON Schema, as that of an input."""
    required: bool = True
    shared: bool = False
    """Whether later steps may be given it; nothing else of a result goes to another office."""
    values: tuple[str, ...] = ()
    """The only values that it may have, of a string; empty for any."""


@dataclass(frozen=True, slots=True)
class StepInput:
    """What a step is given of the results of earlier ones."""

    name: str
    expression: str
    """In CEL, over `form` and `steps`: `steps["birth"].result.number`."""
    type: str
    """A type of JSON Schema: string, number, integer, boolean, array or object."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to the site that several offices make together; none of them decides before it."""

    visit_id: str
    name: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorrectionRules:
    """How often and for how long an applicant may be asked for corrections."""

    most: int = 2
    """Requests of one step."""
    limit: Limit | None = None
    """Until the applicant has supplied everything; silence past it hands the case back."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a bundle: a matter for one office."""

    step_id: str
    name: str = ""
    catalog_code: str = ""
    after: tuple[str, ...] = ()
    """The steps that must end before this one starts; see ``flow``."""
    when: str = ""
    """A CEL condition, evaluated by the caller; empty means always."""
    late: bool = False
    """The condition names results of earlier steps: decided once the step could start, not at submission."""
    level: int = 0
    """The organ level that must handle it; 0 leaves that to routing."""
    undoable: bool = False
    pivot: bool = False
    """The point of no return: once it is completed the case only goes forward."""
    form_fields: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    notice: Notice | None = None
    licence: GrantedLicence | None = None
    limits: Limits = Limits()
    optional: bool = False
    """Its refusal does not undo the bundle."""
    without_application: bool = False
    """免申即享: nobody applies for it; it cannot be corrected, and its refusal undoes nothing."""
    quorum: int = 0
    """So many of the steps in ``after`` must be completed; 0 for all of them to have ended."""
    choice: str = ""
    """Names a group of steps of which exactly one is done; empty for none."""
    inputs: tuple[StepInput, ...] = ()
    pre_check: bool = False
    """预审: the lead looks at the application before anybody else."""
    result_fields: tuple[ResultField, ...] = ()
    """What its result holds; with none, anything is taken and nothing shared."""
    organ_id: str = ""
    """The organ that handles it where the bundle was installed; empty for routing to choose one."""
    seal_organ_id: str = ""
    """The organ whose seal goes on its notice; empty for the one that handles it."""
    region_field: str = ""
    """The form's field that names the region whose offices handle it; empty for the bundle's."""
    organ_field: str = ""
    """The form's field that names the organ which handles it, by its unified social credit code; empty for none."""

    @property
    def tolerant(self) -> bool:
        """Whether its refusal is an end like another, and undoes nothing."""
        return self.optional or self.without_application

    @property
    def compensated(self) -> bool:
        """Whether an undo task goes to the office when the case is refused after this step was completed."""
        return self.undoable and not self.pivot


@dataclass(frozen=True, slots=True)
class Plan:
    """A bundle as published, never changed after; cases name it by id and version.

    Raises ValueError when the steps are no directed acyclic graph of uniquely named steps.
    """

    bundle_id: str
    version: int
    name: str
    catalog_code: str
    lead: Lead
    steps: tuple[PlanStep, ...]
    region_field: str = ""
    limits: Limits = Limits()
    """Of the whole bundle; it has no acceptance."""
    rules: Rules = DEFAULT_RULES
    """How its days are counted."""
    corrections: CorrectionRules = CorrectionRules()
    visits: tuple[Visit, ...] = ()
    undo_order: tuple[str, ...] = ()
    """Steps that are undone first, in this order; the others follow, the last completed first."""
    visit_of: Mapping[str, Visit] = field(init=False, repr=False, compare=False)
    """Derived: by step id, the visit that its office makes with others."""
    choices: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """Derived: by the name of a choice, the steps of which exactly one is done."""
    by_id: Mapping[str, PlanStep] = field(init=False, repr=False, compare=False)
    """Derived: the steps by their id."""
    followers: Mapping[str, tuple[PlanStep, ...]] = field(init=False, repr=False, compare=False)
    """Derived: by step id, the steps that name it in ``after``, in the order of the plan."""
    before: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """Derived: by step id, the steps that come before it, directly or through others, in the order of the plan."""

    def __post_init__(self) -> None:
        by_id = {step.step_id: step for step in self.steps}
        object.__setattr__(self, "by_id", by_id)
        _check(self)
        followers = {step_id: tuple(other for other in self.steps if step_id in other.after) for step_id in by_id}
        object.__setattr__(self, "followers", followers)
        object.__setattr__(self, "before", _before(self))
        visit_of = {step_id: visit for visit in self.visits for step_id in visit.steps}
        object.__setattr__(self, "visit_of", visit_of)
        names = dict.fromkeys(step.choice for step in self.steps if step.choice)
        choices = {name: tuple(step.step_id for step in self.steps if step.choice == name) for name in names}
        object.__setattr__(self, "choices", choices)


def _before(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The ancestors of each step."""
    found: dict[str, set[str]] = {}
    for step_id in TopologicalSorter({step.step_id: step.after for step in plan.steps}).static_order():
        after = plan.by_id[step_id].after
        found[step_id] = set(after).union(*(found[other] for other in after))
    return {step_id: tuple(other for other in plan.by_id if other in found[step_id]) for step_id in plan.by_id}


def _check(plan: Plan) -> None:
    if not plan.steps:
        raise ValueError(f"bundle {plan.bundle_id} has no steps")
    if len(plan.by_id) != len(plan.steps):
        raise ValueError(f"bundle {plan.bundle_id} names a step twice")
    for step in plan.steps:
        if not 0 < len(step.step_id) <= LONGEST_STEP_ID:
            raise ValueError(f"step id {step.step_id!r} must have 1 to {LONGEST_STEP_ID} characters")
        for other in step.after:
            if other not in plan.by_id:
                raise ValueError(
                    f"step {step.step_id} comes after {other}, which bundle {plan.bundle_id} does not have"
                )
    for visit in plan.visits:
        if not plan.by_id.keys() >= set(visit.steps):
            raise ValueError(f"visit {visit.visit_id} is of steps that bundle {plan.bundle_id} does not have")
    try:
        TopologicalSorter({step.step_id: step.after for step in plan.steps}).prepare()
    except CycleError as cycle:
        raise ValueError(
            f"the steps of bundle {plan.bundle_id} wait for each other: {' -> '.join(cycle.args[1])}"
        ) from cycle
