"""Which role may do what: the only place where permissions are given."""

from collections.abc import Iterable
from enum import Enum

from chassis.problems import Forbidden


class Role(Enum):
    """What a client is used for."""

    DEPARTMENT = "department"
    PORTAL = "portal"
    OPERATOR = "operator"


# A `*_all` permission belongs to no rpc: it widens what the `*` one shows from the caller's own to everyone's.
PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.DEPARTMENT: frozenset(
        {
            "cases.deliver",
            "cases.extend",
            "cases.history",
            "cases.urge",
            "catalogue.read",
            "directory.read",
            "documents.read",
            "documents.verify",
            "licences.issue",
            "licences.look_up",
            "licences.read",
            "licences.types",
            "licences.verify",
            "materials.read",
            "matters.read",
            "messages.read",
            "seals.apply",
            "seals.read",
            "seals.use",
            "tasks.work",
            "webhooks.write",
        }
    ),
    Role.PORTAL: frozenset(
        {
            "cases.history",
            "cases.read",
            "cases.submit",
            "catalogue.read",
            "directory.read",
            "documents.read",
            "documents.verify",
            "licences.read",
            "licences.share",
            "licences.types",
            "licences.verify",
            "materials.read",
            "matters.read",
            "messages.read",
            "persons.write",
        }
    ),
    Role.OPERATOR: frozenset(
        {
            "bus.read",
            "bus.repair",
            "calendar.read",
            "calendar.write",
            "cases.audit",
            "cases.decide",
            "cases.deliver",
            "cases.export",
            "cases.extend",
            "cases.extend_all",
            "cases.history",
            "cases.read",
            "cases.read_all",
            "cases.search",
            "cases.urge",
            "cases.urge_all",
            "catalogue.edit",
            "catalogue.publish",
            "catalogue.read",
            "catalogue.read_all",
            "clients.read",
            "clients.write",
            "directory.read",
            "directory.write",
            "documents.read",
            "documents.read_all",
            "documents.verify",
            "incidents.read",
            "incidents.resolve",
            "keys.write",
            "licences.define",
            "licences.issue",
            "licences.issue_all",
            "licences.read",
            "licences.read_all",
            "licences.types",
            "licences.verify",
            "matters.read",
            "messages.read",
            "messages.read_all",
            "persons.write",
            "routing.read",
            "routing.write",
            "scenarios.install",
            "scenarios.read",
            "scenarios.trust",
            "seals.apply",
            "seals.approve",
            "seals.authority",
            "seals.read",
            "seals.write",
            "urges.read",
            "webhooks.write",
        }
    ),
}


def granted_scope(role: Role, requested: Iterable[str]) -> tuple[str, ...]:
    """Return the permissions of a token in alphabetical order: those requested, or all of the role when none is.

    Raises Forbidden INVALID_SCOPE that names what the role does not hold: a token with less than was asked for would
    fail later and further away.
    """
    held = PERMISSIONS[role]
    wanted = frozenset(requested) or held
    missing = sorted(wanted - held)
    if missing:
        names = " ".join(missing)
        raise Forbidden("INVALID_SCOPE", f"clients of role {role.value} do not hold: {names}", missing=names)
    return tuple(sorted(wanted))
