"""How a run ends for whoever called it: one number."""

from __future__ import annotations

from typing import Final, NamedTuple

REFUSED: Final = 2
"""The run should not have been started, or not have gone on, as it was set up."""
BREACHED: Final = 3
"""A threshold, or the comparison with the baseline, says so."""
INVALID: Final = 4
"""The numbers cannot be trusted, and that was asked about."""


class Ending(NamedTuple):
    """What is known at the end of a run."""

    asked: int | None
    """Exit code that something has asked for already: `environment.process_exit_code`."""
    breached: bool
    """A threshold failed, or the run is worse than its baseline."""
    invalid: bool
    """The numbers cannot be trusted, and `--fail-on-invalid` was given."""
    failures: bool
    """There were failed requests."""
    errors_judged: bool
    """A threshold speaks about failed requests."""
    exceptions: bool
    """Tasks or listeners have raised."""
    on_error: int
    """`--exit-code-on-error`."""


def decide(ending: Ending) -> int:
    """The exit code. Failed requests alone are an error only where no threshold says how many are too many.

    The order is that of severity: refused, breached, invalid, Locust's own, none.
    """
    if ending.asked == REFUSED:
        return REFUSED
    if ending.breached:
        return BREACHED
    if ending.invalid:
        return INVALID
    if ending.asked is not None:
        return ending.asked
    if ending.exceptions or (ending.failures and not ending.errors_judged):
        return ending.on_error
    return 0
