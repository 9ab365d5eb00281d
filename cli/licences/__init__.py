"""`duokua licence`: types of licences (电子证照), their issue and life, and whether one is good."""

import typer

from cli.licences import sharing, types
from cli.licences.documents import document
from cli.licences.importing import import_licences
from cli.licences.issuing import end, hold, issue, release, renew
from cli.licences.looking import list_licences, show, verify

app = typer.Typer()
app.add_typer(types.app, name="type")
app.command()(issue)
app.command(name="import")(import_licences)
app.command()(renew)
app.command()(hold)
app.command()(release)
app.command()(end)
app.command()(document)
app.command(name="list")(list_licences)
app.command()(show)
app.command()(verify)
app.command(name="look-up")(sharing.look_up)
app.command()(sharing.accesses)
app.add_typer(sharing.app, name="grant")
