"""Socket.IO clients: what they send, return, measure and report. The server is a fake one, and answers at once."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from fake_engine import LATER, FakeEngine, SioCase, SioUser, acks, says
from fake_user import TaskFailed, fields_of

from wireswarm import BasicAuth, ConfigurationError, Reconnect, RequestFailed, SocketIOClient, UsageError
from wireswarm.sample import Counter, Failure, Reason, SocketPhases
from wireswarm.wire.http1 import Response

GONE = Failure(Reason.RESET, "connection reset by the server")


@pytest.fixture(autouse=True)
def _loop() -> Iterator[None]:
    """Something for the event loop to wait for, as a real connection would be."""
    sleeper = gevent.spawn(gevent.sleep, 60)
    yield
    sleeper.kill()


@pytest.fixture
def case() -> Iterator[SioCase]:
    """A connected client, whose connect is not among the reports any more."""
    case = connected()
    yield case
    case.client.close()


def connected(*args: Any, **settings: Any) -> SioCase:
    case = SioCase(*args, **settings)
    case.client.connect()
    case.reporter.reports.clear()
    return case


def settle() -> None:
    """Let the greenlets that are ready do what they have to."""
    for _ in range(5):
        gevent.sleep(0)


class TestConnect:
    def test_it_is_one_sample_with_its_phases(self) -> None:
        case = SioCase()

        case.client.connect()

        (sample,) = case.reporter.samples
        assert (sample.type, sample.name, sample.failure) == ("SIO", "connect", None)
        assert isinstance(sample.phases, SocketPhases)
        assert sum(sample.phases) == sample.done - sample.sent
        assert (sample.request_bytes, sample.response_bytes) == (2, len(b'40{"sid":"sid-"}'))
        assert case.reporter.urls == ["http://host:8000/socket.io/"]
        assert case.client.connected
        assert (case.client.sid, case.client.transport) == ("sid-", "websocket")

    def test_the_payload_goes_to_every_namespace_and_each_has_its_id(self) -> None:
        case = SioCase()

        case.client.connect(["/", "/a"], auth=lambda: {"token": "t"})

        assert case.sent == [b'40{"token":"t"}', b'40/a,{"token":"t"}']
        assert case.client.namespaces == {"/": "sid-", "/a": "sid-/a,"}
        assert case.client.sid_of("/a") == "sid-/a,"
        assert case.reporter.names == ["connect /,/a"]

    def test_a_declaration_with_a_path_has_that_namespace(self) -> None:
        case = SioCase("/updates")
        case.server.answers["hey"] = acks(b'["you"]')

        case.client.connect()

        assert case.client.call("hey") == "you"
        assert case.sent == [b"40/updates,", b'42/updates,0["hey"]']
        assert case.reporter.names == ["connect /updates", "/updates hey"]
        assert case.client.sid == "sid-/updates,"

    def test_the_request_has_headers_credentials_and_query(self) -> None:
        case = SioCase(
            "http://other:1/api",
            auth=BasicAuth("me", "secret"),
            headers={"Origin": "http://o"},
            query={"a": "b c"},
            socketio_path="/ws/",
            transports="polling, websocket",
        )

        case.client.connect(headers={"X-Extra": "1"}, timeout=3)

        request = case.server.engine.request
        assert request is not None
        assert request.target == "/api/ws/?EIO=4&a=b+c&transport="
        assert request.transports == ("polling", "websocket")
        fields = fields_of(b"GET / HTTP/1.1\r\n" + request.fields + b"\r\n")
        assert fields["host"] == "other:1"
        assert fields["origin"] == "http://o"
        assert fields["x-extra"] == "1"
        assert fields["authorization"].startswith("Basic ")
        assert case.server.engine.timeouts == (3, 2.0)
        assert case.reporter.urls == ["http://other:1/api/ws/"]

    def test_the_users_cookies_go_along(self) -> None:
        case = SioCase(cookies=True)
        jar = case.client._jar
        assert jar is not None
        jar.store("host", "/", ["lorax_sid=5; Path=/"], case.clock.time())

        case.client.connect()

        assert b"Cookie: lorax_sid=5\r\n" in case.server.engine.request.fields  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("refusal", "message"),
        [
            (b'{"message":"not authorized"}', "namespace refused: not authorized"),
            (b'"nope\\nmore"', "namespace refused: nope"),
            (b"{}", "namespace refused"),
        ],
    )
    def test_a_refusal_is_one_failure(self, refusal: bytes, message: str) -> None:
        case = SioCase()
        case.server.refusals[""] = refusal

        with pytest.raises(TaskFailed, match=re.escape(message)):
            case.client.connect()

        assert case.reporter.failures == [Failure(Reason.CONNECT_ERROR, message)]
        assert not case.client.connected
        assert case.server.engine.closed

    def test_a_connection_that_cannot_be_opened_is_one_failure_with_its_answer(self) -> None:
        failure, response = Failure(Reason.STATUS, "status 404"), Response(404, b"HTTP/1.1 404 X", b"", False)
        case = SioCase(None, RequestFailed(failure, response))

        outcome = case.client.try_connect()

        assert (outcome.failure, outcome.status) == (failure, 404)
        assert case.reporter.failures == [failure]
        assert case.last.status == 404
        assert case.reporter.counted.get(Counter.SIO_DISCONNECTS) is None

    def test_a_server_that_says_nothing_is_given_up(self) -> None:
        case = SioCase()
        case.server.refusals[""] = b"silence"

        assert case.client.try_connect(timeout=0.001).failure == Failure(
            Reason.DEADLINE, "no answer to the namespace connect within the deadline"
        )
        assert case.server.engine.closed

    def test_a_connection_that_is_lost_meanwhile_is_one_failure(self) -> None:
        case = SioCase()
        case.server.refusals[""] = b"silence"
        connecting = gevent.spawn(case.client.try_connect)
        settle()

        case.server.engine.lose(GONE)

        assert connecting.get().failure == GONE
        assert case.reporter.failures == [GONE]

    def test_a_connection_that_is_lost_as_it_opens_is_one_failure(self) -> None:
        class Losing(FakeEngine):
            def open(self, *request: Any) -> None:
                super().open(*request)
                self.lose(GONE)

        case = SioCase()
        case.client._make_engine = lambda events: Losing(case.server, events)

        assert case.client.try_connect().failure == GONE
        assert case.reporter.failures == [GONE]
        assert not case.client.connected

    def test_a_payload_without_a_json_form_is_a_mistake_and_leaves_no_connection(self) -> None:
        case = SioCase()

        with pytest.raises(UsageError, match="not JSON serializable"):
            case.client.connect(auth={"who": object()})

        assert case.server.engine.closed
        assert case.reporter.samples == []
        assert not case.client.connected

    def test_of_two_tasks_that_connect_at_once_the_last_one_has_the_connection(self) -> None:
        case = SioCase()
        case.server.refusals[""] = b"silence"
        tasks = [gevent.spawn(case.client.connect) for _ in range(2)]
        settle()
        first, second = case.server.engines

        first.say(b'40{"sid":"first"}')
        settle()
        assert case.client.sid == "first"
        second.say(b'40{"sid":"second"}')
        gevent.joinall(tasks, raise_error=True)

        assert case.client.sid == "second"
        assert (first.farewell, second.farewell) == ([b"41"], None)
        first.lose(GONE)
        assert case.client.connected
        assert case.reporter.names == ["connect", "connect"]

    def test_connecting_again_ends_the_connection_before(self, case: SioCase) -> None:
        first = case.server.engine

        case.client.connect()

        assert first.farewell == [b"41"]
        assert case.server.engine is not first
        assert case.reporter.names == ["connect"]

    @pytest.mark.parametrize("transports", ["", "websockets", ("polling", "carrier pigeon"), ()])
    def test_transports_that_there_are_not_are_a_matter_of_configuration(self, transports: Any) -> None:
        client = SocketIOClient("http://host", transports=transports)

        with pytest.raises(ConfigurationError, match=r"transports .*: expected websocket, polling, or"):
            client.resolve_base(None)

    @pytest.mark.parametrize("namespaces", ["admin", [], ["/", "a"]])
    def test_namespaces_that_are_none_are_a_mistake(self, namespaces: Any) -> None:
        with pytest.raises(UsageError):
            SioCase().client.connect(namespaces)

    def test_events_before_the_acceptance_are_kept(self) -> None:
        case = SioCase()
        got: list[Any] = []
        case.client.on("status", got.append)
        case.server.refusals[""] = b"silence"
        connecting = gevent.spawn(case.client.connect)
        settle()

        case.server.engine.say(b'42["status",1]')
        assert got == []
        case.server.engine.say(b'40{"sid":"x"}')

        connecting.get()
        settle()
        assert got == [1]


class TestCall:
    @pytest.mark.parametrize(
        ("body", "attachments", "value"),
        [
            (b"[]", [], None),
            (b'["ok"]', [], "ok"),
            (b'[1,{"a":[2]}]', [], (1, {"a": [2]})),
            (b'[{"_placeholder":true,"num":0}]', [b"\0"], b"\0"),
        ],
    )
    def test_it_returns_what_the_server_acknowledges_with(
        self, case: SioCase, body: bytes, attachments: list[bytes], value: object
    ) -> None:
        case.server.answers["hey"] = acks(body, *attachments)

        assert case.client.call("hey", {"a": 1}) == value
        assert case.client.call("hey", {"a": 1}) == value

        assert case.sent[1:] == [b'420["hey",{"a":1}]', b'421["hey",{"a":1}]']
        assert [(s.type, s.name, s.failure) for s in case.reporter.samples] == [("SIO", "hey", None)] * 2
        assert case.last.request_bytes == len(b'421["hey",{"a":1}]')
        assert case.reporter.counted == {}

    def test_it_ends_when_the_kernel_got_the_answer(self, case: SioCase) -> None:
        stamps: list[int] = []

        def stamp() -> int:
            stamps.append(time.time_ns())
            return stamps[-1]

        case.server.answers["hey"] = acks(b"[]", stamp=stamp)
        case.client.call("hey")

        assert case.last.sent < case.last.done == stamps[0] <= case.last.read

    @pytest.mark.parametrize("stamp", [0, 1, LATER])
    def test_a_stamp_that_cannot_be_is_not_used(self, case: SioCase, stamp: int) -> None:
        case.server.answers["hey"] = acks(b"[]", stamp=lambda: stamp)
        case.client.call("hey")

        assert case.last.sent < case.last.done == case.last.read

    def test_an_answer_that_does_not_come_is_given_up_and_forgotten(self, case: SioCase) -> None:
        outcome = case.client.try_call("never", timeout=0.001)

        assert outcome.failure == Failure(Reason.DEADLINE, "no acknowledgement within the deadline")
        case.server.engine.say(b'430["late"]')
        case.server.answers["hey"] = acks(b'["in time"]')
        assert case.client.call("hey") == "in time"
        assert case.reporter.failures == [outcome.failure, None]

    @pytest.mark.parametrize(("late_by", "ok"), [(0.0, True), (0.05, False)])
    def test_an_answer_that_was_there_in_time_counts_though_nobody_had_looked(
        self, case: SioCase, late_by: float, ok: bool
    ) -> None:
        def answer(engine: FakeEngine, event: Any) -> None:
            engine.unseen = b'430["ok"]', time.time_ns() + round(late_by * 1e9)

        case.server.answers["hey"] = answer
        outcome = case.client.try_call("hey", timeout=0.05)

        assert outcome.ok is ok
        assert case.reporter.names == ["hey"]
        assert (case.last.service_ns < 5e7) is ok

    def test_without_a_connection_it_fails_at_once_and_sends_nothing(self) -> None:
        case = SioCase()

        for outcome in (case.client.try_call("a"), case.client.try_emit_and_wait("b", reply="c")):
            assert outcome.failure == Failure(Reason.CLOSED, "not connected")
        with pytest.raises(TaskFailed):
            case.client.emit("d")
        with pytest.raises(TaskFailed):
            case.client.wait_for("e")

        assert case.reporter.names == ["a", "b -> c", "d", "wait e"]
        assert case.server.engines == []
        assert case.reporter.counted == {}

    def test_a_namespace_that_is_not_connected_is_no_connection(self, case: SioCase) -> None:
        assert case.client.try_call("a", namespace="/other").failure == Failure(Reason.CLOSED, "not connected")
        assert case.reporter.names == ["/other a"]

    def test_a_check_and_a_limit_judge_the_answer(self, case: SioCase) -> None:
        case.server.answers["hey"] = acks(b'["ok"]')

        assert case.client.try_call("hey", check=lambda value: value == "no").failure == Failure(
            Reason.CHECK, "check failed"
        )
        assert case.client.try_call("hey", max_time=0, name="named").failure == Failure(Reason.LATE, "slower than 0 s")
        assert case.client.call("hey", check=lambda value: value == "ok", max_time=10) == "ok"
        assert case.reporter.names == ["hey", "named", "hey"]

    def test_a_lost_connection_fails_it_at_once_as_one_sample(self, case: SioCase) -> None:
        calls = [gevent.spawn(case.client.try_call, "never") for _ in range(2)]
        settle()

        case.server.engine.lose(GONE)

        assert [call.get().failure for call in calls] == [GONE, GONE]
        settle()
        assert case.reporter.failures == [GONE, GONE]
        assert case.reporter.counted[Counter.SIO_DISCONNECTS] == 1
        assert not case.client.connected

    def test_a_connection_that_is_lost_by_sending_fails_it_as_one_sample(self, case: SioCase) -> None:
        case.server.answers["hey"] = lambda engine, _: engine.lose(GONE)

        assert case.client.try_call("hey").failure == GONE
        settle()
        assert case.reporter.names == ["hey"]

    def test_a_task_that_is_killed_leaves_nothing_behind(self, case: SioCase) -> None:
        task = gevent.spawn(case.client.call, "never")
        settle()

        task.kill()

        assert case.reporter.abandonments == 1
        assert case.reporter.samples == []
        assert case.client._session is not None
        assert case.client._session._pending == {}

    def test_data_without_a_json_form_is_a_mistake_and_no_request(self, case: SioCase) -> None:
        with pytest.raises(UsageError):
            case.client.call("hey", object())

        assert case.reporter.reports == []
        assert case.reporter.abandonments == 0
        assert case.client._session._pending == {}  # type: ignore[union-attr]

    def test_an_answer_that_is_no_json_fails_it(self, case: SioCase) -> None:
        def answer(engine: FakeEngine, _: Any) -> None:
            try:
                engine.say(b"430[x]")
            except Exception as error:
                engine.lose(Failure(Reason.PROTOCOL, str(error)))

        case.server.answers["hey"] = answer

        assert case.client.try_call("hey").failure == Failure(Reason.PROTOCOL, "a Socket.IO packet's data is not JSON")
        settle()
        assert case.reporter.names == ["hey"]


class TestEmit:
    def test_it_is_counted_and_no_sample(self, case: SioCase) -> None:
        case.client.emit("a", {"b": b"c"})

        assert case.server.engine.sent[1:] == [(b'451-["a",{"b":{"_placeholder":true,"num":0}}]', [b"c"])]
        assert case.reporter.samples == []
        assert case.reporter.counted == {Counter.SIO_EMITTED: 1}

    def test_one_that_finds_the_connection_lost_fails_as_one_sample(self, case: SioCase) -> None:
        case.server.answers["a"] = lambda engine, _: engine.lose(GONE)

        with pytest.raises(TaskFailed):
            case.client.emit("a")

        settle()
        assert (case.reporter.names, case.reporter.failures) == (["a"], [GONE])
        assert Counter.SIO_EMITTED not in case.reporter.counted

    def test_a_server_that_does_not_read_fails_it(self, case: SioCase) -> None:
        case.server.engine.room = False

        with pytest.raises(TaskFailed, match="did not take what was sent"):
            case.client.emit("a")

    def test_a_task_that_is_killed_while_the_server_does_not_read_is_abandoned(self, case: SioCase) -> None:
        case.server.engine.room = False
        case.server.engine.drain = gevent.sleep  # type: ignore[method-assign]
        task = gevent.spawn(case.client.emit, "a")
        settle()

        task.kill()

        assert case.reporter.abandonments == 1
        assert case.reporter.samples == []
        assert case.reporter.counted == {}


class TestWaiting:
    def test_the_event_that_fits_is_the_answer(self, case: SioCase) -> None:
        def answer(engine: FakeEngine, _: Any) -> None:
            engine.say(b'42["pong",{"n":1}]')
            engine.say(b'42["pong",{"n":2}]')

        case.server.answers["ping"] = answer

        assert case.client.emit_and_wait("ping", 1, reply="pong", match=lambda d: d["n"] == 2) == {"n": 2}
        assert case.reporter.names == ["ping -> pong"]
        assert case.reporter.counted == {Counter.SIO_RECEIVED: 1}

    def test_binary_answers_are_whole(self, case: SioCase) -> None:
        packet = b'452-["pong",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]'
        case.server.answers["ping"] = says(packet, b"one", b"three")

        assert case.client.emit_and_wait("ping", reply="pong") == (b"three", b"one")
        assert case.last.response_bytes == len(packet) + 8

    def test_an_answer_that_does_not_come_is_one_failure(self, case: SioCase) -> None:
        assert case.client.try_emit_and_wait("ping", reply="pong", timeout=0.001).failure == Failure(
            Reason.DEADLINE, "the event did not come within the deadline"
        )
        assert case.client._session._waits is None  # type: ignore[union-attr]

    def test_an_answer_that_was_there_in_time_counts_though_nobody_had_looked(self, case: SioCase) -> None:
        def answer(engine: FakeEngine, event: Any) -> None:
            engine.unseen = b'42["pong",1]', time.time_ns()

        case.server.answers["ping"] = answer

        assert case.client.emit_and_wait("ping", reply="pong", timeout=0.05) == 1
        assert case.last.service_ns < 5e7
        assert case.client._session._waits is None  # type: ignore[union-attr]

    def test_an_event_ends_the_oldest_wait_that_it_fits(self, case: SioCase) -> None:
        waits = [gevent.spawn(case.client.wait_for, "a") for _ in range(2)]
        other = gevent.spawn(case.client.wait_for, "b", lambda data: data == (1, 2))
        settle()

        for packet in (b'42["a",1]', b'42["b",1]', b'42["a",2]', b'42["b",1,2]', b'42["a",3]'):
            case.server.engine.say(packet)

        assert [wait.get() for wait in (*waits, other)] == [1, 2, (1, 2)]
        assert case.reporter.samples == []
        assert case.reporter.counted == {Counter.SIO_RECEIVED: 2}

    def test_one_that_never_comes_is_a_failure(self, case: SioCase) -> None:
        with pytest.raises(TaskFailed, match="did not come"):
            case.client.wait_for("a", timeout=0.001)

        assert case.reporter.names == ["wait a"]

    def test_a_match_that_raises_is_heard_of_where_it_was_written(self, case: SioCase) -> None:
        case.server.answers["ping"] = says(b'42["pong",1]')

        with pytest.raises(TypeError):
            case.client.emit_and_wait("ping", reply="pong", match=lambda data: data["n"])

        assert case.reporter.abandonments == 1


class TestHandlers:
    @pytest.mark.parametrize(
        ("returned", "ack"),
        [
            (None, (b"435[]", [])),
            ("x", (b'435["x"]', [])),
            (("x", [1]), (b'435["x",[1]]', [])),
            (b"\0", (b'461-5[{"_placeholder":true,"num":0}]', [b"\0"])),
        ],
    )
    def test_what_it_returns_is_the_acknowledgement(self, case: SioCase, returned: Any, ack: object) -> None:
        got: list[Any] = []

        @case.client.on("ask")
        def handler(*args: Any) -> Any:
            got.append(args)
            return returned

        case.server.engine.say(b'425["ask",1,2]')
        settle()

        assert got == [(1, 2)]
        assert case.server.engine.sent[1:] == [ack]

    def test_an_event_that_nobody_handles_is_acknowledged_and_counted(self, case: SioCase) -> None:
        case.server.engine.say(b'425["ask",1]')

        assert case.sent[1:] == [b"435[]"]
        assert case.reporter.counted == {Counter.SIO_RECEIVED: 1}

    def test_they_run_one_after_the_other_and_may_call(self, case: SioCase) -> None:
        case.server.answers["sub"] = acks(b'["deep"]')
        done: list[Any] = []

        def first(data: Any) -> None:
            gevent.sleep(0.01)
            done.append(case.client.call("sub"))

        case.client.on("a", first)
        case.client.on("*", lambda *args: done.append(args))
        case.server.engine.say(b'42["a",1]')
        case.server.engine.say(b'42["b",2]')
        gevent.sleep(0.05)

        assert done == ["deep", ("b", 2)]

    def test_one_that_fails_is_logged_and_the_next_runs(
        self, case: SioCase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("wireswarm.net.crew._failures", iter(range(1, 9)))
        got: list[Any] = []
        case.client.on("a", lambda: 1 / 0)
        case.client.on("b", lambda: case.client.call("x", timeout=0.001))
        case.client.on("c", lambda: got.append("c"))

        with caplog.at_level(logging.ERROR):
            for name in (b"a", b"b", b"c"):
                case.server.engine.say(b'42["%b"]' % name)
            gevent.sleep(0.05)

        assert got == ["c"]
        assert ["ZeroDivisionError" in (record.exc_text or "") for record in caplog.records] == [True]
        assert case.reporter.names == ["x"]

    def test_connect_and_disconnect_are_told(self) -> None:
        case = SioCase()
        told: list[Any] = []
        case.client.on("connect", lambda: told.append("up"))
        case.client.on("disconnect", told.append)

        case.client.connect()
        settle()
        case.client.disconnect()
        settle()
        case.client.connect()
        case.server.engine.lose(GONE)
        settle()

        assert told == ["up", "client disconnect", "up", GONE.message]

    def test_each_user_has_its_own(self) -> None:
        case = SioCase()
        declared = vars(type(case.user))["client"]
        got: list[Any] = []
        declared.on("a", got.append)
        one, two = type(case.user)().client, type(case.user)().client
        one.on("a", lambda data: got.append(("one", data)))
        for client in (one, two):
            client.connect()
            case.server.engine.say(b'42["a",1]')
        settle()

        assert got == [("one", 1), 1]


class TestPushes:
    @pytest.mark.parametrize(("unit", "scale"), [("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1)])
    def test_the_time_under_way_is_a_sample(self, case: SioCase, unit: Any, scale: float) -> None:
        case.client.on_push("tick", lambda data: data["at"], unit=unit)
        at = int((time.time_ns() - 50_000_000) / scale) if unit != "s" else time.time() - 0.05

        case.server.engine.say(b'42["tick",{"at":%b}]' % str(at).encode())
        settle()

        (sample,) = case.reporter.samples
        assert (sample.type, sample.name, sample.failure) == ("SIO", "push tick", None)
        assert 0.049 < sample.service_ns / 1e9 < 5
        assert case.reporter.counted == {}

    @pytest.mark.parametrize(
        ("sent_at", "message"),
        [
            (lambda data: time.time() + 60, "says that it was sent after it arrived"),
            (lambda data: "now", "sent_at returned no number"),
            (lambda data: float("nan"), "sent_at returned no number"),
            (lambda data: data["at"], "sent_at raised KeyError"),
        ],
    )
    def test_a_time_that_cannot_be_is_a_failure(
        self, case: SioCase, sent_at: Callable[[Any], Any], message: str
    ) -> None:
        case.client.on_push("tick", sent_at)

        case.server.engine.say(b'42["tick",{}]')
        settle()

        (failure,) = case.reporter.failures
        assert failure is not None
        assert failure.reason is Reason.DECODE
        assert message in failure.message

    def test_an_event_without_a_time_is_counted(self, case: SioCase) -> None:
        case.client.on_push("tick", lambda data: None)

        case.server.engine.say(b'42["tick"]')
        settle()

        assert case.reporter.samples == []
        assert case.reporter.counted == {Counter.SIO_RECEIVED: 1}

    def test_a_unit_that_there_is_not_is_a_mistake(self, case: SioCase) -> None:
        with pytest.raises(UsageError, match="unit is one of"):
            case.client.on_push("tick", lambda data: 1, unit="m")  # type: ignore[arg-type]


class TestEnds:
    def test_a_loss_that_nobody_waits_for_is_one_failed_sample(self, case: SioCase) -> None:
        case.server.engine.lose(GONE)
        settle()

        assert (case.reporter.names, case.reporter.failures) == (["disconnect"], [GONE])
        assert case.reporter.counted[Counter.SIO_DISCONNECTS] == 1
        assert (case.client.connected, case.client.sid, case.client.transport) == (False, None, None)

    def test_the_server_sends_the_client_away(self, case: SioCase) -> None:
        case.server.engine.say(b"41")
        settle()

        assert case.reporter.failures == [Failure(Reason.CLOSED, "disconnected by the server")]
        assert case.server.engine.closed == 1
        assert not case.client.connected

    def test_of_two_namespaces_one_is_left(self) -> None:
        case = SioCase()
        case.client.connect(["/", "/a"])
        calls = [gevent.spawn(case.client.try_call, "x", namespace=space) for space in ("/", "/a")]
        settle()

        case.server.engine.say(b"41/a,")
        settle()
        case.server.engine.say(b'430["still here"]')

        assert calls[1].get().failure == Failure(Reason.CLOSED, "disconnected by the server")
        assert calls[0].get().message == "still here"
        assert case.client.namespaces == {"/": "sid-"}
        assert case.server.engine.closed == 0

    def test_disconnecting_is_polite_and_no_failure(self, case: SioCase) -> None:
        case.client.emit("a")
        case.client.disconnect()
        case.client.disconnect()
        settle()

        assert case.server.engine.farewell == [b"41"]
        assert case.reporter.samples == []
        assert Counter.SIO_DISCONNECTS not in case.reporter.counted
        assert case.reporter.counted[Counter.SIO_BYTES_SENT] == len(b'4042["a"]')
        assert case.reporter.counted[Counter.SIO_BYTES_RECEIVED] == len(b'40{"sid":"sid-"}')

    def test_disconnecting_ends_the_waits_of_others(self, case: SioCase) -> None:
        call = gevent.spawn(case.client.try_call, "never")
        settle()

        case.client.disconnect()

        assert call.get().failure == Failure(Reason.CLOSED, "the client has disconnected")

    def test_closing_ends_what_handlers_do(self, case: SioCase) -> None:
        done: list[Any] = []
        case.client.on("a", lambda: (gevent.sleep(0.01), done.append("a")))
        case.client.on("disconnect", done.append)
        case.server.engine.say(b'42["a"]')
        settle()

        case.client.close()
        gevent.sleep(0.05)

        assert done == []

    @pytest.mark.parametrize(
        "packet",
        [b"43", b'42["a"', b'40{"sid":"again"}', b'44{"message":"late"}', b'40/b,{"sid":"unasked"}'],
    )
    def test_what_the_protocol_does_not_allow_ends_it(self, case: SioCase, packet: bytes) -> None:
        with pytest.raises(Exception, match=r"Socket\.IO packet|not asked for"):
            case.server.engine.say(packet)

    def test_attachments_that_belong_to_nothing_or_come_late_are_not_allowed(self, case: SioCase) -> None:
        with pytest.raises(Exception, match="belongs to no"):
            case.server.engine.events.attachment(b"x", 0, 0)
        case.server.engine.say(b'451-["a",{"_placeholder":true,"num":0}]')
        with pytest.raises(Exception, match="before the attachments"):
            case.server.engine.say(b'42["a"]')


class TestReconnect:
    def test_it_tries_until_it_works_and_every_attempt_is_measured(self) -> None:
        refused = Failure(Reason.REFUSED, "connection refused")
        case = connected(reconnect=Reconnect(initial=1, maximum=3, factor=2))
        case.server.opens = [RequestFailed(refused), RequestFailed(refused)]

        case.server.engine.lose(GONE)
        settle()

        assert case.client.connected
        assert sorted(case.reporter.names) == ["connect", "connect", "connect", "disconnect"]
        assert case.reporter.counted[Counter.SIO_RECONNECTS] == 3
        assert [wait <= most for wait, most in zip(case.clock.slept, (1, 2, 3), strict=True)] == [True] * 3
        case.client.close()

    @pytest.mark.parametrize("how", ["off", "sent away", "asked", "closed"])
    def test_it_does_not_where_it_should_not(self, how: str) -> None:
        case = connected(reconnect=how != "off")
        if how == "sent away":
            case.server.engine.say(b"41")
        elif how == "asked":
            case.client.disconnect()
        else:
            case.server.engine.lose(GONE)
            if how == "closed":
                case.client.close()
        settle()

        assert not case.client.connected
        assert len(case.server.engines) == 1
        assert Counter.SIO_RECONNECTS not in case.reporter.counted

    def test_waits_grow_to_a_maximum_and_are_spread_over_all_of_it(self) -> None:
        policy = Reconnect(initial=2, maximum=5, factor=2)

        assert [policy.limit(attempt) for attempt in (0, 1, 2, 10_000)] == [2, 4, 5, 5]
        waits = [policy.wait(5) for _ in range(2000)]
        assert min(waits) < 0.5
        assert 4.5 < max(waits) <= 5

    @pytest.mark.parametrize("settings", [{"initial": 0}, {"initial": 6, "maximum": 5}, {"factor": 0.5}])
    def test_waits_that_cannot_be_are_a_mistake(self, settings: dict[str, float]) -> None:
        with pytest.raises(UsageError, match="Reconnect"):
            Reconnect(**settings)


def test_every_exchange_is_traced() -> None:
    case = SioCase()
    traces: list[Any] = []
    case.client.trace = traces.append
    case.server.answers["hey"] = acks(b'["ok"]')

    case.client.connect(auth={"token": "canary"})
    case.client.call("hey", 1)

    assert [(t.sample.name, t.request, t.message, t.answer) for t in traces] == [
        ("connect", b"", None, None),
        ("hey", b'420["hey",1]', 1, "ok"),
    ]


def test_a_client_works_without_a_user() -> None:
    server = SioCase().server
    server.answers["hey"] = acks(b'["ok"]')
    client = SocketIOClient("http://host", engine=server)

    client.connect()

    assert client.call("hey") == "ok"
    client.close()


def test_users_have_clients_of_their_own() -> None:
    case = SioCase()
    other = type(case.user)().client

    other.connect()

    assert other.connected
    assert not case.client.connected
    assert isinstance(case.user, SioUser)
