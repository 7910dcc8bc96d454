"""A server that takes webhooks, and a ledger whose events are sent there."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from domain.store.database import Database
from tests.workers.hooked import Hooked
from tests.workers.receivers import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes everything, until it is told otherwise."""
    with closing(Receiver()) as listening:
        yield listening


@pytest.fixture
def hooked(database: Database, receiver: Receiver) -> Hooked:
    """A ledger of two events, and a webhook that hears of the next ones."""
    return Hooked(database, receiver)
