"""What every test needs: gevent's patches first, as under Locust, before anything imports sockets."""

from __future__ import annotations

import signal

import locust  # noqa: F401 - patches the standard library for gevent on import
from hypothesis import settings

# A busy machine is no bug: how long one example takes says nothing here.
settings.register_profile("wireswarm", deadline=None)
settings.load_profile("wireswarm")

# A shell starts what runs in its background with Ctrl-C ignored, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
