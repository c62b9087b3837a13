"""The exit code: what wins over what."""

from __future__ import annotations

import itertools

import pytest

from wireswarm.plugin.exit_code import BREACHED, INVALID, REFUSED, Ending, decide

WELL = Ending(
    asked=None, breached=False, invalid=False, failures=False, errors_judged=False, exceptions=False, on_error=1
)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (WELL, 0),
        (WELL._replace(breached=True), 3),
        (WELL._replace(invalid=True), 4),
        (WELL._replace(failures=True), 1),
        (WELL._replace(failures=True, on_error=0), 0),
        (WELL._replace(failures=True, on_error=42), 42),
        (WELL._replace(failures=True, errors_judged=True), 0),
        (WELL._replace(exceptions=True), 1),
        (WELL._replace(exceptions=True, errors_judged=True), 1),
        (WELL._replace(asked=0, failures=True, exceptions=True), 0),
        (WELL._replace(asked=7), 7),
        (WELL._replace(asked=1, failures=True, errors_judged=True), 1),
    ],
)
def test_each_alone(ending: Ending, code: int) -> None:
    assert decide(ending) == code


@pytest.mark.parametrize(
    ("asked", "breached", "invalid", "failures"),
    list(itertools.product([None, 0, 1, REFUSED, 7], [False, True], [False, True], [False, True])),
)
def test_the_gravest_wins(asked: int | None, breached: bool, invalid: bool, failures: bool) -> None:
    code = decide(WELL._replace(asked=asked, breached=breached, invalid=invalid, failures=failures))

    if asked == REFUSED:
        assert code == REFUSED
    elif breached:
        assert code == BREACHED
    elif invalid:
        assert code == INVALID
    elif asked is not None:
        assert code == asked
    else:
        assert code == int(failures)
