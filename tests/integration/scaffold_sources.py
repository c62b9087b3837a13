"""What suites are made from in tests, and servers for it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

ORDERS = """
syntax = "proto3";
package orders.v1;

import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/empty.proto";
import "orders/v1/money.proto";

// Keeps orders.
service OrderService {
  rpc CreateOrder(CreateOrderRequest) returns (Order) {
    option (google.api.http) = { post: "/v1/orders" body: "*" additional_bindings { put: "/v1/new-order" body: "*" } };
  }
  rpc GetOrder(GetOrderRequest) returns (Order) { option (google.api.http) = { get: "/v1/orders/{order_id}" }; }
  rpc ListOrders(ListOrdersRequest) returns (ListOrdersResponse) { option (google.api.http).get = "/v1/orders"; }
  rpc UpdateOrder(UpdateOrderRequest) returns (Order) {
    option (google.api.http) = { patch: "/v1/orders/{order.order_id}" body: "order" };
  }
  rpc DeleteOrder(GetOrderRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = { delete: "/v1/orders/{order_id}" };
  }
  rpc GetShelf(GetShelfRequest) returns (Order) { option (google.api.http) = { get: "/v1/{name=shelves/*/books/*}" }; }
  rpc Watch(GetOrderRequest) returns (stream Order);
}

message CreateOrderRequest {
  string sku = 1;
  int32 quantity = 2;
  string email = 3;
  State state = 4;
  google.protobuf.Timestamp due = 5;
  map<string, int64> stock = 6;
  repeated Money prices = 7;
  oneof way { string pickup = 8; string address = 9; }
  bytes note = 10;
  CreateOrderRequest nested = 11;
}
message GetOrderRequest { string order_id = 1; }
message ListOrdersRequest { int32 page_size = 1; State state = 2; }
message ListOrdersResponse { repeated Order orders = 1; }
message UpdateOrderRequest { Order order = 1; bool notify = 2; }
message GetShelfRequest { string name = 1; }
message Order { string order_id = 1; string sku = 2; int64 total = 3; State state = 4; }
enum State { STATE_UNSPECIFIED = 0; STATE_NEW = 1; STATE_SHIPPED = 2; }
"""

MONEY = """
syntax = "proto3";
package orders.v1;
message Money { string currency = 1; int64 units = 2; }
"""

PLATFORM = """
openapi: 3.1.0
info: {title: The platform, version: "1"}
servers:
  - url: "{scheme}://localhost:8000/"
    variables: {scheme: {default: http}}
tags: [{name: workspaces}]
paths:
  /health:
    get:
      summary: Whether it is well
      responses:
        200: {description: yes, content: {application/json: {schema: {$ref: "#/components/schemas/Health"}}}}
  /api/workspaces:
    get:
      tags: [workspaces]
      operationId: listWorkspaces
      responses:
        "200":
          description: all
          content:
            application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Workspace"}}}
    post:
      tags: [workspaces]
      operationId: createWorkspace
      requestBody: {$ref: "#/components/requestBodies/NewWorkspace"}
      responses:
        "201": {description: new, content: {application/json: {schema: {$ref: "#/components/schemas/Workspace"}}}}
        "400": {description: no}
  /api/workspaces/{id}/workflows:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get:
      tags: [workflows]
      operationId: list
      responses:
        2XX: {description: all, content: {application/json: {schema: {type: array}}}}
    post:
      tags: [workflows]
      operationId: createWorkflow
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name, steps]
              properties:
                name: {type: string, minLength: 3}
                steps:
                  type: array
                  minItems: 1
                  items:
                    type: object
                    properties: {name: {type: string}, type: {type: string, enum: [validation, testing]}}
      responses:
        "201":
          description: new
          content:
            application/json:
              schema: {type: object, required: [id], properties: {id: {type: string}, name: {type: string}}}
  /api/workspaces/{id}/workflows/{workflow-id}/executions:
    get:
      tags: [execution]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: workflow-id, in: path, required: true, schema: {type: string}}
      responses: {"200": {description: all, content: {application/json: {schema: {type: array}}}}}
  /api/workspaces/{id}/knowledge/search:
    get:
      tags: [knowledge]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: query, in: query, required: true, schema: {type: string}, example: testing}
        - {name: limit, in: query, schema: {type: integer, maximum: 5}}
      responses: {"200": {description: found, content: {application/json: {}}}}
  /api/old: {get: {deprecated: true, responses: {"200": {description: old}}}}
components:
  requestBodies:
    NewWorkspace:
      content:
        application/json:
          schema:
            allOf:
              - {type: object, required: [name], properties: {name: {type: string, maxLength: 40}}}
              - {properties: {description: {type: [string, "null"]}}}
  schemas:
    Health: {type: object, required: [status], properties: {status: {type: string}}}
    Workspace:
      type: object
      required: [id, name]
      properties: {id: {type: string, readOnly: true}, name: {type: string}}
"""

LORAX = """
session: POST /init-session
events:
  - {emit: ping, data: {}, reply: pong, title: How long a ping takes, weight: 3, timeout: 5s}
  - emit: load_file
    data: {lorax_sid: "none", project: "1000Genomes", file: "1kg_chr20.trees.tsz"}
    ack: {ok: false}
"""


def record(url: str) -> dict[str, Any]:
    """A recording of somebody who makes a workspace in the platform's target, as a browser would save it."""
    recorder = Recorder(url)
    recorder.page = "page_1"
    recorder.send("GET", "/health")
    recorder.send("GET", "/static/app.js", kind="script")
    recorder.elsewhere("https://tracker.example.net/collect?id=tracker-secret-1")
    made = recorder.send("POST", "/api/workspaces", {"name": "Recorded", "password": "hunter2-secret"})
    recorder.page = "page_2"
    place = f"/api/workspaces/{made['id']}/workflows"
    flow = recorder.send("POST", place, {"name": "nightly", "steps": [{"name": "check", "type": "validation"}]})
    recorder.send("GET", place)
    recorder.send("GET", f"{place}/{flow['id']}/executions")
    recorder.send("GET", f"/api/workspaces/{made['id']}/knowledge/search?query=testing&access_token=query-secret-1")
    return {"log": {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": recorder.entries}}


class Recorder:
    """Sends requests, and records them as HAR has it."""

    secrets = ("tracker-secret-1", "hunter2-secret", "query-secret-1", "cookie-secret-1", "header-secret-1")

    def __init__(self, url: str) -> None:
        self._url = url
        self.page = ""
        self.entries: list[dict[str, Any]] = []

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "xhr") -> Any:
        """Send one; returns the answer's JSON."""
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=30)
        content = None if body is None else json.dumps(body)
        began, started = datetime.now(UTC), time.monotonic()
        connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        headers = [("Content-Type", "application/json"), ("X-Api-Key", "header-secret-1"), ("X-App-Version", "7")]
        headers += [("Cookie", "theme=dark; session_token=cookie-secret-1"), ("User-Agent", "Somebody/1.0")]
        entry = {
            "pageref": self.page,
            "startedDateTime": began.isoformat(),
            "time": (time.monotonic() - started) * 1000,
            "_resourceType": kind,
            "request": {
                "method": method,
                "url": f"{self._url}{path}",
                "headers": [{"name": name, "value": value} for name, value in headers],
                "cookies": [],
                **({"postData": {"mimeType": "application/json", "text": content}} if content else {}),
            },
            "response": {
                "status": response.status,
                "headers": [{"name": "Set-Cookie", "value": "seen=yes; Path=/"}],
                "content": {"mimeType": response.headers.get("Content-Type", ""), "text": text},
            },
        }
        self.entries.append(entry)
        return json.loads(text) if text.startswith(("{", "[")) else None

    def elsewhere(self, url: str) -> None:
        """A request to somebody else, which is not sent."""
        self.entries.append(
            {
                "pageref": self.page,
                "startedDateTime": datetime.now(UTC).isoformat(),
                "time": 1,
                "request": {"method": "GET", "url": url, "headers": []},
                "response": {"status": 200, "headers": [], "content": {}},
            }
        )
