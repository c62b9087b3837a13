"""The personas do what the suite's document says, as often as it says, and leave nothing behind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from helios import HELIOS, OPERATIONS, load_shapes, personas
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately
from locust.runners import WorkerNode
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet
from manual_clock import ManualClock
from shop_front import ShopFront

from wireswarm.auth import LoginToken
from wireswarm.errors import RequestFailed
from wireswarm.profiles import read_profile_file
from wireswarm.sample import Failure, Reason

PERSONAS = {"Browser": 50, "Searcher": 25, "Buyer": 20, "Admin": 5}
WAITS = {"Browser": (2, 5), "Searcher": (1, 3), "Buyer": (2, 4), "Admin": (3, 8)}
TASKS = {
    "Browser": {
        "view_categories": 10,
        "view_category_products": 30,
        "view_product_list": 40,
        "view_product": 20,
        "view_shop_info": 5,
    },
    "Searcher": {
        "search": 40,
        "search_by_price": 20,
        "search_sorted": 15,
        "refine": 10,
        "view_result": 15,
        "paginate": 5,
    },
    "Buyer": {
        "browse": 25,
        "view_product": 20,
        "add_to_cart": 15,
        "view_cart": 10,
        "set_shipping": 8,
        "set_billing": 8,
        "CompleteCheckout": 5,
        "abandon": 4,
    },
    "Admin": {
        "view_products": 15,
        "CreateProduct": 10,
        "update_product": 20,
        "view_categories": 5,
        "view_product": 3,
    },
}
TAGS = {
    "Browser": {"read", "browse", "detail"},
    "Searcher": {"read", "search", "filter", "sort"},
    "Buyer": {"read", "write", "cart", "checkout"},
    "Admin": {"read", "write", "admin", "product"},
}


class Till:
    """Stands in for a user's client: a shop without a network. What the real one would fail for, fails."""

    def __init__(self, shop: ShopFront, asked: Counter[str], header: Callable[[], bytes]) -> None:
        self._shop = shop
        self._asked = asked
        self._header = header
        self.fails: Callable[[str], bool] = lambda name: False

    def execute(
        self, document: str, variables: Mapping[str, Any], *, name: str, check: Callable[[Any], object]
    ) -> dict[str, Any]:
        self._asked[name] += 1
        if self.fails(name):
            raise RequestFailed(Failure(Reason.STATUS, "status 500"))
        self._shop.token = self._header().decode().partition("Bearer ")[2].strip()
        answer = self._shop.ask(document, **variables)
        problems = [answer.get("errors"), *(value.get("errors") for value in answer["data"].values() if value)]
        problems.append(check(answer["data"]))
        if any(problems):
            raise RequestFailed(Failure(Reason.ERROR, str(problems)))
        data: dict[str, Any] = answer["data"]
        return data


class Visitors:
    """Personas in one shop, and what they have asked for."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.shop = ShopFront(clock)
        self.asked: Counter[str] = Counter()
        self.environment = Environment()
        self.flows: list[tuple[str, object]] = []
        self.environment.events.request.add_listener(lambda name, exception, **_: self.flows.append((name, exception)))
        self.errors: list[BaseException] = []
        self.environment.events.user_error.add_listener(lambda exception, **_: self.errors.append(exception))

    def come(self, persona: str) -> tuple[Any, Till]:
        """One more; returns the user and its client."""
        user = getattr(personas, persona)(self.environment)
        user._state = LOCUST_STATE_RUNNING
        user.clock = self.clock
        user.auth = user.auth and LoginToken(user.auth._login, clock=self.clock)
        till = Till(self.shop, self.asked, user.auth.for_user(user).header if user.auth else bytes)
        vars(user)["client"] = till
        vars(user)["login"] = Till(self.shop, self.asked, bytes)
        user.on_start()
        return user, till

    def do(self, user: Any, task: Any) -> None:
        """A task of a user, as Locust executes it."""
        with suppress(InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):  # how a flow ends
            DefaultTaskSet(user).execute_task(task)

    def open_carts(self) -> int:
        """Checkouts with something in them."""
        [system] = [one for one in self.shop.app._systems if type(one).__name__ == "Shop"]
        return sum(bool(checkout["lines"]) for checkout in system.checkouts._open._entries.values())

    def drafts(self) -> int:
        """Products that the staff has left behind."""
        [system] = [one for one in self.shop.app._systems if type(one).__name__ == "Shop"]
        return len(system.catalogue._drafts)


@pytest.fixture
def visitors(clock: ManualClock) -> Visitors:
    return Visitors(clock)


def test_weights_waits_and_tags_are_the_documents() -> None:
    for name, weight in PERSONAS.items():
        persona = getattr(personas, name)
        assert persona.weight == weight
        assert persona.persona == name
        assert dict(Counter(task.__name__ for task in persona.tasks)) == TASKS[name]
        waits = [persona.wait_time(None) for _ in range(200)]
        low, high = WAITS[name]
        assert low <= min(waits) < low + 1
        assert high - 1 < max(waits) <= high
        tags = [set().union(*(getattr(t, "locust_tag_set", ()) for t in (task, *getattr(task, "tasks", ()))))
                for task in persona.tasks]  # fmt: skip
        assert set().union(*tags) == TAGS[name]
        assert all(len({"read", "write"} & some) == 1 for some in tags)


def test_ten_thousand_tasks_in_the_documents_shares(visitors: Visitors) -> None:
    classes = [getattr(personas, name) for name in PERSONAS]
    dispatcher = UsersDispatcher([WorkerNode("one")], classes)
    dispatcher.new_dispatch(target_user_count=20, spawn_rate=20)
    [counts] = [users["one"] for users in dispatcher]
    assert counts == {"Browser": 10, "Searcher": 5, "Buyer": 4, "Admin": 1}
    users = [visitors.come(name)[0] for name, count in counts.items() for _ in range(count)]
    random.seed(20240115)
    done: Counter[tuple[str, str]] = Counter()
    for _ in range(500):
        for user in users:
            task = DefaultTaskSet(user).get_next_task()
            done[type(user).__name__, task.__name__] += 1
            visitors.do(user, task)
    assert done.total() == 10_000
    assert visitors.errors == []
    assert [name for name, failure in visitors.flows if failure] == []
    for persona, weight in PERSONAS.items():
        share = sum(count for (name, _), count in done.items() if name == persona) / 100
        assert abs(share - weight) <= 2
        tasks = TASKS[persona]
        for task, part in tasks.items():
            share = done[persona, task] / 100
            assert abs(share - weight * part / sum(tasks.values())) <= 2, (persona, task, share)
    # Every operation was needed for that, and every one has succeeded: a failure would be among the errors.
    assert {name.partition("] ")[2] for name in visitors.asked} == OPERATIONS.keys()
    for user in users:
        user.on_stop()
    assert (visitors.open_carts(), visitors.drafts()) == (0, 0)


@pytest.mark.parametrize("number", range(7))
def test_a_checkout_that_fails_anywhere_leaves_no_cart(number: int, visitors: Visitors) -> None:
    buyer, till = visitors.come("Buyer")
    names = ["CreateCheckout", "SetShippingAddress", "SetDeliveryMethod", "SetBillingAddress", "Pay",
             "CompleteCheckout", "none"]  # fmt: skip
    till.fails = lambda name: name == f"[Buyer] {names[number]}"
    visitors.do(buyer, personas.Buyer.CompleteCheckout)
    [(flow, failure)] = visitors.flows
    assert flow == "complete_checkout"
    assert (failure is None) == (names[number] == "none")
    assert visitors.open_carts() == 0
    assert buyer.cart is None
    assert visitors.asked["[Buyer] RemoveLines"] == (0 < number < 6)


def test_a_cart_that_the_shop_has_lost_is_replaced(visitors: Visitors) -> None:
    buyer, _ = visitors.come("Buyer")
    buyer.add_to_cart()
    for task in (buyer.view_cart, buyer.set_billing):
        visitors.shop.reset()
        with pytest.raises(RequestFailed):
            task()
        assert buyer.cart is None
        task()
        assert buyer.cart is not None


def test_a_draft_is_deleted_also_where_it_is_not_found_again(visitors: Visitors) -> None:
    admin, till = visitors.come("Admin")
    till.fails = lambda name: name == "[Admin] ProductDetail"
    visitors.do(admin, personas.Admin.CreateProduct)
    assert visitors.flows[0][1] is not None
    assert visitors.asked["[Admin] CreateProduct"] == visitors.asked["[Admin] DeleteProduct"] == 1
    assert visitors.drafts() == 0


def test_an_admin_updates_a_draft_of_their_own_and_deletes_it_in_the_end(visitors: Visitors) -> None:
    admin, till = visitors.come("Admin")
    for _ in range(3):
        admin.update_product()
    assert visitors.drafts() == 1
    assert visitors.asked["[Admin] CreateProduct"] == 1
    admin.on_stop()
    assert visitors.drafts() == 0
    admin.update_product()
    till.fails = lambda name: True
    admin.on_stop()  # says nothing: the failed request is an event already


def test_an_admin_logs_in_again_before_the_token_ends(visitors: Visitors) -> None:
    admin, _ = visitors.come("Admin")
    visitors.clock.now += 48 * 3600 - 60
    admin.view_products()
    assert visitors.asked["[Admin] LogIn"] == 1
    visitors.clock.now += 31
    admin.view_products()
    assert visitors.asked["[Admin] LogIn"] == 2


def test_a_search_goes_on_where_it_has_ended_and_a_refined_one_does_not_grow(visitors: Visitors) -> None:
    random.seed(1)
    searcher, _ = visitors.come("Searcher")
    while searcher.next_page is None:
        searcher.search()
    first = {product["id"] for product in searcher.products}
    searcher.paginate()
    assert first.isdisjoint(product["id"] for product in searcher.products)
    for _ in range(20):
        searcher.refine()
    assert len(searcher.term.split()) <= 2
    searcher.search_by_price()
    assert searcher.next_page is None


def test_patterns_of_the_files_and_of_the_profiles_are_the_documents() -> None:
    profiles = read_profile_file(HELIOS / "locustfile.toml").profiles
    minute = 60
    levels = {
        "ramp": {0: 0, 150: 50, 300: 100, 899: 100, 1050: 50, 1200: 0},
        "wave": {0: 10, 150: 100, 300: 10, 450: 100, 30 * minute - 150: 100, 30 * minute: 0},
        "spike": {0: 20, 119: 20, 120 + 18: 200, 179: 200, 270: 110, 359: 21, 361: 20, 360 + 138: 200, 1080: 0},
        "step": {0: 10, 180: 25, 360: 50, 540: 75, 720: 100, 900: 150, 1080: 200, 1259: 200, 1260: 0},
    }
    for name, expected in levels.items():
        plan = getattr(load_shapes, f"{name.title()}Pattern").plan
        profile = profiles[name].plan
        assert profile is not None
        for second, users in expected.items():
            assert plan.level(second) == pytest.approx(users, abs=0.6), (name, second)
            assert profile.shape.level(second) == pytest.approx(plan.level(second))
        assert plan.duration == profile.shape.duration


@pytest.mark.parametrize("name", ["locustfile", "read_heavy", "write_heavy"])
def test_the_default_is_the_documents(name: str) -> None:
    file = read_profile_file(HELIOS / f"{name}.toml")
    for run in (file.defaults, file.profiles["default"]):
        assert (run.users, run.spawn_rate, run.run_time) == (50, 5, 1800)
