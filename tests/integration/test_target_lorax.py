"""The reference target's Lorax, as its clients meet it."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from raw_engineio import Address, Polling, WebSocket, connect, open_websocket

from wireswarm.target.faults import Faults
from wireswarm.target.settings import TargetSettings
from wireswarm.wire.multipart import encode_multipart

Start = Callable[..., Any]

NO_SESSION = {"code": "SESSION_NOT_FOUND", "message": "Session expired. Please refresh the page."}

WITHOUT_ACCELERATION = (
    sys.executable,
    "-c",
    "import sys; sys.modules['httptools'] = sys.modules['uvloop'] = None\n"
    "from wireswarm.target.command import main; main()",
)


@pytest.fixture
def lorax(target: Any) -> Iterator[Any]:
    """The shared target, with no sessions."""
    target.reset()
    yield target
    assert target.errors() == ""


def request(
    address: Address, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, Any, str]:
    """Status, JSON and the session that a new cookie is for."""
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request(method, path, body, {"Origin": "http://localhost:3001", **(headers or {})})
        response = connection.getresponse()
        cookie = response.headers.get("Set-Cookie", "").partition(";")[0].removeprefix("lorax_sid=")
        return response.status, json.loads(response.read()), cookie
    finally:
        connection.close()


def new_session(address: Address) -> str:
    status, answer, cookie = request(address, "POST", "/init-session")
    assert (status, answer) == (200, {"sid": cookie})
    return cookie


def cookie_of(sid: str) -> dict[str, str]:
    return {"Cookie": f"a=1; lorax_sid={sid}; b=2"}


def upload(address: Address, filename: str, content: bytes, **headers: str) -> tuple[int, Any, str]:
    content_type, body = encode_multipart({"other": "x"}, {"file": (filename, content)})
    return request(address, "POST", "/upload", body, {"Content-Type": content_type, **headers})


def event(session: WebSocket) -> list[Any]:
    """The next event, as a list of its name and values."""
    message = session.receive()
    assert isinstance(message, str)
    assert message.startswith("42"), message
    parsed: list[Any] = json.loads(message[2:])
    return parsed


def ack(session: WebSocket, number: int) -> Any:
    message = session.receive()
    assert isinstance(message, str)
    assert message.startswith(f"43{number}["), message
    [answer] = json.loads(message[len(f"43{number}") :])
    return answer


def joined(address: Address, sid: str) -> WebSocket:
    """A socket of a session, greeted."""
    session = connect(address, **cookie_of(sid))
    assert event(session) == ["status", {"message": "Connected", "lorax_sid": sid}]
    return session


def call(session: WebSocket, name: str, number: int, **data: object) -> None:
    session.send(f"42{number}{json.dumps([name, data])}")


def load(session: WebSocket, **data: object) -> Any:
    """Load a file; the answer, which comes both as acknowledgement and as event."""
    call(session, "load_file", 7, **data)
    answer = ack(session, 7)
    assert event(session) == ["load-file-result", answer]
    return answer


class TestHttp:
    def test_a_session_is_kept_by_its_cookie(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        assert request(lorax.address, "POST", "/init-session", headers=cookie_of(sid)) == (200, {"sid": sid}, "")
        assert new_session(lorax.address) != sid
        lorax.reset()
        status, answer, cookie = request(lorax.address, "POST", "/init-session", headers=cookie_of(sid))
        assert (status, answer["sid"]) == (200, cookie)
        assert cookie not in {sid, ""}

    def test_the_cookies_attributes(self, lorax: Any) -> None:
        connection = http.client.HTTPConnection(*lorax.address, timeout=10)
        connection.request("POST", "/init-session")
        attributes = connection.getresponse().headers["Set-Cookie"].split("; ")[1:]
        connection.close()
        assert sorted(attributes) == ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=lax"]

    @pytest.mark.parametrize("cookie", ["lorax_sid=unknown", "lorax_sid", "\xff", "a[]=1; lorax_sid", "lorax_sid="])
    def test_a_cookie_of_no_session(self, lorax: Any, cookie: str) -> None:
        status, answer, new = request(lorax.address, "POST", "/init-session", headers={"Cookie": cookie})
        assert (status, answer) == (200, {"sid": new})

    def test_health(self, lorax: Any) -> None:
        status, answer, _ = request(lorax.address, "GET", "/health")
        assert status == 200
        assert answer.items() >= {"ok": True, "redis": True}.items()  # other systems' health is at the same path

    def test_projects_have_files_that_can_be_loaded(self, lorax: Any) -> None:
        status, answer, sid = request(lorax.address, "GET", "/projects")
        assert status == 200
        projects = answer["projects"]
        assert projects.pop("Uploads")["files"] == []
        assert len(projects) >= 2
        with joined(lorax.address, sid) as session:
            for project, description in projects.items():
                assert description["files"]
                for file in description["files"]:
                    assert load(session, lorax_sid=sid, project=project, file=file)["ok"] is True

    def test_memory_status_is_the_targets_own(self, lorax: Any) -> None:
        status, memory, _ = request(lorax.address, "GET", "/memory_status")
        assert status == 200
        assert memory["pid"] == lorax.process.pid
        rss = psutil.Process(lorax.process.pid).memory_info().rss / 1024 / 1024
        assert memory["rss_MB"] == pytest.approx(rss, rel=0.2)
        assert memory["vms_MB"] > memory["rss_MB"] > 10
        assert memory["file_cache_size"] == 0

    def test_an_upload_is_listed_in_its_session_alone(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        for name in ("mine.trees", 'ü "quoted".trees', "mine.trees"):
            status, answer, cookie = upload(lorax.address, name, b"\0\r\n" * 1000, **cookie_of(sid))
            assert (status, cookie) == (200, "")
            expected = name.replace('"', "%22")
            assert answer == {"message": "File uploaded", "sid": sid, "owner_sid": sid, "filename": expected}
        files = request(lorax.address, "GET", "/projects", headers=cookie_of(sid))[1]["projects"]["Uploads"]["files"]
        assert files == ["mine.trees", "ü %22quoted%22.trees"]
        assert request(lorax.address, "GET", "/projects")[1]["projects"]["Uploads"]["files"] == []

    def test_an_upload_makes_a_session_where_there_is_none(self, lorax: Any) -> None:
        status, answer, cookie = upload(lorax.address, "a.trees", b"")
        assert (status, answer["sid"]) == (200, cookie)
        with joined(lorax.address, cookie) as session:
            assert load(session, lorax_sid=cookie, project="Uploads", file="a.trees")["ok"] is True

    @pytest.mark.parametrize(
        ("content_type", "body", "status", "error"),
        [
            ("application/json", b"{}", 415, "the content type is not multipart/form-data with a boundary"),
            ("multipart/form-data", b"", 415, "the content type is not multipart/form-data with a boundary"),
            ("multipart/form-data; boundary=b", b"x", 400, "the body is not a form with the boundary of its content"),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n\r\n--b--' % (b"x" * 256),
                400,
                "the file's name is longer than 255 characters",
            ),
            ("multipart/form-data; boundary=b", b"--b--\r\n", 422, "the form has no file in a field 'file'"),
        ],
    )
    def test_an_upload_that_is_none(self, lorax: Any, content_type: str, body: bytes, status: int, error: str) -> None:
        answer = request(lorax.address, "POST", "/upload", body, {"Content-Type": content_type})
        assert (answer[0], answer[2]) == (status, "")
        assert answer[1]["error"].startswith(error)

    def test_an_upload_that_is_too_long(self, lorax: Any) -> None:
        head = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        with socket.create_connection(lorax.address, timeout=10) as connection:
            connection.sendall(f"{head}Content-Length: {1 << 40}\r\n\r\n".encode())
            for _ in range(33):
                connection.sendall(b"x" * (1 << 20))
            assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        assert lorax.counters()["POST /upload"]["received"] == 1


class TestConnect:
    def test_a_session_is_greeted_and_later_restored(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as session:
            assert load(session, lorax_sid=sid, project="SimulatedTrees", file="medium.trees")["ok"] is True
        with connect(lorax.address, **cookie_of(sid)) as session:
            restored = {"lorax_sid": sid, "file_path": "SimulatedTrees/medium.trees"}
            assert event(session) == ["session-restored", restored]

    def test_the_session_may_also_be_named_by_the_connects_payload(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with connect(lorax.address, json.dumps({"lorax_sid": sid})) as first:
            assert event(first) == ["status", {"message": "Connected", "lorax_sid": sid}]
            first.send("41")
            with joined(lorax.address, sid) as second:
                second.send('42["message",1]')
                assert event(second) == ["message-back", 1]

    def test_an_unknown_session(self, lorax: Any) -> None:
        with connect(lorax.address, **cookie_of("unknown")) as session:
            assert event(session) == ["error", NO_SESSION]
            session.send('42["ping",{}]')
            assert event(session)[0] == "pong"

    def test_without_a_session_it_is_the_echo_that_greets(self, lorax: Any) -> None:
        with connect(lorax.address, '{"token":"x"}', Cookie="other=1", Origin="http://localhost:3001") as session:
            assert event(session) == ["auth", {"token": "x"}]

    def test_two_origins_as_some_clients_send_them(self, lorax: Any) -> None:
        with connect(lorax.address, Origin="http://localhost:3001", origin="http://127.0.0.1") as session:
            assert event(session) == ["auth", {}]

    def test_a_second_socket_replaces_the_first(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as first, joined(lorax.address, sid) as second:
            name, problem = event(first)
            assert (name, problem["code"]) == ("connection-replaced", "CONNECTION_REPLACED")
            assert first.receive() == "41"
            first.send('42["ping",{}]', "40")
            # Not answered, but the connection is still good for a namespace.
            assert str(first.receive()).startswith("40{")
            assert event(first)[0] == "status"
            assert event(second)[0] == "connection-replaced"

    def test_a_socket_that_left_is_not_replaced(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with Polling(lorax.address, **cookie_of(sid)) as first:
            first.open()
            assert first.post("40")[0] == 200
            assert first.post("41\x1e42[]") == (400, '{"code":3,"message":"Bad request"}')
        with joined(lorax.address, sid) as second:
            second.send('42["message"]')
            assert event(second) == ["message-back"]


class TestEvents:
    def test_ping(self, lorax: Any) -> None:
        with joined(lorax.address, new_session(lorax.address)) as session:
            session.send('42["ping",{}]', '425["ping",{}]')
            name, pong = event(session)
            assert (name, pong["type"]) == ("pong", "pong")
            assert time.strptime(pong["time"][:19], "%Y-%m-%dT%H:%M:%S")
            assert event(session)[0] == "pong"
            assert session.receive() == "435[]"
        assert lorax.counters()["SIO ping"] == {"received": 2, "answered": 2}

    def test_load_file(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as session:
            answer = load(session, lorax_sid=sid, project="SimulatedTrees", file="small.csv", request_id="r1")
        config = answer.pop("config")
        assert config["num_trees"] == len(config["intervals"]) >= 20
        assert config["filename"] == "small.csv"
        assert answer.pop("queue_wait_ms") == 0
        assert 0 <= answer.pop("duration_ms") < 10_000
        assert answer == {
            "ok": True,
            "code": "FILE_LOADED",
            "request_id": "r1",
            "filename": "small.csv",
            "project": "SimulatedTrees",
            "owner_sid": sid,
        }
        assert lorax.counters()["SIO load_file"] == {"received": 1, "answered": 1}

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            ({"lorax_sid": None}, "MISSING_SESSION"),
            ({"lorax_sid": "unknown"}, "SESSION_NOT_FOUND"),
            ({"lorax_sid": 1}, "SESSION_NOT_FOUND"),
            ({"project": ""}, "MISSING_FILE_PARAM"),
            ({"file": None}, "MISSING_FILE_PARAM"),
            ({"file": ["small.csv"]}, "MISSING_FILE_PARAM"),
            ({"project": "Nowhere"}, "FILE_NOT_FOUND"),
            ({"project": "Uploads"}, "FILE_NOT_FOUND"),
            ({"project": "Faults", "file": "busy.trees"}, "SERVER_BUSY"),
        ],
    )
    def test_files_that_are_not_loaded(self, lorax: Any, data: dict[str, object], code: str) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as session:
            asked = {"lorax_sid": sid, "project": "SimulatedTrees", "file": "small.csv", "request_id": 9, **data}
            answer = load(session, **asked)
        assert (answer["ok"], answer["code"], answer["request_id"]) == (False, code, 9)
        assert answer["message"]
        assert answer["recoverable"] is True
        with connect(lorax.address, **cookie_of(sid)) as session:
            assert event(session)[0] == "status"

    @pytest.mark.parametrize("values", ["", ",null", ",1", ',"x",{}'])
    def test_events_without_the_data_that_they_need(self, lorax: Any, values: str) -> None:
        with joined(lorax.address, new_session(lorax.address)) as session:
            session.send(f'421["load_file"{values}]', f'422["process_postorder_layout"{values}]')
            assert ack(session, 1)["code"] == "MISSING_SESSION"
            assert event(session)[0] == "load-file-result"
            assert event(session) == ["error", NO_SESSION]
            assert ack(session, 2)["error"] == "Session not found"

    def test_layout(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as session:
            load(session, lorax_sid=sid, project="SimulatedTrees", file="medium.trees")

            def layout(number: int, **data: object) -> tuple[Any, bytes]:
                call(session, "process_postorder_layout", number, lorax_sid=sid, request_id=f"r{number}", **data)
                message = session.receive()
                prefix = f"461-{number}"
                assert isinstance(message, str)
                assert message.startswith(prefix)
                [answer] = json.loads(message[len(prefix) :])
                buffer = session.receive()
                assert isinstance(buffer, bytes)
                assert answer.pop("buffer") == {"_placeholder": True, "num": 0}
                assert answer.pop("request_id") == f"r{number}"
                return answer["tree_indices"], buffer

            indices, full = layout(1, displayArray=[3, 1, 1, -1, "2", 10**9, 2.0, True], sparsification=False)
            assert (indices, len(full)) == ([1, 3], 2048)
            assert layout(2, displayArray=[1, 3], actualDisplayArray=[1, 3]) == ([1, 3], full)
            assert layout(3, displayArray=[3])[1] == full[1024:]
            assert layout(4, displayArray=[1, 3], sparsification=True)[1] == full[:256] + full[1024:1280]
            assert layout(5, displayArray=[]) == ([], b"")
            load(session, lorax_sid=sid, project="SimulatedTrees", file="large.trees")
            assert layout(6, displayArray=[1, 3])[1] != full

    def test_layouts_that_there_are_none_of(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as session:
            call(session, "process_postorder_layout", 1, lorax_sid=sid, displayArray=[1], request_id="r")
            assert ack(session, 1) == {"error": "No file loaded", "request_id": "r"}
            load(session, lorax_sid=sid, project="SimulatedTrees", file="medium.trees")
            call(session, "process_postorder_layout", 2, lorax_sid=sid, displayArray="1")
            assert ack(session, 2)["error"] == "displayArray is not a list of tree indices"
            call(session, "process_postorder_layout", 3, lorax_sid="unknown", displayArray=[1])
            assert event(session) == ["error", NO_SESSION]
            assert ack(session, 3) == {"error": "Session not found", "request_id": None}

    def test_a_binary_answer_by_polling(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with Polling(lorax.address, **cookie_of(sid)) as session:
            session.open()
            session.post("40")
            session.get()
            data = {"lorax_sid": sid, "project": "SimulatedTrees", "file": "medium.trees"}
            session.post("42" + json.dumps(["load_file", data]))
            assert session.get()[1].startswith('42["load-file-result",{"ok":true,')
            session.post("421" + json.dumps(["process_postorder_layout", {"lorax_sid": sid, "displayArray": [1]}]))
            packets = session.get()[1].split("\x1e")
            assert packets[0][:5] == "461-1"
            assert packets[1].startswith("b")
            assert len(packets) == 2

    def test_a_reset_forgets_sessions_and_leaves_connections(self, lorax: Any) -> None:
        sid = new_session(lorax.address)
        with joined(lorax.address, sid) as session:
            lorax.reset()
            assert load(session, lorax_sid=sid)["code"] == "SESSION_NOT_FOUND"
        assert lorax.counters() == {"SIO load_file": {"received": 1, "answered": 1}}

    def test_counts(self, lorax: Any) -> None:
        with open_websocket(lorax.address) as session:
            session.send("40", "40/custom", '42/custom,["message"]', '42["message"]', '42["nonsense"]', "2")
            session.rest()
        assert lorax.counters() == {
            "SIO /custom connect": {"received": 1, "answered": 1},
            "SIO /custom message": {"received": 1, "answered": 1},
            "SIO connect": {"received": 1, "answered": 1},
            "SIO message": {"received": 1, "answered": 1},
            "SIO other": {"received": 1, "answered": 0},
        }


class TestFaults:
    def test_errors_and_waits_are_the_seeds(self, start_target: Start) -> None:
        knobs: dict[str, Any] = {"error_rate": 0.3, "seed": 7}
        target = start_target(latency="5ms", jitter="5ms", **knobs)
        faults = Faults(TargetSettings(latency=0.005, jitter=0.005, **knobs))
        expected = [faults.draw() for _ in range(60)]
        assert 8 < sum(fate.fails for fate in expected) < 30
        for _ in range(2):
            late = []
            with open_websocket(target.address) as session:
                fates = iter(expected)
                # A connect draws too, and one that fails can be tried again.
                session.send("40")
                while next(fates).fails:
                    assert session.receive() == '44{"message":"injected error"}'
                    session.send("40")
                session.receive()
                session.receive()
                for number, (delay, fails) in enumerate(fates):
                    begin = time.perf_counter()
                    session.send(f'42{number}["message-with-ack",1]')
                    answer = session.receive()
                    late.append(time.perf_counter() - begin - delay)
                    if fails:
                        assert answer == f'43{number}[{{"error":"injected error"}}]'
                        assert event(session) == ["error", {"code": "INJECTED_ERROR", "message": "injected error"}]
                    else:
                        assert answer == f"43{number}[1]"
            assert -0.002 < min(late) < 0.003
            target.reset()
        assert target.errors() == ""

    def test_a_load_that_fails(self, start_target: Start) -> None:
        # The second of this seed's fates is an error, and the first and third are none.
        seed = next(seed for seed in range(100) if _fates(seed) == [False, False, True, False])
        target = start_target(error_rate=0.5, seed=seed)
        sid = new_session(target.address)
        with joined(target.address, sid) as session:
            asked = {"lorax_sid": sid, "project": "SimulatedTrees", "file": "small.csv", "request_id": 3}
            failed = load(session, **asked)
            assert (failed["ok"], failed["code"], failed["request_id"]) == (False, "INJECTED_ERROR", 3)
            assert load(session, **asked)["ok"] is True

    def test_events_do_not_wait_for_each_other(self, start_target: Start) -> None:
        target = start_target(latency="200ms")
        with open_websocket(target.address) as session:
            session.send("40")
            session.receive()
            session.receive()
            begin = time.perf_counter()
            for number in range(50):
                session.send(f'42{number}["message-with-ack"]')
            assert [session.receive() for _ in range(50)] == [f"43{number}[]" for number in range(50)]
            assert 0.195 < time.perf_counter() - begin < 5

    def test_a_client_that_leaves_early_is_received_and_not_answered(self, start_target: Start) -> None:
        target = start_target(latency="700ms")
        with open_websocket(target.address) as stays:
            with open_websocket(target.address) as leaves:
                for session in (leaves, stays):
                    session.send("40")
                    session.receive()
                    session.receive()
                leaves.send('421["message-with-ack"]')
                _await_received(target, "SIO message-with-ack", 1)
            # It waits as long and came later: when it is answered, the first one's time is over too.
            stays.send('421["message-with-ack"]')
            assert stays.receive() == "431[]"
        assert target.counters()["SIO message-with-ack"] == {"received": 2, "answered": 1}
        assert target.errors() == ""


def _fates(seed: int) -> list[bool]:
    faults = Faults(TargetSettings(error_rate=0.5, seed=seed))
    return [faults.draw().fails for _ in range(4)]


def _await_received(target: Any, name: str, count: int) -> None:
    deadline = time.monotonic() + 10
    while target.counters().get(name, {"received": 0})["received"] < count:
        assert time.monotonic() < deadline


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_with_all_kinds_of_connections_open(
        self, start_target: Start, number: signal.Signals
    ) -> None:
        target = start_target(latency="60s")
        with ExitStack() as stack:
            sockets = [stack.enter_context(open_websocket(target.address)) for _ in range(20)]
            sockets[0].send("40")
            _await_received(target, "SIO connect", 1)
            polling = stack.enter_context(Polling(target.address))
            polling.open()
            with polling.second() as second:
                polling.request("GET")
                second.pass_by()
            upgrading = stack.enter_context(Polling(target.address))
            upgrading.open()
            probe = stack.enter_context(WebSocket(target.address, f"EIO=4&transport=websocket&sid={upgrading.sid}"))
            begin = time.monotonic()
            target.process.send_signal(number)
            assert polling.answer() == (200, "1")
            for session in sockets:
                assert session.rest() == ["1"]
            assert probe.rest() == []
            assert target.process.wait(timeout=5) == 0
            assert time.monotonic() - begin < 5
        assert target.errors() == ""

    def test_it_also_runs_without_httptools_and_uvloop(self, start_target: Start) -> None:
        target = start_target(command=WITHOUT_ACCELERATION)
        sid = new_session(target.address)
        with joined(target.address, sid) as session, Polling(target.address) as polling:
            assert load(session, lorax_sid=sid, project="SimulatedTrees", file="small.csv")["ok"] is True
            polling.open()
            assert polling.post("40") == (200, "ok")
            assert polling.get()[1].startswith("40{")
            with WebSocket(target.address, "EIO=4") as refused:
                assert refused.status == 400
            target.process.terminate()
            assert session.rest() == ["1"]
            assert target.process.wait(timeout=5) == 0
        assert target.errors() == ""

    def test_connections_leave_nothing_behind(self, start_target: Start) -> None:
        target = start_target()
        address = target.address

        def many() -> float:
            for _ in range(300):
                with connect(address) as session:
                    session.receive()
            memory: float = request(address, "GET", "/memory_status")[1]["rss_MB"]
            return memory

        before = max(many() for _ in range(2))
        files = psutil.Process(target.process.pid).num_fds()
        # What one of them took, 10 KB or so, would be 6 MB.
        assert max(many() for _ in range(2)) < before + 4
        assert psutil.Process(target.process.pid).num_fds() < files + 20
