"""Load testing on Locust for protobuf, Socket.IO and authenticated APIs."""

from wireswarm._version import __version__

__all__ = ["__version__"]
