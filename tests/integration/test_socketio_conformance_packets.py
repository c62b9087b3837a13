"""Socket.IO's own packets, over every transport: namespaces, acknowledgements, binary, errors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engineio_server import EngineServer, Packet, Session
from recording_client import TRANSPORTS, RecordingClient, recording, until

from wireswarm.sample import Counter, Failure, Reason

DISMISSED = Failure(Reason.CLOSED, "disconnected by the server")


def placeholder(number: int) -> dict[str, object]:
    return {"_placeholder": True, "num": number}


def refused(client: RecordingClient, *namespaces: str) -> Failure:
    """Connect, which must fail as one sample."""
    failure = client.try_connect(namespaces or None).failure
    assert failure is not None
    assert [failure for _, failure in client.failures] == [failure]
    assert len(client.names) == 1
    assert not client.connected
    return failure


@pytest.fixture(params=TRANSPORTS)
def transports(request: pytest.FixtureRequest) -> str:
    transports: str = request.param
    return transports


class TestNamespaces:
    def test_each_is_connected_with_the_payload(self, transports: str) -> None:
        def script(session: Session) -> None:
            auth = '{"token":"ü"}'
            session.expect(f"40{auth}", f"40/a,{auth}", f"40/b-c/d?x=1,{auth}")
            # In another order, and without what the protocol leaves open.
            session.send('40/b-c/d?x=1,{"sid":"3","pid":"p"}', '40{"sid":"1"}', '40/a,{"sid":"2"}')

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect(["/", "/a", "/b-c/d?x=1"], auth={"token": "ü"})

            assert client.namespaces == {"/": "1", "/a": "2", "/b-c/d?x=1": "3"}
            assert client.names == ["connect /,/a,/b-c/d?x=1"]

    def test_without_a_payload_there_is_none(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.expect("40/only,")
            session.send('40/only,{"sid":"1"}')
            session.expect('42/only,0["a"]')
            session.send('43/only,0["b"]')

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect("/only")
            assert client.call("a", namespace="/only") == "b"
            assert client.names == ["connect /only", "/only a"]

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ('44/a,{"message":"not you"}', "namespace /a refused: not you"),
            ('44/a,{"message":"not you","data":{"why":"token 123"}}', "namespace /a refused: not you"),
            ('44/a,"not you"', "namespace /a refused: not you"),
            ("44/a,{}", "namespace /a refused"),
            ('44/a,{"message":5}', "namespace /a refused"),
            ('44/a,{"message":"one\\ntwo"}', "namespace /a refused: one"),
            (f'44/a,{{"message":"{"x" * 1000}"}}', f"namespace /a refused: {'x' * 200}"),
            ('44{"message":"not here"}', "namespace refused: not here"),
        ],
    )
    def test_a_refusal_is_one_failure_and_ends_the_connection(self, transports: str, answer: str, message: str) -> None:
        def script(session: Session) -> None:
            session.expect("40", "40/a,")
            session.send(answer) if "44{" in answer else session.send('40{"sid":"1"}', answer)
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            assert refused(client, "/", "/a") == Failure(Reason.CONNECT_ERROR, message)
            until(lambda: not server.peers)

    @pytest.mark.parametrize(
        "answer",
        [
            "40",
            "40{}",
            "40[]",
            '40{"sid":5}',
            '40{"sid":"1"',
            '40"1"',
            '400{"sid":"1"}',
            '40/b,{"sid":"1"}',
            "44",
            "445",
            '44/b,{"message":"no"}',
            '44{"message":',
            '440{"message":"x"}',
            "47",
            "4",
            "4x",
            "42",
            '42{"a":1}',
            '42["a"',
            '42["connect"]',
            "42[]",
            "42[{}]",
            "42[null]",
            '43["a"]',
            '430{"a":1}',
            "430",
            '45["a"]',
            '451["a"]',
            '45x-["a"]',
            '421-["a"]',
            '41{"a":1}',
            '42/a["a"]',
            "42-1[1]",
            f'42{"9" * 30}["a"]',
        ],
    )
    def test_what_is_no_answer_to_a_connect_is_one_failure(self, transports: str, answer: str) -> None:
        def script(session: Session) -> None:
            session.expect("40")
            session.send(answer)
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            assert refused(client).reason is Reason.PROTOCOL

    @pytest.mark.parametrize("packet", ['40{"sid":"2"}', '44{"message":"now not"}', '40/x,{"sid":"2"}'])
    def test_an_answer_that_nobody_waits_for_ends_the_connection(self, transports: str, packet: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send(packet)
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            failure = client.try_call("a").failure
            assert failure is not None
            assert failure.reason is Reason.PROTOCOL
            assert client.names == ["connect", "a"]

    def test_a_server_that_closes_in_place_of_an_answer_is_one_failure(self, transports: str) -> None:
        for farewell in ("1", "41"):

            def script(session: Session, farewell: str = farewell) -> None:
                session.expect("40")
                session.send(farewell)
                session.ended()

            with EngineServer(script) as server, recording(server.url, transports=transports) as client:
                assert refused(client).reason is Reason.CLOSED

    @pytest.mark.parametrize(
        "packets",
        [
            ('40{"sid":"1"}', '42["hello",1]', '42["hello",2]'),
            ('42["hello",1]', '40{"sid":"1"}', '42["hello",2]'),
            ('42["hello",1]', '42["hello",2]', '40{"sid":"1"}'),
        ],
    )
    def test_events_around_the_acceptance_are_there_for_who_asks_next(
        self, transports: str, packets: tuple[Packet, ...]
    ) -> None:
        def script(session: Session) -> None:
            session.expect("40")
            session.send(*packets)

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            heard: list[int] = []
            client.on("hello", heard.append)
            client.connect()

            assert [client.wait_for("hello"), client.wait_for("hello")] == [1, 2]
            until(lambda: heard == [1, 2])
            assert client.counted(Counter.SIO_RECEIVED) == 0

    def test_packets_for_a_namespace_that_is_not_connected_are_ignored(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.send('42/other,["tick",1]', '42/other,7["tick",1]', '43/other,0["wrong"]', "41/other,")
            session.send(f'451-/other,["tick",{json.dumps(placeholder(0))}]', b"x")
            session.expect('420["a"]')
            session.send('43/other,0["wrong"]', '430["right"]')
            session.expect("41", "1")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.on("tick", pytest.fail)
            client.connect()
            assert client.call("a") == "right"
            assert client.counted(Counter.SIO_RECEIVED) == 0
            client.disconnect()
            until(lambda: server.session.received[-1] == "1")

    def test_the_server_ends_one_namespace_and_the_other_goes_on(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept("/", "/a")
            session.expect('42/a,0["slow"]')
            session.send("41/a,")
            session.expect('421["a"]')
            session.send("431[1]")
            session.expect("41", "1")

        reasons: list[str] = []
        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.on("disconnect", reasons.append, namespace="/a")
            client.connect(["/", "/a"])
            assert client.try_call("slow", namespace="/a").failure == DISMISSED
            assert (client.connected, list(client.namespaces)) == (True, ["/"])
            assert client.call("a") == 1
            assert client.try_call("b", namespace="/a").failure == Failure(Reason.CLOSED, "not connected")
            client.disconnect()
            until(lambda: server.session.received[-1] == "1")
            assert client.names == ["connect /,/a", "/a slow", "a", "/a b"]
            assert client.counted(Counter.SIO_DISCONNECTS) == 1
            assert reasons == ["disconnected by the server"]

    def test_the_server_ends_the_last_namespace_and_so_the_connection(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.send("41")
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports, reconnect=True) as client:
            client.connect()
            until(lambda: client.failures)
            assert client.failures == [("disconnect", DISMISSED)]
            assert not client.connected
            until(lambda: not server.peers)
        assert client.counted(Counter.SIO_RECONNECTS) == 0


VALUES = [
    ("", None),
    ("1", 1),
    ("null", None),
    ('{"a":[1,{"b":"\\u00fc\\u2028"}]}', {"a": [1, {"b": "ü\u2028"}]}),
    ('"a","b"', ("a", "b")),
    ("[1]", [1]),
    ('"1-/,[]{}\\n"', "1-/,[]{}\n"),
]


class TestAcknowledgements:
    @pytest.mark.parametrize(("body", "value"), VALUES)
    def test_a_call_gets_what_it_is_acknowledged_with(self, transports: str, body: str, value: object) -> None:
        def script(session: Session) -> None:
            session.accept()
            found = session.receive()
            assert isinstance(found, str)
            assert found[:3] == "420"
            values = list(value) if isinstance(value, tuple) else [] if value is None else [value]
            assert json.loads(found[3:]) == ["a", *values]
            session.send(f"430[{body}]")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert client.call("a", value) == value
            assert client.names == ["connect", "a"]
            sample = client.recorder.samples[-1]
            assert (sample.failure, sample.response_bytes) == (None, len(f"430[{body}]".encode()))

    def test_ids_do_not_repeat_and_answers_find_their_calls_in_any_order(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            packets = [session.receive() for _ in range(20)]
            for packet in reversed(packets):
                assert isinstance(packet, str)
                id_, _, values = packet[2:].partition("[")
                session.send(f"43{id_}[{values.partition(',')[2]}")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            calls = [gevent.spawn(client.call, "a", number) for number in range(20)]
            assert [call.get() for call in calls] == list(range(20))

    def test_one_that_comes_late_twice_or_for_nobody_is_ignored(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["slow"]')
            session.expect('421["a"]')
            session.send("430[1]", "4399[1]", "431[2]", "431[3]")
            session.expect('422["a"]')
            session.send("431[4]", "432[5]")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert client.try_call("slow", timeout=0.1).failure == Failure(
                Reason.DEADLINE, "no acknowledgement within the deadline"
            )
            assert (client.call("a"), client.call("a")) == (2, 5)
            assert client.names == ["connect", "slow", "a", "a"]

    @pytest.mark.parametrize("packet", ["4300", "43000", "430", "43", "430[1", "430{}", "430null", "43/,", "43x[1]"])
    def test_one_that_is_malformed_ends_the_connection(self, transports: str, packet: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send(packet)
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            failure = client.try_call("a").failure
            assert failure is not None
            assert failure.reason is Reason.PROTOCOL
            assert client.names == ["connect", "a"]

    def test_an_event_with_an_id_is_acknowledged_exactly_once(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept("/", "/a")
            session.send('4212["ask",1,2]')
            session.expect("4312[[1,2]]")
            session.send('42/a,0["ask"]')
            session.expect('43/a,0["in a"]')
            session.send('42999999999["nobody"]')
            session.expect("43999999999[]")
            session.send('420["several"]', '421["none"]', '422["fails"]', '423["bytes"]')
            session.expect('430["x","y"]', "431[]")
            # A handler that fails has no answer, and no other event suffers.
            session.expect(f"461-3[{json.dumps(placeholder(0), separators=(',', ':'))}]", b"z")
            session.send('42["ask"]', '42["nobody"]')
            session.expect('424["done"]')
            session.send("434[]")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.on("ask", lambda *values: list(values))
            client.on("ask", lambda: "in a", namespace="/a")
            client.on("several", lambda: ("x", "y"))
            client.on("none", lambda: None)
            client.on("fails", lambda: 1 / 0)
            client.on("bytes", lambda: b"z")
            client.connect(["/", "/a"])
            client._session._next_id = 4  # type: ignore[union-attr]
            until(lambda: client.counted(Counter.SIO_RECEIVED) >= 9)
            client.call("done")

    def test_several_emits_are_in_order_and_counted(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect(*(f'42["a",{number}]' for number in range(100)))
            session.expect('420["end"]')
            session.send("430[]")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            for number in range(100):
                client.emit("a", number)
            client.call("end")
            assert client.counted(Counter.SIO_EMITTED) == 100
            assert client.names == ["connect", "end"]


class TestBinary:
    @pytest.mark.parametrize("count", range(1, 6))
    def test_events_of_the_server_interleaved_with_pings(self, transports: str, count: int) -> None:
        attachments = [bytes([number]) * number for number in range(count)]

        def script(session: Session) -> None:
            session.accept()
            packets: list[Packet] = [f'45{count}-7["b",{json.dumps([placeholder(n) for n in range(count)])}]']
            for data in attachments:
                packets += ["2x", data, "6"]
            session.send(*packets)
            session.expect("437[]")

        got: list[Any] = []
        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.on("b", got.append)
            client.connect()
            until(lambda: len(server.session.pongs) == count)
            until(lambda: got)
        assert got == [attachments]

    @pytest.mark.parametrize("count", range(1, 6))
    def test_events_of_the_client_are_never_torn_apart(self, transports: str, count: int) -> None:
        """Pings that come at the same time are answered before or after a packet and its attachments."""

        def script(session: Session) -> None:
            session.accept()
            for number in range(30):
                session.send("2")
                head = session.receive()
                assert isinstance(head, str)
                assert head.startswith(f'45{count}-["b",{number},'), head
                session.expect(*(bytes([number, place]) for place in range(count)))

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            for number in range(30):
                client.emit("b", (number, [bytes([number, place]) for place in range(count)]))
                gevent.sleep(0)
            until(lambda: len(server.session.received) == 1 + 30 * (1 + count))

    def test_an_acknowledgement_may_have_attachments(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept("/a")
            session.expect('42/a,0["b"]')
            session.send(f'462-/a,0[{{"x":{json.dumps(placeholder(1))}}},{json.dumps(placeholder(0))}]', b"0", b"1")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect("/a")
            assert client.call("b", namespace="/a") == ({"x": b"1"}, b"0")
            assert client.recorder.samples[-1].response_bytes > 2

    @pytest.mark.parametrize(
        "packets",
        [
            [b"x"],
            ['452-["b",{"_placeholder":true,"num":0}]', b"x", '42["c"]'],
            ['451-["b",{"_placeholder":true,"num":0}]', '451-["b",{"_placeholder":true,"num":0}]'],
            ['451-["b",{"_placeholder":true,"num":0}]', '430["x"]'],
            ['451-["b",{"_placeholder":true,"num":0}]', "41"],
            ['451-["b",{"_placeholder":true,"num":0}]', b"x", b"y"],
            ['451-["b",{"_placeholder":true,"num":1}]', b"x"],
            ['451-["b",{"_placeholder":true,"num":-1}]', b"x"],
            ['451-["b",{"_placeholder":true,"num":"0"}]', b"x"],
            ['451-["b",{"_placeholder":true}]', b"x"],
            ['451-["b",{"_placeholder":true,"num":true}]', b"x"],
            ['461-0[{"_placeholder":true,"num":3}]', b"x"],
            ['451-{"_placeholder":true,"num":0}', b"x"],
            ['451-[{"_placeholder":true,"num":0}]', b"x"],
        ],
    )
    def test_attachments_that_do_not_fit_end_the_connection(self, transports: str, packets: list[Packet]) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send(*packets)
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            failure = client.try_call("a").failure
            assert failure is not None
            assert failure.reason is Reason.PROTOCOL
            assert client.names == ["connect", "a"]
            assert not client.connected

    def test_what_only_looks_like_a_placeholder_is_data(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send('430[{"_placeholder":true,"num":0}]')
            session.expect('421["a"]')
            session.send('461-1[{"_placeholder":"true","num":0},{"_placeholder":true,"num":0}]', b"x")

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert client.call("a") == {"_placeholder": True, "num": 0}
            assert client.call("a") == ({"_placeholder": "true", "num": 0}, b"x")

    def test_data_that_is_nested_without_end_ends_the_connection(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send(f'451-["b",{"[" * 1000}{"]" * 1000}]', b"x")
            session.ended()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            failure = client.try_call("a").failure
            assert failure is not None
            assert failure.reason is Reason.PROTOCOL
