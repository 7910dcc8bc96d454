"""Slow and endless clients, over real sockets: what they are given, and that nobody else waits."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
import requests

from tests.servers import LiveServer
from tests.system.people import Person, sign_in
from workers import group

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

SLOW_SENDERS: Final = 40
QUICK_SECONDS: Final = 5
IDLE_MILLISECONDS: Final = 1500


@pytest.fixture
def server(live_server: Callable[..., LiveServer], monkeypatch: pytest.MonkeyPatch) -> LiveServer:
    """A web server that loses patience sooner than usual."""
    monkeypatch.setattr(group, "IDLE_MILLISECONDS", IDLE_MILLISECONDS)
    return live_server()


@pytest.fixture
def person(server: LiveServer) -> Person:
    """Somebody signed in."""
    return sign_in(server)


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"],
)
def test_a_connection_that_says_nothing_more_is_closed(server: LiveServer, said: bytes) -> None:
    started = time.monotonic()
    with _connected(server) as connection:
        connection.sendall(said)
        while connection.recv(4096):
            pass
    assert IDLE_MILLISECONDS / 1000 <= time.monotonic() - started < QUICK_SECONDS


def test_headers_that_never_end_are_cut_off(server: LiveServer) -> None:
    started = time.monotonic()
    with _connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        connection.settimeout(0.1)
        while not _is_closed(connection):
            assert time.monotonic() - started < QUICK_SECONDS
            connection.sendall(b"A: b\r\n")


@pytest.mark.parametrize(
    "headers",
    [{"A": "b" * group.MOST_HEADER_BYTES * 4}, {f"A-{number}": "b" for number in range(120)}],
    ids=["long", "many"],
)
def test_headers_that_are_too_large_are_refused(
    server: LiveServer, headers: dict[str, str]
) -> None:
    url = f"{server.base_url}/healthz"
    assert requests.get(url, headers=headers, timeout=QUICK_SECONDS).status_code == 431


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_bodies_that_dribble_keep_nobody_waiting(person: Person, framing: bytes) -> None:
    food = person.add_category("expense", "خوراک")
    with _slow_senders(person, framing):
        for _ in range(5):
            started = time.monotonic()
            assert person.record(food, 1000).status_code == 201
            assert person.balance() < 0
            assert time.monotonic() - started < QUICK_SECONDS


def test_a_body_that_comes_slowly_is_taken(person: Person) -> None:
    body = b'{"name": "Bread", "kind": "expense"}'
    with _connected_as(person) as connection:
        connection.sendall(_head(person, b"Content-Length: %d" % len(body)))
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 201


def _head(person: Person, framing: bytes) -> bytes:
    token = str(person.tokens["access_token"]).encode()
    return (
        b"POST /v1/categories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + token + b"\r\n" + framing + b"\r\n\r\n"
    )


@contextmanager
def _slow_senders(person: Person, framing: bytes) -> Iterator[None]:
    """Many who began to send a body, and do not go on."""
    with ExitStack() as stack:
        for _ in range(SLOW_SENDERS):
            connection = stack.enter_context(_connected_as(person))
            connection.sendall(_head(person, framing) + b"1\r\n{")
        yield


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side closes it, within the connection's timeout."""
    try:
        return not connection.recv(4096)
    except TimeoutError:
        return False


def _connected(server: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), QUICK_SECONDS)


def _connected_as(person: Person) -> socket.socket:
    port = int(person.base_url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), QUICK_SECONDS)
