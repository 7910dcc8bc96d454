"""Upgrades: events in shapes that are no longer written, read as those of today."""

import datetime as dt
from typing import Final
from uuid import UUID

import msgspec

from domain.budgets import BudgetRemoved, BudgetRevised, BudgetSet, BudgetTerms


class _Terms1(msgspec.Struct, frozen=True):
    """A budget's terms before any repeated."""

    category_id: UUID
    min_amount_rials: int | None
    max_amount_rials: int | None
    start: dt.date
    end: dt.date

    def upgraded(self) -> BudgetTerms:
        """The same, said as today: it does not repeat."""
        return BudgetTerms(
            self.category_id,
            self.min_amount_rials,
            self.max_amount_rials,
            self.start,
            self.end,
            repeat="none",
            rollover="none",
            until=None,
        )


class _Whole1(msgspec.Struct, frozen=True):
    """`budget-set.1` and `budget-removed.1`."""

    budget_id: UUID
    terms: _Terms1


class _Revised1(msgspec.Struct, frozen=True):
    """`budget-revised.1`."""

    budget_id: UUID
    before: _Terms1
    after: _Terms1


_read_whole_1: Final = msgspec.json.Decoder(_Whole1).decode
_read_revised_1: Final = msgspec.json.Decoder(_Revised1).decode


def budget_set_1(state: bytes) -> BudgetSet:
    """`budget-set.1`."""
    told = _read_whole_1(state)
    return BudgetSet(told.budget_id, told.terms.upgraded())


def budget_revised_1(state: bytes) -> BudgetRevised:
    """`budget-revised.1`."""
    told = _read_revised_1(state)
    return BudgetRevised(told.budget_id, told.before.upgraded(), told.after.upgraded())


def budget_removed_1(state: bytes) -> BudgetRemoved:
    """`budget-removed.1`."""
    told = _read_whole_1(state)
    return BudgetRemoved(told.budget_id, told.terms.upgraded())
