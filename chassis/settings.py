"""Settings of every process: `DUOKUA_*` in the environment, secrets as files."""

import os
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SERVICES = ("identity", "matters", "routing", "cases", "eseal", "notify", "licences")
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


class Settings(BaseSettings):
    """What an operator can set; each field is the environment variable `DUOKUA_<FIELD>`.

    Without any, a process runs embedded: SQLite files and an in-process broker, all in `data_dir`.
    """

    model_config = SettingsConfigDict(env_prefix="DUOKUA_", extra="ignore", frozen=True)

    data_dir: Path = Path("duokua-data")
    """Databases of the embedded mode, its secrets, and signals."""
    secrets_dir: Path | None = None
    """Keys and certificates, one file each; by default `<data_dir>/secrets`."""
    database_url: str = ""
    """`postgresql://user@host:port/duokua_{service}`; empty means SQLite files. `{service}` is replaced."""
    broker_url: str = ""
    """`amqp://user@host:port/vhost`, or `user@host1:port,host2:port,host3:port/vhost` for the nodes of a cluster; empty
    means the in-process broker."""
    database_password_file: Path | None = None
    broker_password_file: Path | None = None
    broker_heartbeat_seconds: int = Field(default=30, ge=2, le=300)
    """After how long without a sign of life a broker's node counts as gone: no answer, no confirm, two heartbeats."""
    listen: str = "127.0.0.1:7443"
    """Where the gRPC server of an api process listens."""
    health_listen: str = "127.0.0.1:7480"
    """Where `/live`, `/ready` and `/metrics` of a process are served, by HTTP."""
    endpoints: str = ""
    """Where the services' gRPC servers are: `host:port` for all, or `identity=host:port,cases=host:port,...`."""
    issuer: str = "duokua"
    """The name of the platform in tokens, as issuer and as audience of client assertions."""
    allow_private_webhooks: bool = False
    """Whether webhooks may go to private and loopback addresses, and by plain http."""
    api_threads: int = Field(default=8, ge=1, le=64)
    blobs_url: str = ""
    """Where the content of materials lies: `file:///folder`, or `s3://bucket/prefix?endpoint=https://host&region=name`;
    empty means the folder `<data_dir>/blobs`. All api processes of cases must see the same place."""
    blobs_access_key_id: str = ""
    """For `s3://`; without it, the AWS_* variables or the machine's role."""
    blobs_secret_key_file: Path | None = None
    largest_material: int = Field(default=200_000_000, ge=1, le=5_000_000_000)
    """In bytes, of an upload; what a bundle says of a kind of material may be less."""
    lease_seconds: int = Field(default=60, ge=1, le=3600)
    """How long a department's system holds a task before another of its processes may get it."""
    archive_days: int = Field(default=30, ge=1, le=3650)
    """How long after its end, and after all that followed it, a case goes to the archive."""
    allow_unsigned_packages: bool = True
    """Whether scenario packages may be installed that nobody signed."""
    eseal_public_url: str = Field(default="", pattern="^(https?://[^ ]+)?$")
    """Under which everybody can reach what an api process of eseal serves at `/pki` of `health_listen`; it goes into
    certificates of seals. Empty means that certificates name no such place."""
    eseal_outside_trust: Path | None = None
    """A trust list, PEM: roots, and revocation lists, of the authorities outside the platform that seals may have their
    certificates from."""
    eseal_level: str = Field(default="B-B", pattern="^B-(B|T|LT)$")
    """The PAdES level at which PDFs are sealed: B-T with a timestamp, B-LT also with revocation lists."""
    eseal_timestamp_url: str = Field(default="", pattern="^(https?://[^ ]+)?$")
    """The timestamp authority (RFC 3161) for B-T and B-LT; empty means the platform's own clock and certificate."""
    eseal_timestamp_trust: Path | None = None
    """PEM of the certificates, and for B-LT the revocation lists, by which that authority is believed."""
    eseal_token_module: Path | None = None
    """The PKCS#11 library of a token in which private keys of seals are made from then on; the secret `eseal-token.pin`
    opens it. Without one they lie in the database, encrypted."""
    eseal_token_label: str = ""
    """The label of that token."""
    outbox_limit: int = Field(default=50_000, ge=100)
    """Events in a service's outbox beyond which its api process refuses calls that would add more."""
    otlp_endpoint: str = ""
    """Base URL of an OpenTelemetry collector (OTLP over HTTP); empty means no traces are sent."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field(default="text", pattern="^(text|json)$")

    @field_validator("listen", "health_listen")
    @classmethod
    def _has_port(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            message = f"{address!r} is not host:port"
            raise ValueError(message)
        return address

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.database_url and not self.database_url.startswith(("postgresql://", "sqlite://")):
            message = "database_url must start with postgresql:// or sqlite://"
            raise ValueError(message)
        if self.database_url and "{service}" not in self.database_url:
            message = "database_url must contain {service}: every service has a database of its own"
            raise ValueError(message)
        if self.blobs_url and not self.blobs_url.startswith(("file:///", "s3://")):
            message = "blobs_url must start with file:/// or s3://"
            raise ValueError(message)
        if bool(self.blobs_access_key_id) != bool(self.blobs_secret_key_file):
            message = "blobs_access_key_id and blobs_secret_key_file go together"
            raise ValueError(message)
        if bool(self.eseal_timestamp_url) != bool(self.eseal_timestamp_trust):
            message = "eseal_timestamp_url and eseal_timestamp_trust go together"
            raise ValueError(message)
        if bool(self.eseal_token_module) != bool(self.eseal_token_label):
            message = "eseal_token_module and eseal_token_label go together"
            raise ValueError(message)
        if self.broker_url and not self.broker_url.startswith(("amqp://", "amqps://")):
            message = "broker_url must start with amqp:// or amqps://"
            raise ValueError(message)
        if self.broker_url:
            broker_nodes(self.broker_url)
        return self

    @property
    def embedded_broker(self) -> bool:
        """Whether the broker lives in the one worker process."""
        return not self.broker_url

    @property
    def secrets_folder(self) -> Path:
        """Where secrets are read from."""
        return self.secrets_dir or self.data_dir / "secrets"

    def secret(self, name: str) -> bytes:
        """The content of a secret; raises FileNotFoundError, which names the file, when there is none."""
        path = self.secrets_folder / name
        try:
            return path.read_bytes().strip()
        except FileNotFoundError:
            message = f"there is no secret {path}; `duokua init` makes all of them"
            raise FileNotFoundError(message) from None

    def has_secret(self, name: str) -> bool:
        """Whether there is such a secret."""
        return (self.secrets_folder / name).exists()

    def database_url_of(self, service: str) -> str:
        """The URL of a service's database, with its password."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir / service}.sqlite3"
        return _with_password(self.database_url.replace("{service}", service), self.database_password_file)

    def broker_url_with_password(self) -> str:
        """The broker's URL, with its password; `broker_nodes` takes it apart."""
        return _with_password(self.broker_url, self.broker_password_file)

    def endpoint(self, service: str) -> str:
        """`host:port` of a service's gRPC server."""
        if not self.endpoints:
            return self.listen
        if "=" not in self.endpoints:
            return self.endpoints
        pairs = dict(pair.strip().split("=", 1) for pair in self.endpoints.split(",") if pair.strip())
        if service not in pairs:
            message = f"DUOKUA_ENDPOINTS names no address for {service}"
            raise ValueError(message)
        return pairs[service]


def broker_nodes(url: str) -> list[str]:
    """One URL for each node that a broker's URL names; raises ValueError when it names one that cannot be."""
    scheme, _, rest = url.partition("://")
    authority, slash, vhost = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    for host in hosts.split(","):
        if not _is_host(host):
            message = f"broker_url names {host!r} as a node: write host:port, several as host1:port,host2:port"
            raise ValueError(message)
    return [f"{scheme}://{user}{at}{host}{slash}{vhost}" for host in hosts.split(",")]


def _is_host(host: str) -> bool:
    try:
        parsed = urlsplit(f"//{host}")
        named = parsed.netloc == host == host.strip() and not host.endswith(":")
        return named and bool(parsed.hostname) and parsed.port != 0
    except ValueError:  # a port that is no number
        return False


def keep_private() -> None:
    """Have whatever this process writes be for its owner only; the first thing that it does."""
    os.umask(0o077)


def private_folder(folder: Path) -> Path:
    """The folder, made if it is missing, and its missing parents too: each for its owner only, whatever the umask."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        each.chmod(0o700)
    return folder


def _with_password(url: str, file: Path | None) -> str:
    if file is None:
        return url
    scheme, _, rest = url.partition("://")
    user, at, place = rest.partition("@")
    if not at or ":" in user:
        message = "a password file needs a URL with a user and no password: scheme://user@host/..."
        raise ValueError(message)
    return f"{scheme}://{user}:{quote(file.read_text().strip(), safe='')}@{place}"


def is_loopback(address: str) -> bool:
    """Whether `host:port` can be reached from this machine only."""
    return address.rpartition(":")[0] in LOOPBACK
