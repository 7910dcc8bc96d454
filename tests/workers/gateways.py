"""A local HTTP server that behaves like the SMS providers, well or badly."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

KEY: Final = "4b65792d-of/the provider"
SECRET: Final = "the secret of our webhook, which is long"
TEMPLATE: Final = "sign-in"
TEMPLATE_ID: Final = 100200

Behaviour = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Answers as the next behaviour wants; well, when there is none left."""

    server: "Gateway"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received(self.path, dict(self.headers), body))
        script = self.server.script
        behaviour = script.pop(0) if script else self.server.always
        behaviour(self)

    def do_GET(self) -> None:
        # A redirect that was followed would arrive as this.
        self.server.received.append(Received(self.path, dict(self.headers), b""))
        self.answer(200, b"{}")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


class Gateway(ThreadingHTTPServer):
    """The server; `script` holds one behaviour for each request to come."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[Received] = []
        self.script: list[Behaviour] = []
        self.always: Behaviour = well
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_args: object) -> None:
        """A client that hung up is no news."""

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


def well(handler: Handler) -> None:
    """As each provider answers when it took the message, and when the key is wrong."""
    request = handler.server.received[-1]
    if request.path == "/hook":
        return handler.answer(204, b"")
    if request.path == "/v1/send/verify":
        if request.headers.get("X-Api-Key") != KEY:
            return says(401, {"status": 10, "message": "کلید نامعتبر", "data": None})(handler)
        message = {"status": 1, "message": "موفق", "data": {"messageId": 89545112, "cost": 1.0}}
        return says(200, message)(handler)
    if request.path != "/v1/4b65792d-of%2Fthe%20provider/verify/lookup.json":
        return says(403, {"return": {"status": 403, "message": "نامعتبر"}, "entries": None})(
            handler
        )
    sent = {"messageid": 8792343, "status": 5, "statustext": "ارسال به مخابرات", "cost": 120}
    return says(200, {"return": {"status": 200, "message": "تایید شد"}, "entries": [sent]})(handler)


def says(status: int, body: object) -> Behaviour:
    """Answer with this JSON."""
    return lambda handler: handler.answer(status, json.dumps(body).encode())


def writes(status: int, body: bytes) -> Behaviour:
    """Answer with these bytes."""
    return lambda handler: handler.answer(status, body)


def redirects(status: int) -> Behaviour:
    """Send the client, and the code, elsewhere."""
    return lambda handler: handler.answer(status, b"", Location="/stolen")


def hangs_up(handler: Handler) -> None:
    """Close without a word."""
    handler.close_connection = True
    handler.connection.close()


def breaks_off(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"return":')
    handler.close_connection = True


def speaks_no_http(handler: Handler) -> None:
    """Something else listens there."""
    handler.wfile.write(b"220 mail.example ESMTP\r\n")
    handler.close_connection = True


def is_silent(handler: Handler) -> None:
    """Take the request and say nothing for longer than anybody waits."""
    time.sleep(1.5)


def drips(handler: Handler) -> None:
    """A byte now and then: no single wait is too long, all of them together are."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


def form(request: Received) -> dict[str, str]:
    """A form's fields."""
    return {name: value for name, [value] in parse_qs(request.body.decode()).items()}


def document(request: Received) -> dict[str, Any]:
    """A JSON body."""
    parsed: dict[str, Any] = json.loads(request.body)
    return parsed
