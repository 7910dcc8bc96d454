"""The edge over real HTTP: what only a socket can send, and several processes at once."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import requests

from tests.servers import LiveServer
from tests.web.people import bearer

pytestmark = pytest.mark.slow

Start = Callable[..., LiveServer]

STRANGE_REQUESTS: Final = (
    b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/me?\xff=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://other.example/v1/me HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/me HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET /v1/me HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET /v1/me HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET /v1/me HTTP/1.0\r\n\r\n",
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nAccept-Language: \xff;q=\xff\r\n\r\n",
    b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Request-Id: \xff\r\n\r\n",
    b"FOO /v1/me HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/auth/otp HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/auth/otp HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/auth/otp HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /v1/auth/otp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: application/json\r\n\r\nzz\r\n",
)


@pytest.fixture
def server(live_server: Start) -> LiveServer:
    """The service as people run it."""
    return live_server()


def sign_in(server: LiveServer, phone: str = "09121234567") -> dict[str, str]:
    """The tokens of somebody who signed in with the code from the outbox."""
    asked = requests.post(f"{server.base_url}/v1/auth/otp", json={"phone": phone}, timeout=10)
    line = Path(server.environ["OTP_OUTBOX"]).read_text().splitlines()[-1]
    body = {**json.loads(line), "request_id": asked.json()["request_id"]}
    answer = requests.post(f"{server.base_url}/v1/auth/token", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def status_of(server: LiveServer, raw: bytes) -> int:
    """The status of the answer to a request sent byte for byte; 0 when there was none."""
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(raw)
        line = connection.makefile("rb").readline()
    return int(line.split()[1]) if line else 0


def test_somebody_signs_in(server: LiveServer) -> None:
    tokens = sign_in(server)
    url = f"{server.base_url}/v1/me"
    answer = requests.get(url, headers=bearer(tokens["access_token"]), timeout=10)
    assert answer.json()["phone"] == "+989121234567"
    assert "9121234567" not in server.log.read_text()


def chunks(count: int) -> Iterator[bytes]:
    yield b'{"phone": "09121234567"'
    for _ in range(count):
        yield b" " * 65536
    yield b"}"


@pytest.mark.parametrize(("count", "status"), [(2, 202), (40, 413)])
def test_a_body_in_chunks_is_read_and_measured(server: LiveServer, count: int, status: int) -> None:
    answer = requests.post(
        f"{server.base_url}/v1/auth/otp",
        data=chunks(count),
        headers={"Content-Type": "application/json"},
        timeout=10,
    )
    assert answer.status_code == status


def test_no_bytes_fail_the_server(server: LiveServer) -> None:
    for raw in STRANGE_REQUESTS:
        assert status_of(server, raw) < 500, raw
        assert requests.get(f"{server.base_url}/healthz", timeout=10).ok
    assert "unexpected error" not in server.log.read_text()


def test_refreshing_from_many_sockets_gives_one_successor(server: LiveServer) -> None:
    tokens = sign_in(server)
    url, headers = f"{server.base_url}/v1/auth/refresh", bearer(tokens["refresh_token"])
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: requests.post(url, headers=headers, timeout=10), range(16))
        )
    assert [answer.status_code for answer in answers] == [200] * 16
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
