"""A real browser, driven over the Chrome DevTools Protocol as a person drives it: it looks, and it clicks.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import gevent
import pytest
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60
"""Seconds that anything may take, on a machine that is busy with other tests."""

NAMES = ("chromium", "chromium-browser", "google-chrome")

OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # containers run tests as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    # A tab behind another one goes on as if it were seen.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    # Nothing but the loopback address.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

# A label may be wrapped in elements of its own, of which the innermost is the one that is seen.
FIND = """
(role, text) => [...document.querySelectorAll(role)].find((node) =>
  node.innerText && node.innerText.trim().toLowerCase() === text.toLowerCase())
"""


def find_chromium() -> str:
    """The browser's command. Without one the test is skipped by name."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None:
        return found
    if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
        pytest.fail("Chromium is not installed, and WIRESWARM_REQUIRE_PEERS=1")
    pytest.skip("Chromium is not installed")


class Page:
    """One tab of the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        """What its console said of errors, with its scripts' uncaught exceptions."""
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol; returns its result."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=PATIENCE))
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, event: str | None, parameters: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"].get("exception", {}).get("description")))
        elif event == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def look(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        done = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until an expression is true, and return its value."""
        with gevent.Timeout(PATIENCE, False):
            while True:
                try:
                    value = self.look(expression)
                except AssertionError:  # the page has just been replaced by another
                    value = None
                if value:
                    return value
                gevent.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE} s: {expression}\n{self.look('document.body.innerText')}")

    def click(self, selector: str, text: str) -> None:
        """Click on what matches and reads like that, when it is there, with the mouse."""
        self.command("Page.bringToFront")  # a tab behind another one takes its time over a click
        found = f"({FIND})({json.dumps(selector)}, {json.dumps(text)})"
        self.until(f"!!{found}")
        self.look(f"{found}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = self.look(
            f"(({{left, top, width, height}}) => [left + width / 2, top + height / 2])({found}.getBoundingClientRect())"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def table(self) -> list[list[str]]:
        """The rows of the table that is shown, with its heads as the first."""
        rows: list[list[str]] = self.look(
            "[...document.querySelectorAll('table tr')].map((row) => [...row.cells].map((cell) => cell.innerText))"
        )
        return rows

    def picture(self, path: Path) -> None:
        """A picture of what is seen, as PNG."""
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))


class Chromium:
    """A running browser with a profile of its own in that folder, gone at the end of the `with`."""

    def __init__(self, folder: Path, *, size: tuple[int, int] = (1280, 900)) -> None:
        self._command = [
            find_chromium(),
            *OPTIONS,
            f"--user-data-dir={folder / 'browser'}",
            f"--window-size={size[0]},{size[1]}",
        ]
        self._log = folder / "browser.log"
        self._port = folder / "browser" / "DevToolsActivePort"
        self._connections = ExitStack()
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Self:
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        with gevent.Timeout(PATIENCE, AssertionError("Chromium did not start")):
            while not self._port.exists() or not self._port.read_text("utf-8").strip():
                assert self._process.poll() is None, self._log.read_text("utf-8")
                gevent.sleep(0.05)
        self._address = f"127.0.0.1:{self._port.read_text('utf-8').split()[0]}"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._connections.close()
            self._process.terminate()
            self._process.wait(timeout=PATIENCE)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def open(self, url: str) -> Page:
        """Open a page in a new tab."""
        return self._attach(self._ask("PUT", f"/json/new?{quote(url, safe=':/?=&')}"))

    def opened(self, path: str) -> Page:
        """The tab that a page has opened by itself, by the path of what it shows."""
        with gevent.Timeout(PATIENCE, AssertionError(f"nobody has opened {path}")):
            while True:
                for target in self._ask("GET", "/json/list"):
                    if target["type"] == "page" and urlsplit(target["url"]).path == path:
                        return self._attach(target)
                gevent.sleep(0.05)

    def _attach(self, target: dict[str, Any]) -> Page:
        name = target["id"]
        if name not in self._pages:
            connection = connect(target["webSocketDebuggerUrl"], max_size=None, compression=None, open_timeout=PATIENCE)
            self._pages[name] = Page(self._connections.enter_context(connection))
        return self._pages[name]

    def _ask(self, method: str, path: str) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            return json.loads(body)
        finally:
            connection.close()
