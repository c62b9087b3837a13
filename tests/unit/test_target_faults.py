from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

import pytest

from wireswarm.errors import ConfigurationError
from wireswarm.target.faults import FaultMiddleware, Faults
from wireswarm.target.settings import FAKE_JWT_SECRET, TargetSettings, secret_from


def draw(count: int, **knobs: Any) -> list[tuple[float, bool]]:
    faults = Faults(TargetSettings(**knobs))
    return [tuple(faults.draw()) for _ in range(count)]


def test_without_settings_there_are_none() -> None:
    assert not Faults(TargetSettings()).any
    assert set(draw(100)) == {(0.0, False)}


@pytest.mark.parametrize("knobs", [{"latency": 0.1}, {"error_rate": 0.1}])
def test_with_settings_there_are_some(knobs: dict[str, float]) -> None:
    assert Faults(TargetSettings(**knobs)).any


def test_a_seed_repeats_and_another_one_differs() -> None:
    knobs = {"latency": 0.1, "jitter": 0.05, "error_rate": 0.5}
    assert draw(100, seed=7, **knobs) == draw(100, seed=7, **knobs)
    assert draw(100, seed=7, **knobs) != draw(100, seed=8, **knobs)
    faults = Faults(TargetSettings(seed=7, **knobs))
    before = [faults.draw() for _ in range(100)]
    faults.reset()
    assert [faults.draw() for _ in range(100)] == before


def test_settings_do_not_disturb_each_other() -> None:
    knobs = {"latency": 0.1, "jitter": 0.05, "error_rate": 0.5}
    both = draw(100, **knobs)
    assert [fails for _, fails in draw(100, error_rate=0.5)] == [fails for _, fails in both]
    assert [delay for delay, _ in draw(100, latency=0.1, jitter=0.05)] == [delay for delay, _ in both]


def test_the_wait_is_uniform_around_the_latency() -> None:
    delays = sorted(delay for delay, _ in draw(10_000, latency=0.1, jitter=0.04))
    assert delays[0] >= 0.06
    assert delays[-1] <= 0.14
    assert [round(delays[len(delays) * share // 100], 2) for share in (25, 50, 75)] == [0.08, 0.1, 0.12]
    assert sum(delays) / len(delays) == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize(
    ("rate", "low", "high"), [(0.0, 0, 0), (0.05, 430, 570), (0.5, 4800, 5200), (1.0, 10_000, 10_000)]
)
def test_the_share_of_errors(rate: float, low: int, high: int) -> None:
    assert low <= sum(fails for _, fails in draw(10_000, error_rate=rate)) <= high


def test_an_error_comes_before_any_effect() -> None:
    sent: list[dict[str, Any]] = []

    async def app(*_: Any) -> None:
        raise AssertionError("the request took effect")

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the request was read")

    run(FaultMiddleware(app, Faults(TargetSettings(error_rate=1)))({}, receive, send))
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"]) == {"error": "injected error"}


def test_what_neither_waits_nor_fails_is_passed_on() -> None:
    seen: list[object] = []

    async def app(*arguments: object) -> None:
        seen.extend(arguments)

    run(FaultMiddleware(app, Faults(TargetSettings()))(1, 2, 3))  # type: ignore[arg-type]
    assert seen == [1, 2, 3]


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what never waits, without an event loop."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_all_problems_are_listed() -> None:
    with pytest.raises(ConfigurationError) as error:
        TargetSettings(latency=-1, error_rate=1.5, jwt_secret="", max_accounts=0, max_records=0, max_sessions=0)
    assert error.value.problems == (
        "latency is -1 s: it must be 0 or longer",
        "error rate is 1.5: it must be from 0 to 1",
        "the JWT secret is empty",
        "max_accounts is 0: it must be at least 1",
        "max_records is 0: it must be at least 1",
        "max_sessions is 0: it must be at least 1",
    )


@pytest.mark.parametrize("jitter", [-0.1, 0.3, float("nan")])
def test_jitter_is_at_most_the_latency(jitter: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^jitter is .* s: it must be from 0 to the latency, 0.2 s$"):
        TargetSettings(latency=0.2, jitter=jitter)


@pytest.mark.parametrize(
    "knobs",
    [
        {"latency": float("nan")},
        {"latency": float("inf")},
        {"error_rate": float("nan")},
        {"sio_ping_interval": float("nan")},
    ],
)
def test_numbers_that_are_none(knobs: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"it must be"):
        TargetSettings(**knobs)


def test_the_secret_is_the_environments_or_fake_and_never_shown() -> None:
    assert secret_from({}) == secret_from({"TEST_JWT_SECRET": ""}) == FAKE_JWT_SECRET
    assert len(FAKE_JWT_SECRET) >= 32
    settings = TargetSettings(jwt_secret=secret_from({"TEST_JWT_SECRET": "the-real-one"}))
    assert settings.jwt_secret == "the-real-one"
    assert "the-real-one" not in repr(settings)
