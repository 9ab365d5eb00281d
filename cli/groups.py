"""The groups of commands, each in a module that is loaded when one of its commands is asked for, or its help.

A module of a group ends in `app`, to which its commands belong; what the group is for is said here.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

GROUPS = {
    "region": ("cli.regions", "Regions: register, list."),
    "organ": ("cli.organs", "Organs: register, list."),
    "capability": ("cli.capabilities", "Capabilities, which organ handles what: declare, list, withdraw."),
    "seal": ("cli.seals", "Seals: apply, approve, suspend, renew, list their uses, verify documents."),
    "licence": ("cli.licences", "Licences: define types, issue, renew, hold, end, look at, look up, consent, verify."),
    "client": ("cli.clients", "Clients, the systems that call: register, list, disable."),
    "person": ("cli.persons", "Persons, those who apply: register."),
    "matter": ("cli.matters", "The catalogue of matters: import, review, publish, look up."),
    "scenario": ("cli.scenarios", "Scenario packages: write, test, exchange, install."),
    "route": ("cli.routes", "Routes: explain."),
    "case": (
        "cli.cases",
        "Cases: list, search, show, follow, notices, prove, submit, correct, withdraw, urge, extend, decide, export.",
    ),
    "draft": ("cli.drafts", "Applications that are not handed in yet: save, list, show, submit, delete."),
    "incident": ("cli.incidents", "Incidents: list, show, resolve, retry."),
    "calendar": ("cli.calendars", "The working-day calendar: show, load, list."),
    "bus": ("cli.bus", "The bus between the services: status, dead letters, repairs."),
    "vault": ("cli.vaults", "The key of what is encrypted at rest: rotate."),
    "log": ("cli.log", "The signed log of all histories: key, heads, head, verify, audit."),
}
"""By name, in the order of the help: the module, and what the group is for."""


class Group(TyperGroup):
    """A group whose commands are those of its module."""

    _loaded: dict[str, Any] | None = None

    @property
    def commands(self) -> Any:
        """The commands by their names."""
        if self._loaded is None:
            module, _ = GROUPS[self.name or ""]
            self._loaded = dict(typer.main.get_group(import_module(module).app).commands)
        return self._loaded

    @commands.setter
    def commands(self, _: Any) -> None:
        """What the base class says of a group that has none yet."""


def add_groups(app: typer.Typer) -> None:
    """Give the command all of its groups."""
    for name, (_, what_for) in GROUPS.items():
        app.add_typer(typer.Typer(cls=Group), name=name, help=what_for, no_args_is_help=True)
