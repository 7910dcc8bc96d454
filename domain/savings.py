"""Savings: putting the surplus aside, and never taking out more than was put in."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Final
from uuid import UUID

from domain.base import Command, Event
from domain.categories import COLORS, CategoryAdded, CategoryDetails
from domain.creation import Circumstances
from domain.ledger import Ledger
from domain.money import Posting
from domain.refusals import SavingsTooLow
from domain.transactions import SavingDeposited

SAVINGS_NAME: Final = "پس‌انداز"


class SaveSurplus(Command, frozen=True, kw_only=True):
    """Put aside what is left over, keeping `keep_rials` at hand."""

    keep_rials: int = 0


class SurplusSaved(SavingDeposited, frozen=True):
    """The surplus was put aside: itself the deposit. `kept_rials` was asked to stay."""

    kept_rials: int


def surplus_rials(ledger: Ledger, today: dt.date, keep_rials: int) -> int:
    """What can be put aside; zero or less when there is nothing.

    Neither money that is dated after today, nor money that is already promised away at a
    later date, counts as left over.
    """
    return min(ledger.balance_up_to(today), ledger.totals.balance) - keep_rials


def save_surplus(command: SaveSurplus, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Put the surplus in the oldest active savings category, or in a new one."""
    amount_rials = surplus_rials(ledger, given.today, command.keep_rials)
    if amount_rials <= 0:
        return []
    category = ledger.oldest_active_savings()
    added = [] if category is not None else [_new_category(ledger, given)]
    category_id = category.id if category is not None else added[0].category_id
    saved = SurplusSaved(
        given.new_id(), category_id, amount_rials, given.today, "", command.keep_rials
    )
    return [*added, saved]


def _new_category(ledger: Ledger, given: Circumstances) -> CategoryAdded:
    names = (SAVINGS_NAME if n == 1 else f"{SAVINGS_NAME} {n}" for n in count(1))
    name = next(name for name in names if ledger.category_named(name) is None)
    details = CategoryDetails(name, COLORS["savings"], None, is_active=True)
    return CategoryAdded(given.new_id(), "savings", details)


def refuse_overdrawn_savings(ledger: Ledger, events: Sequence[Event]) -> None:
    """Raise `SavingsTooLow` where the events would leave a category below zero."""
    for category_id, change_rials in _changes(p for e in events for p in e.postings()).items():
        if change_rials < 0 and ledger.saved_in(category_id) + change_rials < 0:
            raise SavingsTooLow(saved=ledger.saved_in(category_id))


def _changes(postings: Iterable[Posting]) -> Counter[UUID]:
    changes: Counter[UUID] = Counter()
    for posting in postings:
        if posting.kind == "savings":
            changes[posting.category_id] += posting.net_rials
    return changes
