"""The batch API of a target, as somebody else than a load test uses it."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from locust_process import Target

KEYS = "/admin/api/v1/users/current/api-keys"


class BatchClient:
    """Looks at what is there, with a key of its own; asks again where the target fails on purpose."""

    def __init__(self, target: Target, prefix: str = "/ai/v1") -> None:
        self._address = urlsplit(target.url).netloc
        self._prefix = prefix
        basic = f"Basic {base64.b64encode(b'admin:password').decode()}"
        self.key: str = self._ask("POST", KEYS, basic, {"name": "observer", "purpose": "platform"})["key"]

    def files(self) -> list[str]:
        """The names of all files."""
        return [file["filename"] for file in self._list("files")]

    def states(self) -> list[str]:
        """The states of the newest 100 batches."""
        return [batch["status"] for batch in self._list("batches?limit=100")]

    def _list(self, what: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._ask("GET", f"{self._prefix}/{what}", f"Bearer {self.key}")["data"]
        return listed

    def _ask(self, method: str, path: str, authorization: str, body: Any = None) -> Any:
        while True:
            connection = http.client.HTTPConnection(self._address, timeout=30)
            connection.request(method, path, json.dumps(body), {"Authorization": authorization})
            response = connection.getresponse()
            content = response.read()
            connection.close()
            if response.status < 400:
                return json.loads(content)
            assert b"injected error" in content, content
