"""Given these events, when this is asked, then that follows: how a rule is tested."""

import copy
import datetime as dt
from collections.abc import Sequence
from functools import reduce
from itertools import count
from typing import Final
from uuid import UUID

import pytest

from domain.base import Command, Event, RecordedEvent, Refusal
from domain.creation import Circumstances
from domain.decider import decide, evolve
from domain.ledger import LedgerState

LEDGER_ID: Final = UUID(int=0xD0)
TODAY: Final = dt.date(2026, 11, 23)  # 1405-09-02
NOON: Final = dt.datetime(2026, 11, 23, 8, 30, tzinfo=dt.UTC)


def given(*events: Event) -> "Given":
    """A ledger that has been told these things."""
    return Given(folded(events))


def new_id(number: int) -> UUID:
    """The id that a rule is handed when it asks for the first, second, … new one."""
    return UUID(int=0xFFFF0000 + number)


def recorded(events: Sequence[Event]) -> list[RecordedEvent]:
    """Events in their places, a minute apart."""
    return [
        RecordedEvent(
            LEDGER_ID,
            version,
            NOON + version * dt.timedelta(minutes=1),
            "a-test",
            UUID(int=version),
            "",
            event,
        )
        for version, event in enumerate(events, 1)
    ]


def folded(events: Sequence[Event]) -> LedgerState:
    """The state that events leave."""
    return reduce(evolve, recorded(events), LedgerState())


class Given:
    """A ledger with a past."""

    def __init__(self, ledger: LedgerState) -> None:
        self._ledger = ledger

    def when(self, command: Command, *, today: dt.date = TODAY) -> "Outcome":
        """Ask for something; the ledger is only read."""
        before = copy.deepcopy(vars(self._ledger))
        numbers = count(1)
        try:
            return Outcome(
                decide(command, self._ledger, Circumstances(today, lambda: new_id(next(numbers))))
            )
        except Refusal as refusal:
            return Outcome(refusal)
        finally:
            assert vars(self._ledger) == before


class Outcome:
    """What came of a command: events, or a refusal."""

    def __init__(self, came: list[Event] | Refusal) -> None:
        self.came = came

    def then(self, *events: Event) -> None:
        """Exactly these events, in this order."""
        assert self.came == list(events)

    def then_nothing(self) -> None:
        """Everything already was as asked."""
        assert self.came == []

    def then_refused(self, refusal: type[Refusal], field: str | None = None) -> None:
        """This refusal, and the request field it blames."""
        if not isinstance(self.came, Refusal):
            pytest.fail(f"expected {refusal.__name__}, but recorded {self.came}")
        assert (type(self.came), self.came.field) == (refusal, field)
