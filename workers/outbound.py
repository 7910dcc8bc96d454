"""Outbound: a POST to an address that a stranger chose, which must not lead into our own network.

The name is resolved once, every address is looked at, and the connection goes to one of those that
were looked at. Nothing is read from the environment: no proxy, no password, no cookie.
"""

import datetime as dt
import email.utils
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from typing import Any, Final

import msgspec
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ReadTimeoutError

from domain.web_addresses import (
    InvalidUrl,
    IpAddress,
    Network,
    Target,
    is_among,
    is_public,
    next_target,
    parse_target,
)

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
WHOLE_SECONDS: Final = 15.0
"""Of a try, with its redirects, by the clock: however slowly an answer drips."""

LONGEST_ANSWER_BYTES: Final = 64 * 1024
BODY_SECONDS: Final = 1.0
"""Of listening to what an answer says after its status, which counts already."""

MOST_REDIRECTS: Final = 3
MOST_ADDRESSES: Final = 3
SAME_METHOD: Final = (307, 308)
RESOLVERS: Final = 32
_PIECE_BYTES: Final = 8192

Resolve = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host; raises `OSError`."""


class Undelivered(Exception):
    """No answer that counts; `code` says why, and `http_status` what was answered, if anything."""

    def __init__(self, code: str, http_status: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.http_status = http_status


class Answer(msgspec.Struct, frozen=True):
    """What a receiver answered; its body is nobody's business. `retry_after` is in seconds."""

    status: int
    retry_after: float | None = None
    location: str | None = None


def resolve(host: str, port: int) -> list[str]:
    """What the system says; raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Outbound:
    """Posts to strangers. `allowed` networks may be reached although they are not public."""

    def __init__(
        self,
        allowed: Collection[Network] = (),
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        # A resolver cannot be told to hurry: who waits in vain leaves it behind.
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post, following redirects that keep the method; raises `Undelivered`."""
        deadline, status = time.monotonic() + WHOLE_SECONDS, None
        try:
            target = parse_target(url)
            for _ in range(MOST_REDIRECTS + 1):
                answer = self._post_once(target, body, headers, deadline)
                status = answer.status
                if not 300 <= answer.status < 400:
                    return answer
                if answer.status not in SAME_METHOD or answer.location is None:
                    raise Undelivered("redirect_refused", answer.status)
                target = _led(target, answer)
        except InvalidUrl:
            raise Undelivered("address_refused", status) from None
        raise Undelivered("too_many_redirects", status)

    def _post_once(
        self, target: Target, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> Answer:
        addresses = self._addresses(target, deadline)
        with closing(_Watch()) as watch, _ended(watch, deadline):
            connection = _connection(target, addresses, self._tls, watch)
            try:
                connection.request(
                    "POST",
                    target.path,
                    body,
                    {"Host": target.authority, **headers},
                    preload_content=False,
                    decode_content=False,
                )
                found = connection.getresponse()
                if watch.is_over:  # whose end looks like the end of the headers
                    raise TimeoutError  # noqa: TRY301
                with _ended(watch, min(deadline, time.monotonic() + BODY_SECONDS)):
                    return _read(found)
            except Exception as error:  # noqa: BLE001  # what is not known is raised again
                # Of what it says nothing is kept: it may name the address.
                raise Undelivered("timeout" if watch.is_over else _code(error)) from None
            finally:
                connection.close()

    def _addresses(self, target: Target, deadline: float) -> list[IpAddress]:
        """Where the host is, if all of it may be reached; raises `Undelivered`."""
        asked = self._resolvers.submit(self._resolve, target.host, target.port)
        try:
            wait = min(CONNECT_SECONDS, deadline - time.monotonic())
            found = [ipaddress.ip_address(one) for one in asked.result(max(0.0, wait))]
        except NotInTime:
            asked.cancel()
            raise Undelivered("dns_failed") from None
        except (OSError, ValueError):  # a scope in an address, a name too long for IDNA
            raise Undelivered("dns_failed") from None
        if not found or not all(self._is_open(target, address) for address in found):
            raise Undelivered("address_refused")
        return found[:MOST_ADDRESSES]

    def _is_open(self, target: Target, address: IpAddress) -> bool:
        if is_among(address, self._allowed):
            return True
        return target.scheme == "https" and is_public(address)


class _Watch:
    """Ends a conversation when its time is over, wherever it stands."""

    def __init__(self) -> None:
        self.is_over = False
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    def over(self, connected: socket.socket) -> None:
        """Watch over this connection; TLS may take the socket itself over."""
        with self._lock:
            self._let_go()
            self._handle = connected.dup()
            self._end()

    def end(self) -> None:
        """The time is over."""
        with self._lock:
            self.is_over = True
            self._end()

    def close(self) -> None:
        """Nobody talks any more."""
        with self._lock:
            self._let_go()

    def _end(self) -> None:
        if self.is_over and self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


@contextmanager
def _ended(watch: _Watch, deadline: float) -> Iterator[None]:
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), watch.end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Pinned:
    """Connects to addresses that were looked at, whatever the name leads to by now."""

    addresses: Sequence[IpAddress]
    watch: _Watch

    def _new_conn(self: Any) -> socket.socket:
        until = time.monotonic() + CONNECT_SECONDS
        failure: OSError = TimeoutError()
        for address in self.addresses:
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                connected = socket.create_connection((str(address), self.port), left)
            except OSError as error:
                failure = error
                continue
            self.watch.over(connected)
            connected.settimeout(READ_SECONDS)
            return connected
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "no address answered") from failure
        raise _NotConnected from failure


class _NotConnected(OSError):
    """Nobody takes connections there."""


class _Plain(_Pinned, HTTPConnection):
    pass


class _Tls(_Pinned, HTTPSConnection):
    pass


def _connection(
    target: Target, addresses: Sequence[IpAddress], tls: ssl.SSLContext, watch: _Watch
) -> HTTPConnection:
    # The name is what the certificate has to be for; an address is checked as one.
    made: _Plain | _Tls
    if target.scheme == "https":
        made = _Tls(target.host, target.port, timeout=READ_SECONDS, ssl_context=tls)
    else:
        made = _Plain(target.host, target.port, timeout=READ_SECONDS)
    made.addresses, made.watch = addresses, watch
    return made


def _read(answer: BaseHTTPResponse) -> Answer:
    """What was answered. The status counts, whatever becomes of the body, which is not unpacked."""
    headers = answer.headers
    with answer, suppress(OSError, HTTPError, HTTPException):
        taken = 0
        for piece in answer.stream(_PIECE_BYTES, decode_content=False):
            taken += len(piece)
            if taken >= LONGEST_ANSWER_BYTES:
                break
    return Answer(answer.status, _seconds(headers.get("Retry-After")), headers.get("Location"))


def _seconds(retry_after: str | None) -> float | None:
    """As RFC 9110 writes it (10.2.3): seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        at = email.utils.parsedate_to_datetime(retry_after)
        at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        return max(0.0, (at - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def _led(target: Target, answer: Answer) -> Target:
    assert answer.location is not None
    there = next_target(target, answer.location)
    if target.scheme == "https" and there.scheme != "https":
        raise Undelivered("redirect_refused", answer.status)
    return there


def _code(error: Exception) -> str:
    if isinstance(error, _NotConnected):
        return "connect_failed"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return "tls_failed"
    if isinstance(error, ConnectionError | ssl.SSLEOFError):
        return "connection_lost"
    if isinstance(error, HTTPError | HTTPException | ValueError):
        return "bad_answer"
    if isinstance(error, OSError):
        return "connection_lost"
    raise error
