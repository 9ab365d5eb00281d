"""`duokua scenario`: write, test and install scenario packages, and see what is installed. A module per command."""

import typer

from cli.scenarios.elements import list_elements
from cli.scenarios.graphing import graph
from cli.scenarios.installing import install
from cli.scenarios.linting import lint
from cli.scenarios.listing import list_bundles
from cli.scenarios.starting import new
from cli.scenarios.testing import rehearse

app = typer.Typer(no_args_is_help=True, help="Scenario packages: write, test, install.")
app.command()(new)
app.command()(lint)
app.command()(graph)
app.command()(install)
app.command(name="test")(rehearse)
app.command(name="list")(list_bundles)
app.command(name="elements")(list_elements)
