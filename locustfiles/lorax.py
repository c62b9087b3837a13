"""Lorax: a browser of genealogies that is asked over HTTP and Socket.IO.

    locust -f locustfiles/lorax.py --headless -u 20 -r 5 -t 20s --host http://localhost:8080

Five kinds of users; name some of them on the command line to run only those. `LoraxLoadUser` and `LoraxUploadUser` end
after one cycle. Tags: `http`, `socketio`. Profiles are in `lorax.toml`, and `scenarios.py` runs them.

Environment (all optional):

==========================  =======================================================================================
TARGET_HOST                 the host, where `--host` is not given; then http://localhost:8080
LOCUST_ORIGIN               the Origin of all requests; https://lorax.in
LOCUST_SOCKET_TRANSPORTS    websocket, polling, or polling,websocket for an upgrade; websocket
LOAD_TEST_FILE              what to load, as PROJECT:FILE, or several with commas in between; what /projects lists.
                            A back end that gets its files from a bucket fetches what it is asked for, however large
LOAD_TEST_UPLOAD_CSV        the file to upload, trees as CSV; three trees of four samples
==========================  =======================================================================================
"""

from __future__ import annotations

import os
import random
import uuid
from pathlib import Path
from typing import Any, ClassVar

from gevent.event import AsyncResult
from locust import between, constant, tag, task
from locust.exception import StopUser

from wireswarm import ConfigurationError, Flow, RequestFailed, RestClient, RestUser, SocketIOClient, step

HEADERS = {"Origin": os.environ.get("LOCUST_ORIGIN") or "https://lorax.in"}
TRANSPORTS = os.environ.get("LOCUST_SOCKET_TRANSPORTS") or "websocket"
KNOWN_TRANSPORTS = {"websocket", "polling"}

GREETINGS = ("status", "session-restored")
"""What a socket is greeted with: in a session without a file that is loaded, and with one."""
UPLOADS = "Uploads"
"""The project of a session's own files."""
TREES = b"""genomic_positions,newick,max_branch_length
0,"((a:1.0,b:1.0):1.0,(c:1.5,d:1.5):0.5);",2.0
1000,"((a:1.0,c:1.0):1.0,(b:1.5,d:1.5):0.5);",2.0
2000,"((a:1.0,d:1.0):1.0,(b:1.5,c:1.5):0.5);",2.0
"""
IN_VIEW = 10
"""Trees that a browser shows at a time."""
PATIENCE = 10.0
"""Seconds that a greeting may come later than the connection, and a file's event than its acknowledgement."""
PING_SECONDS = 5.0
"""How long a `pong` is waited for. A ping that the service has refused is answered by nothing of its own."""
NO_SESSION = {"SESSION_NOT_FOUND", "MISSING_SESSION"}
"""Codes that say that a session is over."""

File = tuple[str, str]
"""A project and the name of a file in it."""


def are_transports(text: str) -> bool:
    """Whether a text names transports, with commas in between."""
    return {name.strip().lower() for name in text.split(",")} <= KNOWN_TRANSPORTS


def parse_files(text: str) -> list[File]:
    """The files that LOAD_TEST_FILE names."""
    files = []
    for item in filter(None, map(str.strip, text.split(","))):
        project, colon, name = item.partition(":")
        if not (project and colon and name):
            raise ConfigurationError(
                f"LOAD_TEST_FILE: found {item!r}; allowed: PROJECT:FILE, such as 1000Genomes:1kg_chr20.trees.tsz"
            )
        files.append((project, name))
    return files


class LoraxUser(RestUser):
    """Somebody with a browser: a session, which is a cookie, and at most one socket in it."""

    abstract = True

    host = os.environ.get("TARGET_HOST") or "http://localhost:8080"
    client = RestClient(cookies=True, headers=HEADERS)
    socket = SocketIOClient(
        cookies=True, headers=HEADERS, transports=TRANSPORTS if are_transports(TRANSPORTS) else "websocket"
    )

    files: ClassVar[list[File]]
    upload: ClassVar[tuple[str, bytes]]

    sid = ""
    opened: File | None = None
    """What the session has loaded last."""
    greeting: AsyncResult
    """The event that the service greets a socket with."""
    result: AsyncResult
    """The `load-file-result` that belongs to `request_id`."""
    request_id = ""

    @classmethod
    def prepare(cls) -> None:
        """Read the environment once, and say everything that is wrong with it."""
        problems: list[str] = []
        if not are_transports(TRANSPORTS):
            allowed = "websocket, polling, or polling,websocket for an upgrade"
            problems.append(f"LOCUST_SOCKET_TRANSPORTS: found {TRANSPORTS!r}; allowed: {allowed}")
        try:
            cls.files = parse_files(os.environ.get("LOAD_TEST_FILE", ""))
        except ConfigurationError as error:
            problems += error.problems
        path = os.environ.get("LOAD_TEST_UPLOAD_CSV")
        try:
            cls.upload = (Path(path).name, Path(path).read_bytes()) if path else ("loadtest.csv", TREES)
        except OSError as error:
            problems.append(f"LOAD_TEST_UPLOAD_CSV: cannot read {path}: {error.strerror}; name a file with trees")
        if problems:
            raise ConfigurationError(problems)

    def new_session(self) -> None:
        """Begin as a new visitor."""
        self.forget_session()
        self.client.clear_cookies()
        self.sid = self.client.post("/init-session", expect=dict, check=has_session)["sid"]

    def health(self) -> None:
        """Whether the service is well."""
        self.client.get("/health", expect=dict, check=is_healthy)

    def memory_status(self) -> None:
        """What the service's memory and caches hold."""
        self.client.get("/memory_status", expect=dict, check=lambda status: "rss_MB" in status or "there is no rss_MB")

    def projects(self) -> dict[str, Any]:
        """The projects that there are, with their files."""
        answer = self.client.get("/projects", expect=dict, check=has_projects)
        return dict(answer["projects"])

    def choose_file(self) -> File:
        """A file to load: one of LOAD_TEST_FILE's, or of those that the service lists."""
        listed = self.client.get("/projects", expect=dict, check=has_projects if self.files else has_files)
        return random.choice(self.files or files_in(listed["projects"]))

    def connect(self) -> None:
        """Open the session's socket, and wait until the service has greeted it. That can be before it has accepted."""
        socket = self.socket
        self.greeting = AsyncResult()
        for event in GREETINGS:
            socket.on(event, self.on_greeting)
        socket.on("error", self.on_error)
        socket.on("load-file-result", self.on_result)
        socket.connect()
        if self.greeting.wait(PATIENCE) is None:
            socket.wait_for(GREETINGS[self.opened is not None], timeout=0)  # fails, as it has not come

    def connected(self) -> SocketIOClient:
        """The session's socket, opened anew where it was lost, in a new session where that was lost as well."""
        if not self.sid:
            self.new_session()
        if not self.socket.connected:
            self.connect()
        return self.socket

    def ping(self) -> None:
        """How long it takes until the service's `pong` is there."""
        self.connected().emit_and_wait("ping", {}, reply="pong", name="ping", check=is_pong, timeout=PING_SECONDS)

    def load(self, file: File) -> dict[str, Any]:
        """Load a file; returns its configuration.

        The answer comes twice, as acknowledgement and as event, one right after the other and in either order.
        """
        socket = self.connected()
        project, name = file
        self.request_id, self.result = uuid.uuid4().hex, AsyncResult()
        request = {"lorax_sid": self.sid, "project": project, "file": name, "request_id": self.request_id}
        try:
            answer: dict[str, Any] = socket.call(
                "load_file", request, check=lambda found: load_problem(found, name, self.sid)
            )
        except RequestFailed as error:
            if any(code in error.failure.message for code in NO_SESSION):
                self.forget_session()
            raise
        self.opened = file
        if self.result.wait(PATIENCE) is None:
            socket.wait_for("load-file-result", timeout=0)  # fails, as it has not come
        return dict(answer["config"])

    def look(self, config: dict[str, Any]) -> None:
        """Have some neighbouring trees of the loaded file laid out."""
        count = int(config.get("num_trees") or max(1, len(config["intervals"]) - 1))
        first = random.randint(0, max(0, count - IN_VIEW))
        shown = list(range(first, min(first + IN_VIEW, count)))
        request = {
            "lorax_sid": self.sid,
            "displayArray": shown,
            "actualDisplayArray": shown,
            "sparsification": len(shown) > 1,
            "request_id": uuid.uuid4().hex,
        }
        self.socket.call(
            "process_postorder_layout",
            request,
            check=lambda answer: layout_problem(answer, shown, request["request_id"]),
        )

    def on_result(self, result: Any = None, *_: Any) -> None:
        """The event that goes with the acknowledgement of `load_file`."""
        if isinstance(result, dict) and result.get("request_id") == self.request_id:
            self.result.set(result)

    def on_greeting(self, *_: Any) -> None:
        """The service has found the session."""
        self.greeting.set(True)

    def on_error(self, error: Any = None, *_: Any) -> None:
        """The service has not: whoever waits on the socket fails."""
        if isinstance(error, dict) and error.get("code") in NO_SESSION:
            self.forget_session()
            self.greeting.set(None)

    def forget_session(self) -> None:
        """Leave a session that is over; the next task begins another one."""
        self.sid, self.opened = "", None
        self.socket.disconnect()


class BrowsingUser(LoraxUser):
    """Somebody who stays, and at times comes back as a new visitor."""

    abstract = True
    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        """Begin a session."""
        self.new_session()

    @tag("http")
    @task(1)
    def start_over(self) -> None:
        """A new session."""
        self.new_session()


class LoraxHttpUser(BrowsingUser):
    """The HTTP endpoints."""

    @tag("http")
    @task(10)
    def check_health(self) -> None:
        """A health check, as often as those are made."""
        self.health()

    @tag("http")
    @task(5)
    def list_projects(self) -> None:
        """The list of projects."""
        self.projects()

    @tag("http")
    @task(3)
    def check_memory(self) -> None:
        """The statistics of the caches."""
        self.memory_status()


class LoraxSocketUser(LoraxUser):
    """The events of Socket.IO, on one connection."""

    wait_time = between(1.0, 3.0)

    def on_start(self) -> None:
        """Begin a session, choose a file, and open the socket."""
        self.new_session()
        self.file = self.choose_file()
        self.connect()

    @tag("socketio")
    @task(10)
    def measure_latency(self) -> None:
        """A ping."""
        self.ping()

    @tag("socketio")
    @task(1)
    def load_file(self) -> None:
        """A file, loaded once more."""
        self.load(self.file)


class LoraxMixedUser(BrowsingUser):
    """Somebody at work: browses and looks at trees."""

    @tag("http")
    @task(5)
    class Browse(Flow["LoraxMixedUser"]):
        """Open the page, and look at the list of projects for a while."""

        think_time = between(0.5, 1.5)

        @step
        def health(self) -> None:
            """The page asks whether the service is well."""
            self.user.health()

        @step
        def projects(self) -> None:
            """The page lists the projects."""
            self.user.projects()

    @tag("http")
    @task(3)
    def check_status(self) -> None:
        """Health and memory."""
        self.health()
        self.memory_status()

    @tag("socketio")
    @task(2)
    def look_at_trees(self) -> None:
        """Load a file and look at some of its trees."""
        self.look(self.load(self.choose_file()))


class Cycle(Flow["LoraxUser"]):
    """From a new session to the end of its socket, once in the life of a user."""

    file: File
    config: dict[str, Any]

    @step
    def session(self) -> None:
        """A new session."""
        self.user.new_session()

    @step
    def choose_file(self) -> None:
        """A file of those that are listed."""
        self.file = self.user.choose_file()

    @step
    def load_file(self) -> None:
        """Connect, and load it."""
        self.defer(self.user.socket.disconnect)
        self.user.connect()
        self.config = self.user.load(self.file)

    @step
    def layout(self) -> None:
        """Look at some trees."""
        self.user.look(self.config)

    def on_stop(self) -> None:
        """Let the user end."""
        raise StopUser


class LoraxLoadUser(LoraxUser):
    """One cycle with a file of a project."""

    wait_time = constant(0)

    @tag("socketio")
    @task
    class LoadCycle(Cycle):
        """Session, projects, load, layout, disconnect."""


class LoraxUploadUser(LoraxUser):
    """One cycle with a file of one's own."""

    wait_time = constant(0)

    @tag("socketio")
    @task
    class UploadCycle(Cycle):
        """Session, upload, load, layout, disconnect."""

        @step
        def choose_file(self) -> None:
            """The file, sent to the service."""
            user = self.user
            name, content = user.upload
            answer = user.client.post(
                "/upload",
                files={"file": (name, content, "text/csv")},
                expect=dict,
                check=lambda found: upload_problem(found, name, user.sid),
            )
            self.file = UPLOADS, answer["filename"]


def files_in(projects: dict[str, Any]) -> list[File]:
    """The files of projects, without those that somebody has uploaded."""
    return [(name, file) for name, project in projects.items() if name != UPLOADS for file in project["files"]]


def has_session(answer: dict[str, Any]) -> str | None:
    """What is wrong with the answer to /init-session."""
    sid = answer.get("sid")
    return None if isinstance(sid, str) and sid else "there is no sid"


def is_healthy(answer: dict[str, Any]) -> str | None:
    """What is wrong with the answer to /health."""
    return None if answer.get("ok") is True and answer.get("redis") is True else "the service is not well"


def has_projects(answer: dict[str, Any]) -> str | None:
    """What is wrong with the answer to /projects."""
    return None if isinstance(answer.get("projects"), dict) else "there are no projects"


def has_files(answer: dict[str, Any]) -> str | None:
    """What is wrong with the answer to /projects, for somebody who wants to load a file."""
    return has_projects(answer) or (None if files_in(answer["projects"]) else "no project has a file to load")


def upload_problem(answer: dict[str, Any], name: str, sid: str) -> str | None:
    """What is wrong with the answer to an upload."""
    if answer.get("filename") != name:
        return str(answer.get("error", "the answer names another file"))
    return None if answer.get("sid") == answer.get("owner_sid") == sid else "the answer names another session"


def is_pong(answer: Any) -> str | None:
    """What is wrong with the answer to a ping."""
    return None if isinstance(answer, dict) and answer.get("type") == "pong" else "that is no pong"


def load_problem(answer: Any, name: str, sid: str) -> str | None:
    """What is wrong with the answer to `load_file`."""
    if not isinstance(answer, dict):
        return "the answer is no object"
    if answer.get("ok") is not True:
        return str(answer.get("code", "not ok, without a code"))
    if (answer.get("filename"), answer.get("owner_sid")) != (name, sid):
        return "the answer names another file or session"
    config = answer.get("config")
    return None if isinstance(config, dict) and ("num_trees" in config or config.get("intervals")) else "no trees"


def layout_problem(answer: Any, shown: list[int], request_id: str) -> str | None:
    """What is wrong with the answer to `process_postorder_layout`."""
    if not isinstance(answer, dict):
        return "the answer is no object"
    if "error" in answer:
        return str(answer["error"])
    if answer.get("request_id") != request_id:
        return "the answer is another request's"
    if not set(answer.get("tree_indices", ())) <= set(shown):
        return "there are trees that were not asked for"
    return None if isinstance(answer.get("buffer"), bytes) and answer["buffer"] else "there is no layout"
