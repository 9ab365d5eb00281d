"""docker-compose.yml as the tests read it: unknown keys are refused, so that a slip of the pen is found."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ROOT = Path(__file__).parents[2]
INTERPOLATION = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}")


def pinned(image: str) -> str:
    """An image names the version that was tried."""
    version = image.rpartition(":")[2]
    if not re.search(r"\d+\.\d+", version):
        raise ValueError(f"{image} names no version")
    return image


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Build(Part):
    context: str
    dockerfile: str


class Healthcheck(Part):
    test: list[str] = Field(default_factory=list)
    interval: str = ""
    timeout: str = ""
    retries: int = 0
    start_period: str = ""
    start_interval: str = ""
    disable: bool = False


class Dependency(Part):
    condition: Literal["service_healthy", "service_completed_successfully"]


class Service(Part):
    image: Annotated[str, AfterValidator(pinned)]
    build: Build | str | None = None
    command: list[str] = Field(default_factory=list)
    entrypoint: list[str] = Field(default_factory=list)
    user: str = ""
    hostname: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    depends_on: dict[str, Dependency] = Field(default_factory=dict)
    healthcheck: Healthcheck
    secrets: list[str] = Field(default_factory=list)
    networks: list[str]
    ports: list[str] = Field(default_factory=list)
    volumes: list[str] = Field(default_factory=list)
    tmpfs: list[str] = Field(default_factory=list)
    cap_drop: list[str] = Field(default_factory=list)
    security_opt: list[str] = Field(default_factory=list)
    init: bool = False
    read_only: bool = False
    shm_size: str = ""
    restart: Literal["unless-stopped", "no"]
    stop_grace_period: str = "10s"


class Secret(Part):
    file: str


class Network(Part):
    internal: bool = False


class Compose(Part):
    name: str
    services: dict[str, Service]
    networks: dict[str, Network]
    volumes: dict[str, dict[str, Any]]
    secrets: dict[str, Secret]


@cache
def compose() -> Compose:
    """The file, with the defaults of what it takes from the environment."""
    text = INTERPOLATION.sub(lambda found: found["default"] or "", (ROOT / "docker-compose.yml").read_text())
    document = yaml.safe_load(text)
    return Compose.model_validate({key: value for key, value in document.items() if not key.startswith("x-")})


def platform_processes() -> dict[str, Service]:
    """The services that run the platform's own image and stay."""
    return {name: service for name, service in compose().services.items() if service.command[:2] == ["duokua", "serve"]}
