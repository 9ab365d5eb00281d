"""`duokua scenario`: write, test, exchange and install scenario packages. A module per command."""

import typer

from cli.scenarios import keys, trusting
from cli.scenarios.binding import bind
from cli.scenarios.comparing import diff
from cli.scenarios.elements import list_elements
from cli.scenarios.exporting import export
from cli.scenarios.graphing import graph
from cli.scenarios.installing import install
from cli.scenarios.linting import lint
from cli.scenarios.listing import list_installed
from cli.scenarios.packing import pack
from cli.scenarios.savings import savings
from cli.scenarios.signing import sign
from cli.scenarios.starting import new
from cli.scenarios.testing import rehearse
from cli.scenarios.upgrading import upgrade
from cli.scenarios.verifying import verify

app = typer.Typer()
app.command()(new)
app.command()(lint)
app.command(name="test")(rehearse)
app.command()(graph)
app.command(name="elements")(list_elements)
app.command()(savings)
app.command()(diff)
app.command()(pack)
app.command()(sign)
app.command()(verify)
app.command()(bind)
app.command()(install)
app.command()(upgrade)
app.command(name="list")(list_installed)
app.command()(export)
app.add_typer(trusting.app, name="trust")
app.add_typer(keys.app, name="key")
