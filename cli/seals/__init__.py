"""`duokua seal`: seals from their application to their end, what was done with them, and whether a file is genuine."""

import typer

from cli.seals.applying import apply, renew
from cli.seals.deciding import activate, approve, csr, import_certificate, reject, resume, revoke, suspend
from cli.seals.looking import history, list_seals, show, uses
from cli.seals.sealing import document
from cli.seals.suites import suite
from cli.seals.trusting import authorities, rotate_authority
from cli.seals.verifying import trust, verify

app = typer.Typer()
for command in (
    apply,
    approve,
    reject,
    activate,
    suspend,
    resume,
    revoke,
    renew,
    show,
    history,
    uses,
    document,
    verify,
    trust,
    authorities,
    suite,
    csr,
):
    app.command()(command)
app.command(name="list")(list_seals)
app.command(name="rotate-authority")(rotate_authority)
app.command(name="import-certificate")(import_certificate)
