"""A whole worker process for tests: `python -m tests.chassis.bus.green_worker`, with settings in the environment.

Its one service, `shop`, writes each text that it hears of into its table, and passes it on until `hops` are used up.
"""

# isort: off
import chassis.bus.green  # noqa: F401  first, as in chassis.worker_process

import os
import sys
from datetime import datetime

from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from chassis.bus import OutboxRelay, UseCases, background, subscribe
from chassis.bus.process import run_worker
from chassis.bus.topology import RetryPolicy
from chassis.database import Database, UnitOfWork
from chassis.problems import Invalid
from chassis.settings import Settings
from tests.chassis.bus.shop import effects
# isort: on


class UseCasesOfShop:
    """Writes down what happens."""

    def write(self, work: UnitOfWork, texts: list[str]) -> None:
        for text in texts:
            if text.startswith("poison"):
                raise Invalid("POISON", f"{text} cannot be handled")
            if text.startswith("flaky") and os.path.exists(os.environ["SHOP_FLAKY_FILE"]):  # noqa: PTH110
                raise RuntimeError("not yet")
            while text == "hangs":  # and lets no other green thread have a turn
                pass
        if texts:
            work.connection.execute(effects.insert(), [{"text": text} for text in texts])

    @classmethod
    def from_settings(cls, _settings: Settings) -> "UseCasesOfShop":
        return cls()


class ShopWorker:
    """Handles texts; passes numbers on, counted down."""

    name = "shop"
    relay = OutboxRelay()
    shop = UseCases(UseCasesOfShop.from_settings)

    @subscribe(StringValue)
    def on_texts(self, work: UnitOfWork, events: list[StringValue]) -> None:
        self.shop.write(work, [event.value for event in events])

    @subscribe(Int64Value)
    def on_numbers(self, work: UnitOfWork, events: list[Int64Value]) -> None:
        """Each number becomes a text and the next lower number."""
        for event in events:
            work.emit(StringValue(value=str(event.value)), subject="test")
            if event.value > 1:
                work.emit(Int64Value(value=event.value - 1), subject="test")

    @background(topic="knocks")
    def answer(self, database: Database) -> datetime | None:
        """Leaves a trace of each call."""
        with database.begin() as work:
            work.connection.execute(effects.insert(), {"text": "answered"})
        return None


if __name__ == "__main__":
    quick = RetryPolicy(delays=(0.1, 0.3), attempts=20)
    sys.exit(run_worker([ShopWorker], Settings(), quick, stop_seconds=float(os.environ["SHOP_STOP_SECONDS"])))
