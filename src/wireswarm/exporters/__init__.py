"""A run while it goes on, for others to see: Prometheus, InfluxDB, a line of JSON per request.

None of them makes the load wait: what has no room in a queue is dropped and counted.
"""

from wireswarm.exporters.influxdb import HttpSender, InfluxPusher
from wireswarm.exporters.influxdb_target import InfluxTarget, parse_influxdb_url
from wireswarm.exporters.live import Live
from wireswarm.exporters.prometheus import expose, registry_of
from wireswarm.exporters.sample_file import worker_path
from wireswarm.exporters.sample_writer import SampleWriter
from wireswarm.exporters.scrape import ScrapeServer

__all__ = [
    "HttpSender",
    "InfluxPusher",
    "InfluxTarget",
    "Live",
    "SampleWriter",
    "ScrapeServer",
    "expose",
    "parse_influxdb_url",
    "registry_of",
    "worker_path",
]
