"""Hooks the framework into Locust: options, checks before the start, iterations, a stop that loses nothing.

Locust has no plug-in entry point, so `load` is called by `import wireswarm` in a locustfile and by `wireswarm locust`,
and `attach` by whoever runs Locust as a library. All are idempotent.
"""

from wireswarm.plugin.attach import attach
from wireswarm.plugin.load import load

__all__ = ["attach", "load"]
