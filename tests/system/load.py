"""Load: devices of several people that record, and what each of them was told."""

import csv
import io
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import uuid4

import requests

from domain.store.codec import from_stored
from domain.store.database import open_database
from domain.store.recorder import as_stored
from domain.transactions import ExpenseRecorded
from tests.servers import wait_until
from tests.system.people import Person

DEVICES: Final = 8
MOST_COMMANDS_A_DEVICE: Final = 500
AMOUNT: Final = 1000
SOME: Final = 12
PAUSE_SECONDS: Final = 0.01
DISMAY_SECONDS: Final = 0.05


class Spender(NamedTuple):
    """Somebody, and the category in which they spend."""

    person: Person
    category_id: str


@dataclass(frozen=True, eq=False)
class Asked:
    """A command: an expense, a batch or a file. Its key is in the descriptions of its expenses."""

    key: str
    spender: Spender
    items: int = 1
    is_file: bool = False

    def descriptions(self) -> list[str]:
        """How its expenses can be told in the history."""
        return [f"{self.key}/{item}" for item in range(self.items)]


Heard = tuple[int, str | None] | None
"""A status and a problem's code, or None where the line went dead."""


class Load:
    """Devices that record one command after the other, each under a key of its own.

    The last two devices record batches, if `batch_items` says how large they are.
    """

    def __init__(
        self, spenders: Sequence[Spender], batch_items: int = 1, devices: int = DEVICES
    ) -> None:
        self.heard: dict[Asked, Heard] = {}
        self._spenders = spenders
        self._batch_items = batch_items
        self._devices = devices
        self._enough = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Every device at work; at the end each finishes what it is at."""
        with ThreadPoolExecutor(self._devices) as pool:
            at_work: list[Future[None]] = [pool.submit(self._work, n) for n in range(self._devices)]
            try:
                yield
            finally:
                self._enough.set()
        for device in at_work:
            device.result()

    def wait_for(self, count: int, status: int = 201) -> None:
        """Wait until so many commands had this answer."""
        wait_until(lambda: self._count(status) >= count)

    def go_on(self) -> None:
        """Wait until some more commands were acknowledged."""
        self.wait_for(self._count(201) + SOME)

    def _count(self, status: int) -> int:
        return sum(1 for heard in self.heard.copy().values() if heard and heard[0] == status)

    def that_heard(self, status: int | None, code: str | None = None) -> list[Asked]:
        """The commands that heard this; None where nothing was heard."""
        wanted = None if status is None else (status, code)
        return [asked for asked, heard in self.heard.copy().items() if heard == wanted]

    def _work(self, device: int) -> None:
        spender = self._spenders[device % len(self._spenders)]
        items = self._batch_items if device >= self._devices - 2 else 1
        for _ in range(MOST_COMMANDS_A_DEVICE):
            if self._enough.is_set():
                return
            is_well = self.ask(Asked(str(uuid4()), spender, items))
            time.sleep(PAUSE_SECONDS if is_well else DISMAY_SECONDS)

    def ask(self, asked: Asked) -> bool:
        """Ask for something, and note what is heard; whether it is well."""
        try:
            answer = record(asked)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            self.heard[asked] = None
            return False
        self.heard[asked] = (answer.status_code, None if answer.ok else answer.json()["code"])
        return answer.ok


def record(asked: Asked) -> requests.Response:
    """Record a command under its key, perhaps once more."""
    if asked.is_file:
        return _bring(asked)
    person, category_id = asked.spender
    expenses = [
        {"category_id": category_id, "amount": AMOUNT, "description": description}
        for description in asked.descriptions()
    ]
    if asked.items == 1:
        return person.post("/v1/transactions", expenses[0], Idempotency_Key=asked.key)
    return person.post("/v1/transactions/batch", {"items": expenses}, Idempotency_Key=asked.key)


def _bring(asked: Asked) -> requests.Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("date", "amount", "category", "kind", "description"))
    for description in asked.descriptions():
        writer.writerow(("1405-09-01", AMOUNT, "خوراک", "expense", description))
    return requests.post(
        f"{asked.spender.person.base_url}/v1/imports",
        files={"file": ("rows.csv", text.getvalue().encode())},
        data={"options": '{"missing_categories": "create"}'},
        headers={"Authorization": f"Bearer {asked.spender.person.tokens['access_token']}"},
        timeout=60,
    )


class Recorded:
    """The expenses in the history of everybody, by their descriptions."""

    def __init__(self, database_url: str) -> None:
        database = open_database(database_url)
        try:
            with database.reading() as connection:
                rows = connection.stream(
                    "SELECT originator_id, originator_version, topic, state FROM events"
                )
                events = (from_stored(as_stored(row)).event for row in rows)
                self._descriptions = Counter(
                    event.description for event in events if isinstance(event, ExpenseRecorded)
                )
        finally:
            database.close()

    def times(self, *commands: Asked) -> set[int]:
        """How often their expenses were recorded: of one, a single number, unless it was torn."""
        return {
            self._descriptions[expense] for asked in commands for expense in asked.descriptions()
        }

    def total(self) -> int:
        """How many expenses there are."""
        return self._descriptions.total()
