"""Reading the balance, now or as of a day."""

import datetime as dt

import msgspec

from domain.calendar import FIRST_DAY
from domain.store.database import Connection
from domain.store.ledgers import Head
from projections.sums import sums_by_kind


class Balance(msgspec.Struct, frozen=True):
    """Totals in Rials; `version` is the ledger's."""

    income: int
    expense: int
    savings: int
    version: int

    @property
    def balance(self) -> int:
        """Income minus expense minus savings."""
        return self.income - self.expense - self.savings


def balance_of(head: Head) -> Balance:
    """The balance of everything."""
    totals = head.totals
    return Balance(totals.income, totals.expense, totals.savings, head.version)


def balance_as_of(connection: Connection, head: Head, day: dt.date) -> Balance:
    """The balance of what is dated up to a day, that day included."""
    sums = sums_by_kind(connection, head.rows_id, FIRST_DAY, day)
    return Balance(sums.income, sums.expense, sums.savings, head.version)
