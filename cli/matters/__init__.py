"""`duokua matter`: the catalogue of matters. Files in and out, what is there, and what operators do with it."""

import typer

from cli.matters.deciding import discard, publish, retire, submit, withdraw
from cli.matters.exporting import export, template
from cli.matters.importing import import_files
from cli.matters.looking import diff, list_matters, show

app = typer.Typer()
app.command()(template)
app.command(name="import")(import_files)
app.command()(export)
app.command(name="list")(list_matters)
app.command()(show)
app.command()(diff)
app.command()(submit)
app.command()(withdraw)
app.command()(publish)
app.command()(retire)
app.command()(discard)
