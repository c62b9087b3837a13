"""Data for tests: rows of files, handed out over all users of a swarm, and messages made at random.

Nothing here knows of Locust: which row comes next is asked of a `Supply`, and the plug-in's is the swarm's.
"""

from wireswarm.data.feed import ENDS, ORDERS, DataFile, DataSettings, Feed, declared_files
from wireswarm.data.generating import MessageGenerator, declared_generators, generate
from wireswarm.data.supply import EndOfData

__all__ = [
    "ENDS",
    "ORDERS",
    "DataFile",
    "DataSettings",
    "EndOfData",
    "Feed",
    "MessageGenerator",
    "declared_files",
    "declared_generators",
    "generate",
]
