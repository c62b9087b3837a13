"""The reference target: one server that answers as the systems under test do, to try the suites on.

It keeps the ground truth that a report is compared with: its own counts of requests received and answered
(`GET /_target/counters`). It needs the extra `wireswarm[target]`; nothing is imported here, so that asking for the
command's help needs no extra. It runs on asyncio, and therefore never beside Locust in one process, whose gevent
replaces the sockets that asyncio stands on.
"""
