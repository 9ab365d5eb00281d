"""How commands fail: what a person can act on is one clear message and a status, never a traceback."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console
from rich.markup import escape

from chassis.problems import Problem
from cli.output import as_json_text, one_line, plain, say, say_lines
from cli.readiness import StartFailedError
from duokua.errors import DuokuaError

USAGE_ERROR = 2


def tell(error: Exception, to: Console, *, as_json: bool) -> int:
    """Say what went wrong, as one JSON object where JSON was asked for, and give the status to exit with.

    Raises the error again when it is a fault of the program.
    """
    if isinstance(error, ValidationError):
        if as_json:
            say_lines(as_json_text({"error": _wrong_settings(error)}), to)
            return USAGE_ERROR
        for fault in error.errors():
            to.print(f"[red]{_setting(fault)}[/red]: {fault['msg']}", highlight=False)
        return USAGE_ERROR
    if isinstance(error, DuokuaError | Problem):
        if as_json:
            say_lines(as_json_text({"error": error_as_dict(error)}), to)
        else:
            print_error(error, to)
    elif isinstance(error, StartFailedError | OSError | ValueError):
        if as_json:
            say_lines(as_json_text({"error": {"message": str(error)}}), to)
        else:
            to.print(f"[red]error[/red]: {escape(plain(str(error)))}", highlight=False, soft_wrap=True)
    else:
        raise error
    return 1


def tell_usage(error: Exception, to: Console) -> int:
    """Say as one JSON object what is wrong with how a command was called, and give the status to exit with."""
    context = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    told = {
        "reason": "USAGE",
        "message": error.format_message() if hasattr(error, "format_message") else str(error) or "aborted",
        "command": context.command_path if context else "",
        "parameter": getattr(error, "option_name", "") or (parameter.name if parameter else ""),
    }
    say_lines(as_json_text({"error": told}), to)
    return getattr(error, "exit_code", 1)


def _wrong_settings(error: ValidationError) -> dict[str, Any]:
    wrong = [{"field": _setting(fault), "description": fault["msg"]} for fault in error.errors()]
    return {"reason": "BAD_SETTINGS", "message": "settings are wrong", "violations": wrong}


def _setting(fault: ErrorDetails) -> str:
    return f"DUOKUA_{'_'.join(str(part) for part in fault['loc']).upper() or 'settings'}"


def print_error(error: DuokuaError | Problem, to: Console) -> None:
    """Why something was refused, here or by the platform: the reason, the message, each wrong field on its own line."""
    name = error.reason or (error.code.name if isinstance(error, DuokuaError) else "")
    violations = getattr(error, "violations", ())
    # What is wrong with the one field may be all that there is to say.
    where = [f"{each.field}: " for each in violations if each.field and each.description == error.message]
    once = where[0] if len(violations) == 1 and where else ""
    told = f"[red]{escape(one_line(name))}[/red]: {escape(one_line(once + error.message))}"
    to.print(told, soft_wrap=True, highlight=False)
    for violation in () if once else violations:
        say(f"  {violation.field}: {violation.description}", to)


def error_as_dict(error: DuokuaError | Problem) -> dict[str, Any]:
    """The same for programs."""
    return {
        "code": error.code.name if isinstance(error, DuokuaError) else "",
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "violations": [
            {"field": each.field, "description": each.description} for each in getattr(error, "violations", ())
        ],
    }
