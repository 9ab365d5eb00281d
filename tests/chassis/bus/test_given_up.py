"""Events on which processes die: RabbitMQ counts their deliveries, and gives them up in the end."""

from chassis.bus import dead_letters
from chassis.bus.broker import Handled
from chassis.bus.rabbit import SUSPICIOUS_DELIVERIES
from chassis.bus.topology import DELIVERY_LIMIT
from chassis.database import Database
from tests.chassis.bus.buses import ids, rabbit_bus
from tests.chassis.bus.shop import TEXT, Shop, metadata, text_event
from tests.conftest import MakeDatabase


def test_an_event_that_ends_its_consumers_is_given_up_alone_and_becomes_a_dead_letter(
    make_database: MakeDatabase, rabbitmq_url: str, service: str
) -> None:
    database: Database = make_database(metadata)
    shop = Shop(database)
    bus = rabbit_bus(rabbitmq_url)
    consumer = bus.consumer(service, TEXT)
    deadly, innocent = text_event("deadly"), [text_event(str(number)) for number in range(5)]
    bus.publish(*innocent[:2], deadly, *innocent[2:])
    deaths = 0
    while True:
        batch = consumer.receive(10)
        if deadly.id in ids([each for each in batch if each.failure is None]):
            assert deaths < SUSPICIOUS_DELIVERIES or ids(batch) == [deadly.id], "nobody else is in danger any more"
            consumer.close()  # as the end of the process would do it
            deaths += 1
            continue
        verdicts = shop.handling().handle(batch)
        consumer.settle(verdicts)
        assert all(isinstance(verdict, Handled) for verdict in verdicts)
        if len(shop.written()) == len(innocent) and shop.dead():
            break
    bus.close()
    assert shop.written() == [str(number) for number in range(5)]
    assert [(letter_id, reason) for letter_id, _, reason in shop.dead()] == [(deadly.id, "DELIVERY_LIMIT_EXCEEDED")]
    assert DELIVERY_LIMIT <= deaths <= DELIVERY_LIMIT + 2
    with database.read() as work:
        assert dead_letters.envelope_of(dead_letters.find(work, deadly.id)).body == deadly.body
