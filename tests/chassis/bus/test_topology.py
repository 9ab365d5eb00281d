from chassis.bus.amqp_link import Address
from chassis.bus.rabbit import RabbitBroker
from chassis.bus.topology import RetryPolicy, definitions
from tests.chassis.bus.buses import drained, envelope, rabbit_bus
from tests.servers import RabbitmqServer

SUBSCRIPTIONS = {"cases": {"a.v1.Routed", "a.v1.Sealed"}, "identity": set[str](), "notify": {"a.v1.Sealed"}}


def test_a_worker_declares_what_the_definitions_say(rabbitmq_server: RabbitmqServer) -> None:
    vhost = rabbitmq_server.create_vhost()
    rabbitmq_server.load(definitions(SUBSCRIPTIONS, vhost=vhost))
    consumer = RabbitBroker(Address(rabbitmq_server.url(vhost))).consumer("cases", SUBSCRIPTIONS["cases"])
    consumer.connect()  # RabbitMQ refuses to declare a queue that exists with other arguments
    consumer.close()


def test_events_published_before_any_worker_ran_wait_in_the_defined_queues(rabbitmq_server: RabbitmqServer) -> None:
    vhost = rabbitmq_server.create_vhost()
    rabbitmq_server.load(definitions(SUBSCRIPTIONS, vhost=vhost))
    bus = rabbit_bus(rabbitmq_server.url(vhost), RetryPolicy())
    sent = envelope("a.v1.Sealed")
    assert set(bus.publish(sent).settled) == {sent.id}
    assert [delivery.envelope for delivery in drained(bus.consumer("notify", "a.v1.Sealed"), 1)] == [sent]
    bus.close()


def test_only_consuming_services_get_queues() -> None:
    names = [str(queue["name"]) for queue in definitions(SUBSCRIPTIONS)["queues"]]
    assert "duokua.cases" in names
    assert not [name for name in names if "identity" in name]


def test_delays_grow_and_the_last_repeats() -> None:
    policy = RetryPolicy()
    assert [policy.delay(attempts) for attempts in range(1, 8)] == [1, 5, 30, 120, 600, 600, 600]
