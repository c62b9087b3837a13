"""Users move to the workers that are there: Locust's rebalancing, which it leaves off, and which works once."""

from __future__ import annotations

from collections.abc import Generator

from locust.dispatch import UsersDispatcher
from locust.env import Environment


class RebalancingDispatcher(UsersDispatcher):
    """Locust's, which after one rebalance believes for ever that it is busy, and ignores who comes or goes."""

    def _dispatcher(self) -> Generator[dict[str, dict[str, int]]]:
        yield from super()._dispatcher()
        self._dispatch_in_progress = False


def install_rebalancing(environment: Environment) -> None:
    """Have that environment's users moved as often as workers come and go."""
    if environment.dispatcher_class is UsersDispatcher:
        environment.dispatcher_class = RebalancingDispatcher
