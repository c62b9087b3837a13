"""Rows for the users of a whole swarm: each goes to one of them.

The master has a book of positions for every feed, out of which its workers lease ranges. A worker asks for the next
range while it still has half of the last one, so users wait for no message; how large a range is goes by how fast the
last one was used, about a second's worth, and they shrink towards the end. Near the end, when nothing is left to lease
and a user waits, the master calls back what other workers have not used. So rows end on all workers at once, nobody
stops while there are rows, and a worker that joins late gets its share as everybody does.

A worker that is stopped gives its rows back. What one had that was killed is told, and not handed out again: it may
have used it. One that stood still goes on with what it has.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

import gevent
from gevent import GreenletExit
from gevent.event import Event
from locust import User
from locust.env import Environment
from locust.event import EventHook
from locust.exception import StopUser
from locust.runners import STATE_INIT, STATE_MISSING, STATE_RUNNING, LocalRunner, MasterRunner, WorkerRunner
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING

from wireswarm.data import DataFile, declared_files, declared_generators
from wireswarm.data.leases import LARGEST, SMALLEST, LeaseBook, LeaseQueue, Range
from wireswarm.data.supply import SUPPLIED, OwnSupply
from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.plugin.ending import SET_UP, end_test
from wireswarm.plugin.exit_code import REFUSED
from wireswarm.plugin.feeding_checks import generator_problems, is_used, load, settings_of
from wireswarm.plugin.gate import park
from wireswarm.plugin.measuring import results_of

logger = logging.getLogger(__name__)

DATA: Final = "data"
"""What has ended a test whose rows were all taken."""

_ASK: Final = "wireswarm-feed-ask"
_GRANT: Final = "wireswarm-feed-grant"
_RECALL: Final = "wireswarm-feed-recall"
_BACK: Final = "wireswarm-feed-back"
_END: Final = "wireswarm-feed-end"
_REFUSE: Final = "wireswarm-feed-refuse"
_REPORT: Final = "wireswarm_feeds"
_TEST: Final = "wireswarm_feed_test"  # among the parsed options, which Locust sends to its workers before they start
_WATCH_SECONDS: Final = 0.5
_REPEAT_SECONDS: Final = 5.0
"""After which a question without an answer is asked again; the answer to it is the same."""
_QUICK_SECONDS: Final = 1.0
"""A lease that was used sooner is followed by a larger one, …"""
_SLOW_SECONDS: Final = 4.0
"""… and one that was used later by a smaller one."""
_LONELY: Final = 3
"""How many looks in a row have to find no user: before that, users may just be changing."""


def install_feeding(environment: Environment) -> None:
    """Hand out rows in that environment's tests, whichever kind of runner it has."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _Worker(environment, runner)
    elif isinstance(runner, LocalRunner):
        _Local(environment, runner)


def running_user() -> User | None:
    """The user whose greenlet this is."""
    args = getattr(gevent.getcurrent(), "args", ())
    user = args[0] if args else None
    return user if isinstance(user, User) else None


def _first(event: EventHook, listener: Callable[..., None]) -> None:
    event._handlers.insert(0, listener)


class _Holding:
    """A feed's rows in the hands of a process with users."""

    def __init__(self, feed: DataFile) -> None:
        self.feed = feed
        self.queue = LeaseQueue()
        self.ended = False
        # Of a worker
        self.wanted = SMALLEST
        self.question = 0
        """Number of the last question, which its answer has too."""
        self.asking = False
        self.waits = False
        """Whether the master knows that somebody waits."""
        self.answered = 0
        self.low = 0
        """How many are left when the next question is due."""
        self.granted_at = 0.0
        self.waiters = 0
        """Users that wait for a row."""
        self.news = Event()
        """What they wait for; another one each time."""

    def tell(self) -> None:
        """Wake those who wait, to look again."""
        news, self.news = self.news, Event()
        news.set()


class _Supplies:
    """What a process with users does: a `Supply`."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.holdings: dict[str, _Holding] = {}
        self._running = False
        _first(environment.events.test_start, self._on_test_start)
        _first(environment.events.test_stop, self._on_test_stop)
        SUPPLIED.by = self

    def holding(self, feed: DataFile) -> _Holding:
        """What there is of a feed."""
        found = self.holdings.get(feed.key)
        if found is None:
            found = self.holdings[feed.key] = _Holding(feed)
        return found

    def take(self, feed: DataFile, user: Any) -> int:
        """See `Supply.take`."""
        raise NotImplementedError

    def keep(self, feed: DataFile, user: Any, position: int) -> None:
        """See `Supply.keep`: the row is free again when the user is gone."""
        greenlet = getattr(user, "_greenlet", None)
        if greenlet is not None:
            queue = self.holding(feed).queue
            greenlet.rawlink(lambda _greenlet: queue.put_back(position))

    def user(self) -> Any:
        """See `Supply.user`."""
        return running_user()

    def stream(self) -> int:
        """See `Supply.stream`."""
        return 0

    def leave(self, feed: DataFile, user: Any) -> None:
        """No row is left for that user: it ends, or waits for the end of the test. Does not return."""
        user = running_user() if user is None else user
        greenlet = getattr(user, "_greenlet", None)  # there is none under `wireswarm try`
        if feed.at_end == "stop_test" and greenlet is not None:
            park(user, Event())
        if greenlet is gevent.getcurrent():
            # Ends a user as StopUser does; of that, Locust prints a traceback where it comes out of an on_start.
            raise GreenletExit
        raise StopUser(f"{feed.path}: all rows were taken")

    def check_running(self) -> None:
        """Whether this is the time for rows.

        Raises:
            UsageError: it is not.
        """
        if not self._running:
            raise UsageError("rows are handed out while a test runs, to its users; for set-up there is rows()")

    def prepare(self) -> None:
        """A test begins."""

    def _on_test_start(self, **_kwargs: Any) -> None:
        self.holdings.clear()
        SUPPLIED.by = self
        self._running = True
        for generator in declared_generators():
            generator.restart()
        self.prepare()
        for feed in declared_files():
            feed.restart()

    def _on_test_stop(self, **_kwargs: Any) -> None:
        self._running = False
        for feed in declared_files():
            feed.close()


class _Teller:
    """Says at the end what has become of the rows, where that is worth a line."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.books: dict[str, tuple[DataFile | None, str, LeaseBook]] = {}

    def tell(self) -> None:
        """Say it, once; to the results too, before they are judged."""
        results = results_of(self._environment)
        for feed, path, book in self.books.values():
            order = feed.order if feed is not None else ""
            if book.total is not None and order != "per_user":
                logger.info("%s: %s of %s rows were used", path, f"{book.used:,}", f"{book.total:,}")
            if book.lost:
                logger.warning(
                    "%s: up to %s rows were lost with workers that are gone: nobody knows whether they were used, and "
                    "they are not handed out again",
                    path,
                    f"{book.lost:,}",
                )
                if results is not None:
                    results.lose_rows(path, book.lost)
        self.books.clear()


class _LastUser:
    """Ends a test whose users have all ended for want of rows."""

    def __init__(self, environment: Environment, runner: LocalRunner | MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._lonely = 0

    def look(self, any_ended: bool) -> None:
        """Called again and again."""
        runner = self._runner
        alone = any_ended and runner.state == STATE_RUNNING and runner.target_user_count > 0 and not runner.user_count
        self._lonely = self._lonely + 1 if alone else 0
        if self._lonely == _LONELY:
            logger.info("All users have ended: there are no rows left")
            end_test(self._environment, DATA)


class _Local(_Supplies):
    def __init__(self, environment: Environment, runner: LocalRunner) -> None:
        super().__init__(environment)
        self._runner = runner
        self._teller = _Teller(environment)
        self._last_user = _LastUser(environment, runner)
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def prepare(self) -> None:
        problems = [*_load_all(self.environment, None), *generator_problems(self.environment.parsed_options)]
        if problems:
            _refuse(self.environment, problems)
        self._teller.books.clear()
        _kill(self._greenlet)
        self._greenlet = gevent.spawn(self._watch)

    def take(self, feed: DataFile, user: Any) -> int:
        self.check_running()
        holding = self.holding(feed)
        position = holding.queue.take()
        while position is None:
            lease = self._book(feed).grant("", LARGEST, 0)
            if lease is None:
                self._end(holding)
                self.leave(feed, user)
            else:
                holding.queue.add(lease)
            position = holding.queue.take()
        return position

    def _book(self, feed: DataFile) -> LeaseBook:
        if feed.key not in self._teller.books:
            self._teller.books[feed.key] = feed, str(feed.path), LeaseBook(feed.total)
        return self._teller.books[feed.key][2]

    def _end(self, holding: _Holding) -> None:
        if holding.ended:
            return
        holding.ended = True
        if holding.feed.at_end == "stop_test" and self._runner.state != STATE_INIT:  # as under `wireswarm try`
            logger.info("%s: all rows were taken, and the test ends", holding.feed.path)
            end_test(self.environment, DATA)

    def _watch(self) -> None:
        while True:
            gevent.sleep(_WATCH_SECONDS)
            self._last_user.look(any(holding.ended for holding in self.holdings.values()))

    def _on_test_stop(self, **kwargs: Any) -> None:
        super()._on_test_stop(**kwargs)
        _kill(self._greenlet)
        for key, (_, _, book) in self._teller.books.items():
            book.report("", self.holdings[key].queue.left)
        self._teller.tell()


class _Worker(_Supplies):
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        super().__init__(environment)
        self._runner = runner
        self._messages = 0
        self._test = ""
        for kind, listener in ((_GRANT, self._on_grant), (_RECALL, self._on_recall), (_END, self._on_end)):
            runner.register_message(kind, listener)
        environment.events.report_to_master.add_listener(self._on_report)

    def stream(self) -> int:
        return int(self._runner.worker_index)

    def prepare(self) -> None:
        self._test = str(getattr(self.environment.parsed_options, _TEST, ""))
        problems = _load_all(self.environment, lambda: gevent.sleep(0))
        problems += generator_problems(self.environment.parsed_options)
        if problems:
            for problem in problems:
                logger.error("%s", problem)
            self._runner.send_message(_REFUSE, {"problems": problems})

    def take(self, feed: DataFile, user: Any) -> int:
        # Hot path (`bench/feeders.py`).
        holding = self.holdings.get(feed.key) or self.holding(feed)
        queue = holding.queue
        while True:
            position = queue.take()
            if position is not None:
                if queue.left <= holding.low and not holding.asking and not holding.ended:
                    self._ask(holding)
                return position
            self.check_running()
            if holding.ended:
                self.leave(feed, user)
            self._wait(holding, user)

    def _wait(self, holding: _Holding, user: Any) -> None:
        news = holding.news  # before anything is sent, which may take a turn of the loop
        if not holding.asking:
            self._ask(holding, waits=True)
        elif not holding.waits:
            self._send_question(holding, waits=True)
        holding.waiters += 1
        try:
            self._wait_for_news(holding, news, running_user() if user is None else user)
        finally:
            holding.waiters -= 1

    def _wait_for_news(self, holding: _Holding, news: Event, user: User | None) -> None:
        with gevent.Timeout(_REPEAT_SECONDS, False):  # type: ignore[arg-type]  # False: ends the block silently
            if user is None:
                news.wait()
            else:
                park(user, news)
            return
        if user is not None:
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
            user._state = LOCUST_STATE_RUNNING
        if holding.asking:
            self._send_question(holding, waits=True)

    def _ask(self, holding: _Holding, *, waits: bool = False) -> None:
        passed = time.monotonic() - holding.granted_at
        if passed < _QUICK_SECONDS:
            holding.wanted = min(2 * holding.wanted, LARGEST)
        elif passed > _SLOW_SECONDS:
            holding.wanted = max(holding.wanted // 2, SMALLEST)
        holding.question += 1
        holding.asking = True
        self._send_question(holding, waits=waits)

    def _send_question(self, holding: _Holding, *, waits: bool) -> None:
        holding.waits = waits
        feed = holding.feed
        question = {"question": holding.question, "wanted": holding.wanted, "waits": waits}
        told = {"total": feed.total, "order": feed.order, "at_end": feed.at_end, "path": str(feed.path)}
        self._send(_ASK, holding, {**question, **told, "file": list(feed.table.index.fingerprint)})

    def _send(self, kind: str, holding: _Holding, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, {"feed": holding.feed.key, **self._state(holding), **data})

    def _state(self, holding: _Holding) -> dict[str, Any]:
        self._messages += 1
        told = {"number": self._messages, "held": holding.queue.left, "answered": holding.answered}
        return {"test": self._test, **told}

    def _on_grant(self, msg: Any, **_kwargs: Any) -> None:
        holding = self.holdings.get(msg.data["feed"])
        if holding is None or msg.data["question"] <= holding.answered:
            return  # of a test that is over, or said twice
        holding.answered = msg.data["question"]
        lease = Range(msg.data["start"], msg.data["stop"])
        holding.queue.add(lease)
        holding.asking = holding.waits = False
        holding.granted_at = time.monotonic()
        holding.low = lease.size // 2
        holding.tell()

    def _on_recall(self, msg: Any, **_kwargs: Any) -> None:
        holding = self.holdings.get(msg.data["feed"])
        if holding is not None:
            back = holding.queue.give_back(keep=holding.waiters)
            self._send(_BACK, holding, {"back": back})

    def _on_end(self, msg: Any, **_kwargs: Any) -> None:
        holding = self.holdings.get(msg.data["feed"])
        if holding is not None:
            holding.ended = True
            holding.tell()

    def _on_report(self, data: dict[str, Any], **_kwargs: Any) -> None:
        reports = []
        for key, holding in self.holdings.items():
            # All users were moved to other workers, or have died: others can have the rows.
            back = [] if self._runner.user_count else holding.queue.give_back()
            reports.append({"feed": key, **self._state(holding), "back": back})
        if reports:
            data[_REPORT] = reports

    def _on_test_stop(self, **kwargs: Any) -> None:
        super()._on_test_stop(**kwargs)
        for holding in self.holdings.values():
            holding.tell()


class _NoUsers(OwnSupply):
    """Of a master."""

    def take(self, feed: DataFile, user: Any) -> int:
        """See `Supply.take`.

        Raises:
            UsageError: this process has no users.
        """
        raise UsageError(
            f"{feed.path}: rows are handed out to users, and a master has none; for set-up there is rows()"
        )


class _Ledger:
    """A feed, as the master has it."""

    def __init__(self, key: str, data: dict[str, Any]) -> None:
        self.key = key
        self.book = LeaseBook(data["total"])
        self.path = str(data["path"])
        self.at_end = str(data["at_end"])
        self.file = list(data["file"])
        self.ended = False
        self.hungry: dict[str, dict[str, Any]] = {}
        """The questions that are not answered yet, by worker."""
        self.answers: dict[str, dict[str, Any]] = {}
        """The last answer to each worker."""
        self.heard: dict[str, int] = {}
        """The number of each worker's last message."""

    @property
    def somebody_waits(self) -> bool:
        """Whether a worker has users that wait for a row."""
        return any(question["waits"] for question in self.hungry.values())

    def hear(self, worker: str, data: dict[str, Any]) -> None:
        """What a worker has in hand, and what it gives back."""
        if data["number"] <= self.heard.get(worker, 0):
            return  # said twice
        self.heard[worker] = data["number"]
        answer = self.answers.get(worker)
        under_way = answer["stop"] - answer["start"] if answer and answer["question"] > data["answered"] else 0
        back = [Range(*one) for one in data.get("back", ())]
        self.book.report(worker, data["held"] + sum(one.size for one in back) + under_way)
        self.book.give_back(worker, back)


class _Master:
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._ledgers: dict[str, _Ledger] = {}
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._last_user = _LastUser(environment, runner)
        self._refused = False
        self._test = ""
        SUPPLIED.by = _NoUsers()
        for kind, listener in ((_ASK, self._on_ask), (_BACK, self._on_back), (_REFUSE, self._on_refuse)):
            runner.register_message(kind, listener)
        events = environment.events
        _first(events.test_start, self._on_test_start)
        events.worker_report.add_listener(self._on_report)
        events.test_stop.add_listener(self._on_test_stop)
        events.quitting.add_listener(self._on_test_stop)  # where the last worker went missing there was no test_stop

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._ledgers = {}
        self._refused = False
        options = self._environment.parsed_options
        if options is not None:
            self._test = uuid.uuid4().hex
            setattr(options, _TEST, self._test)
        problems = [*_load_all(self._environment, None), *generator_problems(self._environment.parsed_options)]
        if problems:
            _refuse(self._environment, problems)
        _kill(self._greenlet)
        self._greenlet = gevent.spawn(self._watch)

    def _on_test_stop(self, **_kwargs: Any) -> None:
        _kill(self._greenlet)
        self._look_for_the_lost()
        teller = _Teller(self._environment)
        feeds = {feed.key: feed for feed in declared_files()}
        teller.books = {key: (feeds.get(key), one.path, one.book) for key, one in self._ledgers.items()}
        teller.tell()
        self._ledgers = {}

    def _watch(self) -> None:
        while True:
            gevent.sleep(_WATCH_SECONDS)
            self._look_for_the_lost()
            for ledger in list(self._ledgers.values()):
                self._serve(ledger)
            self._last_user.look(any(ledger.ended for ledger in self._ledgers.values()))

    def _look_for_the_lost(self) -> None:
        # Locust fires no event when a worker goes missing, or comes back.
        for ledger in self._ledgers.values():
            for worker in [worker for worker in ledger.hungry if not self._is_there(worker)]:
                del ledger.hungry[worker]  # nobody waits there; who comes back asks again
            for worker in ledger.book.holders:
                if not self._is_there(worker):
                    logger.error("%s: %d rows are with a worker that is gone", ledger.path, ledger.book.lose(worker))

    def _is_there(self, worker: str) -> bool:
        node = self._runner.clients.get(worker)
        return node is not None and node.state != STATE_MISSING

    def _on_ask(self, msg: Any, **_kwargs: Any) -> None:
        worker, data = msg.node_id, msg.data
        if not self._is_of_this_test(data):
            return
        ledger = self._ledger(data)
        if not self._is_same_file(ledger, worker, data):
            return
        ledger.hear(worker, data)
        answer = ledger.answers.get(worker)
        if answer is not None and answer["question"] == data["question"]:
            self._runner.send_message(_GRANT, answer, client_id=worker)
        elif ledger.ended:
            self._runner.send_message(_END, {"feed": ledger.key}, client_id=worker)
        else:
            ledger.hungry[worker] = data
            self._serve(ledger)

    def _on_back(self, msg: Any, **_kwargs: Any) -> None:
        ledger = self._ledgers.get(msg.data["feed"])
        if ledger is not None and self._is_of_this_test(msg.data):
            ledger.hear(msg.node_id, msg.data)
            # Not called back again at once: what is left there is what users are just waking up for.
            self._serve(ledger, recall=False)

    def _on_report(self, client_id: str, data: dict[str, Any], **_kwargs: Any) -> None:
        for report in data.get(_REPORT, ()):
            ledger = self._ledgers.get(report["feed"])
            if ledger is not None and self._is_of_this_test(report):
                ledger.hear(client_id, report)
                self._serve(ledger)

    def _is_of_this_test(self, data: dict[str, Any]) -> bool:
        # A worker that stood still while another test began goes on with what it was about to say of the one before.
        return bool(data["test"] == self._test)

    def _on_refuse(self, msg: Any, **_kwargs: Any) -> None:
        self._give_up([f"worker {msg.node_id}: {problem}" for problem in msg.data["problems"]])

    def _ledger(self, data: dict[str, Any]) -> _Ledger:
        key = data["feed"]
        ledger = self._ledgers.get(key)
        if ledger is None:
            ledger = self._ledgers[key] = _Ledger(key, data)
            own = next((feed for feed in declared_files() if feed.key == key), None)
            if own is not None:
                ledger.file = list(own.table.index.fingerprint)
        return ledger

    def _is_same_file(self, ledger: _Ledger, worker: str, data: dict[str, Any]) -> bool:
        if list(data["file"]) == ledger.file:
            return True
        (rows, size, _), (own_rows, own_size, _) = data["file"], ledger.file
        self._give_up(
            [
                f"worker {worker}: {data['path']}: found another file, of {rows:,} rows and {size:,} bytes; "
                f"allowed: a copy of the master's, of {own_rows:,} rows and {own_size:,} bytes"
            ]
        )
        return False

    def _give_up(self, problems: Iterable[str]) -> None:
        if self._refused:
            return
        self._refused = True
        for problem in problems:
            logger.error("%s", problem)
        self._environment.process_exit_code = REFUSED
        end_test(self._environment, DATA)

    def _serve(self, ledger: _Ledger, *, recall: bool = True) -> None:
        """Answer what can be answered. Those whose users wait come first."""
        for worker, question in sorted(ledger.hungry.items(), key=lambda item: not item[1]["waits"]):
            if not self._is_there(worker):
                continue
            lease = ledger.book.grant(worker, question["wanted"], self._runner.worker_count)
            if lease is None:
                break
            del ledger.hungry[worker]
            answer = {"feed": ledger.key, "question": question["question"], "start": lease.start, "stop": lease.stop}
            ledger.answers[worker] = answer
            self._runner.send_message(_GRANT, answer, client_id=worker)
        if ledger.book.unassigned == 0 and ledger.somebody_waits:
            self._finish(ledger, recall=recall)

    def _finish(self, ledger: _Ledger, *, recall: bool) -> None:
        if not ledger.book.complete:
            for worker in ledger.book.holders if recall else ():
                self._runner.send_message(_RECALL, {"feed": ledger.key}, client_id=worker)
            return
        if ledger.ended:
            return
        ledger.ended = True
        ledger.hungry.clear()
        self._runner.send_message(_END, {"feed": ledger.key})
        if ledger.at_end == "stop_test":
            logger.info("%s: all rows were taken, and the test ends", ledger.path)
            end_test(self._environment, DATA)


def _load_all(environment: Environment, pause: Callable[[], object] | None) -> list[str]:
    """Have every feed's file read, unless it has been; what is wrong."""
    settings, problems = settings_of(environment.parsed_options), list[str]()
    for feed in declared_files():
        if is_used(feed, environment.user_classes):
            try:
                load(feed, settings, pause=pause)
            except ConfigurationError as error:
                problems += error.problems
    return problems


def _refuse(environment: Environment, problems: Iterable[str]) -> None:
    for problem in problems:
        logger.error("%s", problem)
    environment.process_exit_code = REFUSED
    end_test(environment, SET_UP)


def _kill(greenlet: gevent.Greenlet[[], None] | None) -> None:
    if greenlet is not None:
        greenlet.kill(block=False)
