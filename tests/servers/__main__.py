"""Start both servers, print how to use them, and keep them until Ctrl-C."""

import argparse
import signal
import threading

from chassis.settings import SERVICES
from tests.servers import PostgresServer, RabbitmqServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="PostgreSQL does not flush to disk (not for measuring)")
    options = parser.parse_args()
    over = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: over.set())
    with PostgresServer(durable=not options.fast) as postgres, RabbitmqServer() as rabbitmq:
        for service in SERVICES:
            postgres.create_database(f"duokua_{service}")
        print(f"DUOKUA_DATABASE_URL='{postgres.url('duokua_{service}')}'")
        print(f"DUOKUA_BROKER_URL='{rabbitmq.url()}'")
        print("# until Ctrl-C", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
