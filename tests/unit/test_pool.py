"""The connections of one client, by origin."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from fake_network import FakeConnection, FakeNetwork, answer
from gevent.event import Event

from wireswarm.clients.owner import DISCARD
from wireswarm.clients.pool import MAX_ORIGINS, ConnectionPool, Exchanged
from wireswarm.errors import RequestFailed
from wireswarm.net.origin import Origin
from wireswarm.net.route import Route
from wireswarm.net.stamps import receive_clock
from wireswarm.net.tls import TlsSettings
from wireswarm.sample import Counter, Failure, HttpPhases, Reason
from wireswarm.wire.http1 import Response

ONE, OTHER = Origin("http", "one", 80), Origin("http", "other", 80)
RESET = Failure(Reason.RESET, "connection reset by the server")


def pool_on(network: FakeNetwork, counted: Callable[[Counter, int], None] = DISCARD.count) -> ConnectionPool:
    def connect(origin: Origin) -> FakeConnection:
        return network(Route(origin, receive_clock("program"), TlsSettings()))

    return ConnectionPool(connect, counted)


def exchange(pool: ConnectionPool, origin: Origin = ONE) -> Exchanged:
    return pool.exchange(origin, "GET", b"request", 3.0, 2.0)


def test_an_exchange_and_its_moments() -> None:
    response = answer(b"x")
    network = FakeNetwork(response)
    assert exchange(pool_on(network)) == (
        response,
        None,
        1_000,
        5_001_000,
        6_001_000,
        HttpPhases(0, 0, 0, 4_000_000, 1_000_000),
    )
    assert network.requests == [("GET", b"request", 3.0, 2.0)]


def test_a_failed_exchange_has_moments_too_and_its_connection_is_used_again() -> None:
    network = FakeNetwork(RequestFailed(RESET), answer())
    pool = pool_on(network)
    assert exchange(pool) == (None, RESET, 1_000, 5_001_000, 6_001_000, None)
    exchange(pool)
    assert [connection.exchanges for connection in network.connections] == [2]


def test_opened_connections_are_counted_and_those_in_place_of_stale_ones_once_more() -> None:
    counted: list[tuple[Counter, int]] = []
    network = FakeNetwork(*[answer()] * 3)
    pool = pool_on(network, lambda counter, amount: counted.append((counter, amount)))
    exchange(pool)
    exchange(pool)
    assert counted == [(Counter.CONNECTS, 1)]
    network.answers.insert(0, lambda: _reconnect(network.connections[0]))
    exchange(pool)
    assert counted[1:] == [(Counter.CONNECTS, 1), (Counter.STALE_RECONNECTS, 1)]


def _reconnect(connection: FakeConnection) -> Response:
    connection.connects += 1
    connection.stale_reconnects += 1
    return answer()


def test_so_many_origins_are_kept_and_the_oldest_is_let_go() -> None:
    origins = [Origin("http", f"host{number}", 80) for number in range(MAX_ORIGINS + 1)]
    network = FakeNetwork(*[answer()] * (MAX_ORIGINS + 3))
    pool = pool_on(network)
    for origin in origins:
        exchange(pool, origin)
    assert [connection.closed for connection in network.connections] == [1] + [0] * MAX_ORIGINS
    exchange(pool, origins[0])
    assert len(network.connections) == MAX_ORIGINS + 2
    exchange(pool, origins[-1])
    assert len(network.connections) == MAX_ORIGINS + 2


def test_one_connection_for_each_origin() -> None:
    network = FakeNetwork(*[answer()] * 4)
    pool = pool_on(network)
    for origin in (ONE, OTHER, ONE, OTHER):
        exchange(pool, origin)
    assert [(c.origin, c.exchanges) for c in network.connections] == [(ONE, 2), (OTHER, 2)]


@pytest.mark.parametrize("other", [Origin("https", "one", 80), Origin("http", "one", 81)])
def test_another_scheme_or_port_is_another_origin(other: Origin) -> None:
    network = FakeNetwork(answer(), answer())
    pool = pool_on(network)
    exchange(pool, ONE)
    exchange(pool, other)
    assert [c.origin for c in network.connections] == [ONE, other]


def test_those_who_use_it_at_the_same_time_have_one_each() -> None:
    go = Event()

    def later() -> Response:
        go.wait()
        return answer()

    network = FakeNetwork(later, later, answer(), answer())
    pool = pool_on(network)
    greenlets = [gevent.spawn(exchange, pool) for _ in range(2)]
    gevent.idle()
    go.set()
    gevent.joinall(greenlets, raise_error=True)
    exchange(pool)
    exchange(pool)
    assert sorted(c.exchanges for c in network.connections) == [1, 3], "the one that was used last is the warmest"


def test_one_whose_exchange_was_ended_from_outside_is_forgotten() -> None:
    network = FakeNetwork(gevent.GreenletExit(), answer())
    pool = pool_on(network)
    with pytest.raises(gevent.GreenletExit):
        exchange(pool)
    exchange(pool)
    assert [c.exchanges for c in network.connections] == [1, 1]


def test_closing_closes_all_that_are_idle() -> None:
    network = FakeNetwork(*[answer()] * 3)
    pool = pool_on(network)
    exchange(pool, ONE)
    exchange(pool, OTHER)
    pool.close()
    pool.close()
    assert [c.closed for c in network.connections] == [1, 1]
    exchange(pool, ONE)
    assert [c.closed for c in network.connections] == [1, 1, 0], "the pool can be used again"


@pytest.mark.parametrize("ending", [answer(), RequestFailed(RESET)])
def test_one_that_was_in_use_meanwhile_is_closed_when_it_comes_back(ending: Response | RequestFailed) -> None:
    go = Event()

    def later() -> Response:
        go.wait()
        if isinstance(ending, RequestFailed):
            raise ending
        return ending

    network = FakeNetwork(later, answer())
    pool = pool_on(network)
    greenlet = gevent.spawn(exchange, pool)
    gevent.idle()
    pool.close()
    assert network.connections[0].closed == 0, "its greenlet waits on it"
    go.set()
    greenlet.get()
    assert network.connections[0].closed == 1
    exchange(pool)
    assert len(network.connections) == 2
