"""Something between us and PostgreSQL that loses connections at the worst moment."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select
from typing import Final, Literal

import sqlalchemy as sa

_PREPARED: Final = re.compile(rb"P....([^\0]*)\0COMMIT\0", re.DOTALL)
"""How COMMIT is prepared, under a name or, for this once, without one."""

Moment = Literal["before the server hears of it", "after the server did it"]


class Proxy:
    """Forwards everything, until it is told to lose connections that commit."""

    def __init__(self, database_url: str) -> None:
        self._server = sa.make_url(database_url)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._to_spare = self._to_lose = 0
        self._moment: Moment = "before the server hears of it"
        self._is_shut_after = False
        self._is_shut = False
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The database, by way of this."""
        url = self._server.set(host="127.0.0.1", port=self._door.getsockname()[1])
        url = url.set(query={"sslmode": "disable", "gssencmode": "disable"})
        return url.render_as_string(hide_password=False)

    def lose(
        self, moment: Moment, times: int = 1, *, spare: int = 0, and_shut: bool = False
    ) -> None:
        """Lose connections that commit, the first few not; perhaps take nobody in after that."""
        self._moment, self._to_lose = moment, times
        self._to_spare, self._is_shut_after = spare, and_shut

    def open(self) -> None:
        """Let people in again."""
        self._is_shut = self._is_shut_after = False

    def close(self) -> None:
        """Take nobody in any more."""
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._is_shut:
                return
            with self._connected() as server:
                self._forward(client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        commits: set[bytes] = set()
        while True:
            for end in select([client, server], [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                if end is server:
                    client.sendall(data)
                    continue
                prepared = {b"\0" + name + b"\0" for name in _PREPARED.findall(data) if name}
                is_commit = b"COMMIT\0" in data or any(commit in data for commit in commits)
                commits |= prepared
                if is_commit and not prepared and self._is_to_be_lost():
                    if self._moment == "after the server did it":
                        server.sendall(data)
                        assert server.recv(65536)
                    return
                server.sendall(data)

    def _is_to_be_lost(self) -> bool:
        with self._lock:
            if not self._to_lose:
                return False
            if self._to_spare:
                self._to_spare -= 1
                return False
            self._to_lose -= 1
            self.lost += 1
            self._is_shut = self._is_shut_after
            return True

    def _connected(self) -> socket.socket:
        folder = self._server.query.get("host")
        port = self._server.port or 5432
        if not isinstance(folder, str):
            return socket.create_connection((self._server.host or "127.0.0.1", port))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(f"{folder}/.s.PGSQL.{port}")
        except OSError:
            server.close()
            raise
        return server


@contextmanager
def proxied(database_url: str) -> Iterator[Proxy]:
    """A way to a database that can lose connections."""
    proxy = Proxy(database_url)
    try:
        yield proxy
    finally:
        proxy.close()
