"""A ledger with a webhook, a server that takes it, and whoever sends; for tests."""

import datetime as dt
import ipaddress
from uuid import UUID, uuid4

from domain.categories import AddCategory
from domain.store.database import Database
from domain.store.deliveries import Delivery, due_webhooks, list_deliveries
from domain.store.following import begin_following
from domain.store.ledgers import read_head
from domain.store.sealing import sealer
from domain.store.webhooks import (
    SEALED_FOR,
    Webhook,
    add_webhook,
    find_webhook,
    new_secret,
    sealed_secret,
)
from domain.transactions import RecordTransaction
from tests.books import NOON, Book, Clock
from tests.workers.receivers import Receiver
from workers.delivering import Delivering
from workers.following import Following
from workers.outbound import Outbound
from workers.webhooks import tell_webhooks

KEY = "a key for tests, of more than thirty-two characters"
HERE = (ipaddress.ip_network("127.0.0.0/8"),)


class Hooked:
    """One ledger and its webhook. Its `clock` is everybody's."""

    def __init__(self, database: Database, receiver: Receiver) -> None:
        self.database = database
        self.receiver = receiver
        self.book = Book(database)
        self.clock: Clock = self.book.clock
        self.category_id = uuid4()
        self.book.record(AddCategory(id=self.category_id, name="نان", kind="expense"))
        self.seal = sealer(KEY, SEALED_FOR)
        self.secret = new_secret()
        self.counted: list[str] = []
        self.webhook_id = self.hook(receiver.url("/hook?token=hidden"))
        self.delivering = Delivering(
            database,
            Outbound(HERE),
            self.seal,
            lambda outcome, _seconds: self.counted.append(outcome),
            self.clock,
        )
        self.following = Following(database, lambda _task: None, [tell_webhooks], self.clock)

    def hook(self, url: str, events: tuple[str, ...] = ("*",)) -> UUID:
        """Another webhook, that hears from here on."""
        head, sealed = self.book.head(), sealed_secret(self.seal, self.secret)
        made = Webhook(
            *(head.ledger_id, uuid4(), url, None, events, sealed, head.version, 1, NOON, NOON)
        )

        def add(connection):  # type: ignore[no-untyped-def]
            locked = read_head(connection, head.ledger_id, lock=True)
            add_webhook(connection, made)
            begin_following(connection, locked, NOON.date() - dt.timedelta(days=1))

        self.database.write(add)
        return made.id

    def spend(self, times: int = 1) -> None:
        """Record expenses, and let the follower hear of them."""
        for _ in range(times):
            self.book.record(RecordTransaction(category_id=self.category_id, amount_rials=5))
        self.follow()

    def follow(self) -> None:
        """Let the follower look at the ledger."""
        self.following.follow([self.book.ledger_id])

    def send(self) -> None:
        """Send to whoever is due."""
        now = self.clock()
        for ledger_id, webhook_id in self.database.read(lambda c: due_webhooks(c, now, 99)):
            self.delivering.serve(ledger_id, webhook_id)

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.clock.now += dt.timedelta(**time)

    def webhook(self) -> Webhook:
        """The webhook as it is."""
        found = self.database.read(lambda c: find_webhook(c, self.book.ledger_id, self.webhook_id))
        assert found is not None
        return found

    def deliveries(self, webhook: Webhook | None = None) -> list[Delivery]:
        """Its messages, oldest first."""
        of = webhook or self.webhook()
        found = self.database.read(lambda c: list_deliveries(c, of, None, 99, None))
        return found[::-1]
