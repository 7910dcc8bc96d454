"""People who keep their connection and ask one thing after the other, many at the same time."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from typing import Final, NamedTuple
from uuid import uuid4

from tests.servers import LiveServer
from tests.system.people import Person

TIMEOUT_SECONDS: Final = 30


class Heard(NamedTuple):
    """An answer: its status, and how long it took."""

    status: int
    seconds: float


class Talkers:
    """Each records an expense, then asks for the balance, again and again."""

    def __init__(self, server: LiveServer, person: Person, category_id: str, count: int) -> None:
        self.answers: list[Heard] = []
        self.recorded: list[str] = []
        self.broken: list[Exception] = []
        self.problems: Counter[str] = Counter()
        self._port = server.port
        self._headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
        self._category_id = category_id
        self._count = count
        self._enough = threading.Event()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """All of them at it; at the end each hears its last answer."""
        with ThreadPoolExecutor(self._count) as pool:
            at_it: list[Future[None]] = [pool.submit(self._talk) for _ in range(self._count)]
            try:
                yield
            finally:
                self._enough.set()
        for one in at_it:
            one.result()

    def statuses(self) -> Counter[int]:
        """How many answers had which status."""
        return Counter(heard.status for heard in self.answers.copy())

    def slowest_seconds(self, percent: float) -> float:
        """So many percent of the answers came sooner."""
        taken = sorted(heard.seconds for heard in self.answers)
        return taken[int(len(taken) * percent / 100)]

    def _talk(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        for method in cycle(("POST", "GET")):
            if self._enough.is_set():
                break
            try:
                self._ask(connection, method)
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(error)
                connection.close()
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, method: str) -> None:
        key, started = str(uuid4()), time.monotonic()
        if method == "GET":
            connection.request("GET", "/v1/balance", headers=self._headers)
        else:
            body = {"category_id": self._category_id, "amount": 1000, "description": key}
            headers = {**self._headers, "Content-Type": "application/json"}
            connection.request("POST", "/v1/transactions", json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        self.answers.append(Heard(answer.status, time.monotonic() - started))
        if answer.status == 201:
            self.recorded.append(key)
        elif answer.status != 200:
            self.problems[json.loads(said)["code"]] += 1
