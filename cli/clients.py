"""`duokua client`: the systems that call the platform."""

import shlex
import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, enum_name, every_page, print_json, print_rows, say
from cli.supervise import endpoints_of
from duokua.client import Platform
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey

pb = directory_service_pb2
app = typer.Typer()

# Names the request of a registration: the same command again, with the same key, is the same client.
_REGISTRATIONS = uuid.UUID("5b0f6c0e-6a0f-4c55-9c0a-3d7a6a1f9e42")


class Role(StrEnum):
    """What a client may be used for."""

    DEPARTMENT = "department"
    PORTAL = "portal"
    OPERATOR = "operator"


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="What people call the system.")],
    role: Annotated[Role, typer.Option(help="What it is for; a role is a fixed set of permissions.")],
    key: Annotated[Path, typer.Option(dir_okay=False, help="Its key, a JWK file; made (0600) when it is not there.")],
    organ: Annotated[str, typer.Option(help="The organ that a department's system works for: id or code.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Register a system by its key, and print the environment that it needs. The same again changes nothing."""
    if bool(organ) != (role is Role.DEPARTMENT):
        raise typer.BadParameter("a department's system needs --organ, and no other takes it")
    settings = Settings()
    with connect(settings) as platform:
        organ_id = organ_id_of(platform, organ) if organ else ""
        held = _ensure_key(key)
        request = pb.RegisterClientRequest(
            request_id=str(uuid.uuid5(_REGISTRATIONS, f"{name}\n{role}\n{organ_id}\n{held.thumbprint}")),
            name=name,
            role=directory_pb2.ClientRole.Value(f"CLIENT_ROLE_{role.name}"),
            organ_id=organ_id,
            public_jwk=held.public_jwk,
        )
        client = platform.directory.RegisterClient(request).client
        # A repeat is answered as the first time was, whatever happened since.
        client = next((known for known in all_clients(platform) if known.client_id == client.client_id), client)
    if client.disabled:
        message = f"{name} was registered with the key {key} as {client.client_id}, and disabled; take another key file"
        raise ValueError(message)
    _print_client(client, _environment(settings, client.client_id, key), as_json=json)


def all_clients(platform: Platform) -> list[directory_pb2.Client]:
    """Every client, disabled ones too."""
    return every_page(
        lambda token: platform.directory.ListClients(pb.ListClientsRequest(page_size=1000, page_token=token)),
        lambda answer: answer.clients,
    )


def _ensure_key(path: Path) -> ClientKey:
    if not path.exists():
        path.absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        ClientKey.generate().save(path)
    return ClientKey.load(path)


def _environment(settings: Settings, client_id: str, key: Path) -> dict[str, str]:
    """What `Platform.from_env` and `Department.from_env` read, for a system on this machine."""
    values = {
        "DUOKUA_ENDPOINTS": settings.endpoints or endpoints_of(settings),
        "DUOKUA_CLIENT_ID": client_id,
        "DUOKUA_KEY_FILE": str(key.absolute()),
        "DUOKUA_ROOT_CERT": str((settings.secrets_folder / "tls-root.crt").absolute()),
    }
    default = Settings.model_fields["issuer"].default
    return values if settings.issuer == default else {**values, "DUOKUA_ISSUER": settings.issuer}


def _print_client(client: directory_pb2.Client, environment: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print_json({**as_dict(client), "environment": environment})
        return
    say(f"client {client.client_id} {client.name} is registered; its system needs this environment:")
    for variable, value in environment.items():
        say(f"{variable}={shlex.quote(value)}")


@app.command(name="list")
def list_clients(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the clients, disabled ones too."""
    with connect(Settings()) as platform:
        found = all_clients(platform)
    columns = [
        ("client", lambda client: client.client_id),
        ("name", lambda client: client.name),
        ("role", lambda client: enum_name(client, "role")),
        ("organ", lambda client: client.organ_id),
        ("state", lambda client: "disabled" if client.disabled else "active"),
    ]
    print_rows(found, columns, as_json=json, empty="no client is registered")


@app.command()
def disable(
    client_id: Annotated[str, typer.Argument(help="The client's id.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Refuse all further tokens to a client; the one that it holds lasts 15 minutes at most."""
    with connect(Settings()) as platform:
        client = platform.directory.DisableClient(pb.DisableClientRequest(client_id=client_id)).client
    if json:
        print_json(as_dict(client))
    else:
        say(f"client {client.client_id} {client.name} is disabled")
