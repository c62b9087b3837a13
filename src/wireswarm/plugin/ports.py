"""Ports that a run is going to listen on: one that is taken is told before the start, not by a traceback."""

from __future__ import annotations

import argparse

from wireswarm.exporters.scrape import problems_of


def port_problems(options: argparse.Namespace) -> list[str]:
    """What is wrong with the ports of the web UI and of a master; empty where both can be listened on."""
    problems: list[str] = []
    if options.worker:
        return problems
    if not options.headless:
        problems += problems_of(options.web_host or "", options.web_port, "--web-port")
    if options.master or options.processes:
        host = options.master_bind_host
        problems += problems_of("" if host == "*" else host, options.master_bind_port, "--master-bind-port")
    return problems
