"""The `User` classes that test code subclasses: Locust's users with our clients."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from gevent.pool import Group
from locust import User
from locust.env import Environment
from locust.exception import RescheduleTask, StopTest
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from wireswarm.auth.base import Auth
from wireswarm.clients.declaration import CONNECT_TIMEOUT, TIMEOUT, Declaration
from wireswarm.clients.graphql import GraphQLClient
from wireswarm.clients.owner import Reporter, Trace
from wireswarm.clients.protobuf import ProtobufClient
from wireswarm.clients.rest import RestClient
from wireswarm.clients.socketio import SocketIOClient
from wireswarm.clock import SYSTEM_CLOCK, Clock
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.events import DUE, fire_request
from wireswarm.net.stamps import Timing
from wireswarm.sample import Counter, Sample
from wireswarm.wire.http1 import Response

logger = logging.getLogger(__name__)

HOST_REFUSED = "wireswarm_host_refused"
"""Attribute of an `Environment`: a function to tell of a host that must not be hit."""
COUNTERS = "wireswarm_counters"
"""Attribute of an `Environment`: how much of each `wireswarm.sample.Counter` this process has seen, by its value."""


class TaskRequestFailed(RequestFailed, RescheduleTask):
    """A failed request that ends the task or the flow it happened in, and nothing else: Locust prints no traceback."""


class EventReporter:
    """Fires Locust's request event for what a user's clients measured. Hot path (`bench/http_throughput.py`)."""

    __slots__ = ("_attributes", "_context", "_environment", "_fire", "has_waited")

    def __init__(self, user: User) -> None:
        self._environment = user.environment
        self._fire = user.environment.events.request.fire
        self._context = user.context
        self._attributes = vars(user)
        self.has_waited = False
        """Whether the user has waited for an answer, and so given the others their turn, since this was reset."""

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        """See `Reporter.report`."""
        self.has_waited = error is None
        if DUE in self._attributes:  # a task's first exchange; a flow has taken it for itself
            sample = sample._replace(due=self._attributes.pop(DUE))
        fire_request(self._fire, self._context(), sample, response, error, url)

    def refused(self, error: ConfigurationError) -> None:
        """See `Reporter.refused`."""
        refuse = vars(self._environment).get(HOST_REFUSED)
        if refuse is not None:
            refuse(str(error))

    def count(self, counter: Counter, amount: int = 1) -> None:
        """See `Reporter.count`."""
        counts: dict[str, int] = vars(self._environment).setdefault(COUNTERS, {})
        counts[counter] = counts.get(counter, 0) + amount

    def abandoned(self) -> None:
        """See `Reporter.abandoned`."""
        counts = vars(self._environment)
        counts["wireswarm_abandoned"] = counts.get("wireswarm_abandoned", 0) + 1


class WireUser(User):
    """Base of our users: whatever clients a class declares, each user gets its own, with the user's host and auth.

    An `on_start` in which a request fails is tried again, after a wait that grows to half a minute, until it succeeds
    or the user is stopped: a service that is not up yet must not cost users for the rest of the run.
    """

    abstract = True

    auth: Auth | None = None
    """How this user proves who it is, on every request of every client that has no `auth` of its own."""
    content_type: str | None = None
    """Content-Type of requests with a body; that of the kind of client by default."""
    insecure: bool = False
    """True lets anybody answer in an https server's place."""
    ca_file: str | os.PathLike[str] | None = None
    """PEM file of the authorities whose certificates are trusted; the system's own by default."""
    client_cert: str | os.PathLike[str] | None = None
    """PEM file with the client's own certificate, its chain, and its private key without a password."""
    proxy: str | None = None
    """Forward proxy such as `http://127.0.0.1:3128`; https goes through it by CONNECT."""
    proxy_auth: Auth | None = None
    """`BasicAuth` for the proxy."""
    timing: Timing = "kernel"
    """Which clock says when an answer arrived: the kernel's, where there is one, or the `"program"`'s."""
    timeout: float = TIMEOUT
    """Seconds for one exchange in all."""
    connect_timeout: float = CONNECT_TIMEOUT
    """Seconds for connecting."""
    request_failed: type[RequestFailed] = TaskRequestFailed
    trace: Callable[[Trace], None] | None = None
    clock: ClassVar[Clock] = SYSTEM_CLOCK

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._event_reporter = EventReporter(self)
        self.reporter: Reporter = self._event_reporter
        try:
            for client in type(self).clients():
                client.resolve_base(self.host)
        except ConfigurationError as error:
            raise StopTest(str(error)) from None
        if type(self).on_start is not User.on_start:
            # On the instance, so that a super().on_start() inside is not retried by itself.
            vars(self)["on_start"] = self._start_until_it_works

    @classmethod
    def clients(cls) -> Iterator[Declaration]:
        """The clients that this class declares."""
        seen = set()
        for base in cls.__mro__:
            for name, value in vars(base).items():
                if name not in seen and isinstance(value, Declaration):
                    yield value
                seen.add(name)

    @classmethod
    def prepare(cls) -> None:
        """Load what the users of this class need, such as a file, once per process and before any of them starts.

        Override it for your own; it is called while the options are checked, so that a mistake is told before any load
        is sent.

        Raises:
            ConfigurationError: what is needed is not there. Reported together with all other problems.
        """

    def has_waited(self) -> bool:
        """Whether this user has waited for an answer since the last time that this was asked. Hot path."""
        waited, self._event_reporter.has_waited = self._event_reporter.has_waited, False
        return waited

    def start(self, group: Group) -> Any:
        """Start the user's greenlet; its connections are closed when that ends."""
        greenlet = super().start(group)
        greenlet.rawlink(self._close_clients)
        return greenlet

    def _close_clients(self, _greenlet: object) -> None:
        for value in vars(self).values():
            if isinstance(value, Declaration):
                value.close()

    def _start_until_it_works(self) -> None:
        wait = 1.0
        while True:
            try:
                type(self).on_start(self)
                return
            except RequestFailed as error:
                self._count_retry(error)
            if self._state == LOCUST_STATE_STOPPING:
                return  # TaskSet.run looks at the state before the first task
            # In this state Locust stops a user at once, as between two tasks.
            self._state = LOCUST_STATE_WAITING
            self.clock.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads users, protects nothing
            if self._state == LOCUST_STATE_STOPPING:
                return
            self._state = LOCUST_STATE_RUNNING
            wait = min(wait * 2, 30.0)

    def _count_retry(self, error: RequestFailed) -> None:
        counts = vars(self.environment)
        retries = counts["wireswarm_start_retries"] = counts.get("wireswarm_start_retries", 0) + 1
        # The first, the second, the fourth … of the process: a thousand users that wait for a service are one piece of
        # news, and a worker that logs more than 70 lines at a time is cut off by Locust.
        if retries & (retries - 1) == 0:
            name, message = type(self).__name__, error.failure.message
            logger.warning("%s.on_start: %s; users try again until it works (%d times so far)", name, message, retries)


class ProtobufUser(WireUser):
    """A user that speaks protobuf over HTTP: `self.client.post("/orders", pb.Create(sku="A1"), expect=pb.Order)`."""

    abstract = True

    client = ProtobufClient()
    """The user's client; see `ProtobufClient`. A class can declare more."""


class RestUser(WireUser):
    """A user that speaks JSON, forms and uploads: `self.client.post("/orders", json={"sku": "A1"}, expect=dict)`."""

    abstract = True

    client = RestClient()
    """The user's client; see `RestClient`. A class can declare more."""


class GraphQLUser(WireUser):
    """A user that speaks GraphQL: `self.client.execute(QUERY, {"first": 12})`."""

    abstract = True

    client = GraphQLClient()
    """The user's client; see `GraphQLClient`. A class can declare more."""


class SocketIOUser(WireUser):
    """A user that speaks Socket.IO: `self.client.connect()`, then `self.client.call("order", {"sku": "A1"})`."""

    abstract = True

    client = SocketIOClient()
    """The user's client; see `SocketIOClient`. A class can declare more."""
