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


def read_balance(connection: Connection, head: Head, as_of: dt.date | None) -> Balance:
    """The balance of everything, or of what is dated up to a day, that day included."""
    if as_of is None:
        totals = head.totals
        return Balance(totals.income, totals.expense, totals.savings, head.version)
    sums = sums_by_kind(connection, head.ledger_id, FIRST_DAY, as_of)
    return Balance(sums.income, sums.expense, sums.savings, head.version)
