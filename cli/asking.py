"""Asks several services the same, side by side: one that is away hides none of the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import typer
from rich.console import Console

from cli.output import say
from duokua.errors import DuokuaError, PermissionDenied, Unauthenticated

T = TypeVar("T")
errors = Console(stderr=True)

PATIENCE_SECONDS = 10.0
"""For one service's answer."""


class Service(StrEnum):
    """The services, in the order in which they are listed everywhere."""

    IDENTITY = "identity"
    MATTERS = "matters"
    ROUTING = "routing"
    CASES = "cases"
    ESEAL = "eseal"
    NOTIFY = "notify"
    LICENCES = "licences"


OneService = Annotated[Service, typer.Argument(metavar="SERVICE", help=f"One of {', '.join(Service)}.")]
SomeServices = Annotated[
    list[Service] | None, typer.Argument(metavar="SERVICE...", help=f"Of {', '.join(Service)}; all when none is named.")
]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a service answered, or why it did not."""

    service: str
    value: T | None
    why: str = ""


def ask_each(services: Sequence[Service] | None, ask: Callable[[str], T]) -> list[Answer[T]]:
    """Ask services, all when none is named, at the same time.

    Raises what is about the caller and not about a service: `Unauthenticated`, `PermissionDenied`.
    """
    asked = [service.value for service in dict.fromkeys(services or Service)]
    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(lambda service: _answer(service, ask), asked))


def _answer(service: str, ask: Callable[[str], T]) -> Answer[T]:
    try:
        return Answer(service, ask(service))
    except (Unauthenticated, PermissionDenied):
        raise
    except DuokuaError as error:
        return Answer(service, None, f"{error.reason or error.code.name}: {error.message}")
    except ValueError as error:  # the endpoints name no address for it
        return Answer(service, None, str(error))


def none_at(answers: Sequence[Answer[T]], words: str) -> str:
    """What to say when nothing was found: those that gave no answer may have some."""
    asked = ", ".join(answer.service for answer in answers if answer.value is not None)
    return (
        words if all(answer.value is not None for answer in answers) else f"{words} at {asked or 'any that answered'}"
    )


def end_unless_all(answers: Sequence[Answer[T]]) -> None:
    """Tell which services did not answer, and why; end with status 1 if there are any."""
    silent = [answer for answer in answers if answer.value is None]
    for answer in silent:
        say(f"{answer.service} gives no answer: {answer.why}", errors)
    if silent:
        raise typer.Exit(1)
