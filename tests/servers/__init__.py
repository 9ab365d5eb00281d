"""The tests' own PostgreSQL, RabbitMQ and PKCS#11 token: the real ones, in temporary directories, gone afterwards.

`python -m tests.servers` starts both, prints their addresses and keeps them until Ctrl-C.
"""

from tests.servers.cluster import RabbitmqCluster
from tests.servers.install import NotAvailableError
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitmqServer
from tests.servers.softhsm import SoftHsm

__all__ = ["NotAvailableError", "PostgresServer", "Proxy", "RabbitmqCluster", "RabbitmqServer", "SoftHsm"]
