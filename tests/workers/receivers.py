"""A local server that takes webhooks, well or in every bad way, and certificates for it."""

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[["Taken", socket.socket], None]
"""Does something to whoever sent a request."""

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Taken:
    """A request as it arrived; the names of headers are in lower case."""

    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Listens on a loopback address; a path's behaviour, or else `always`."""

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    always: Behaviour = lambda _taken, connection: connection.sendall(OK)
    at: dict[str, Behaviour] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def url(self, path: str = "/", host: str | None = None) -> str:
        """An address of it."""
        shown = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}{path}"

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            taken = _read(connection)
            self.taken.append(taken)
            self.at.get(taken.target.partition("?")[0], self.always)(taken, connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()


def _read(connection: socket.socket) -> Taken:
    file = connection.makefile("rb")
    target = file.readline().decode().split(" ")[1]
    headers = {}
    while line := file.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Taken(target, headers, file.read(int(headers.get("content-length", "0"))))


def says(status: int, *headers: str, body: bytes = b"") -> Behaviour:
    """Answer with this status."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda _taken, connection: connection.sendall("\r\n".join(head).encode() + body)


def sends(text: bytes) -> Behaviour:
    """Answer with exactly this."""
    return lambda _taken, connection: connection.sendall(text)


def resets(_taken: Taken, connection: socket.socket) -> None:
    """Break off rudely (RST)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hangs(_taken: Taken, _connection: socket.socket) -> None:
    """Say nothing."""
    time.sleep(60)


def drips(begin: bytes, every: float = 0.5) -> Behaviour:
    """Begin well, and go on byte by byte."""

    def drip(_taken: Taken, connection: socket.socket) -> None:
        connection.sendall(begin)
        for _ in range(120):
            connection.sendall(b"a")
            time.sleep(every)

    return drip


class Authority:
    """Signs certificates for tests, good and bad ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        self._own = self._signed(self._name, self._key, [], days=1, is_authority=True)

    def client(self) -> ssl.SSLContext:
        """What trusts this authority, and nobody else."""
        text = self._own.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=text)

    def server(self, *names: str, days: int = 1) -> ssl.SSLContext:
        """What shows a certificate for these names; expired when the days are negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
        alternatives: list[x509.GeneralName] = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        found = self._signed(subject, key, alternatives, days=days)
        file = self._folder / f"{id(key)}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + found.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[x509.GeneralName],
        *,
        days: int,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=9))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
