"""The balance, of everything or as of a day."""

import datetime as dt

import msgspec

from domain.calendar import FIRST_DAY
from projections.readings import Reading, Standing


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


def balance_of(standing: Standing) -> Balance:
    """The balance of everything."""
    totals = standing.totals
    return Balance(totals.income, totals.expense, totals.savings, standing.version)


def balance_as_of(reading: Reading, standing: Standing, day: dt.date) -> Balance:
    """The balance of what is dated up to a day, that day included."""
    sums = reading.by_kind(FIRST_DAY, day)
    return Balance(sums.income, sums.expense, sums.savings, standing.version)
