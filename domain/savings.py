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
from domain.ledger import Category, Ledger
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


def surplus_rials(ledger: Ledger, day: dt.date, keep_rials: int) -> int:
    """What can be put aside on a day; zero or less when there is nothing.

    Neither money that is dated after that day, nor money that is already promised away at a
    later date, counts as left over.
    """
    return min(ledger.balance_up_to(day), ledger.totals.balance) - keep_rials


def save_surplus(command: SaveSurplus, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Put the surplus of everything dated up to today aside."""
    return put_surplus_aside(ledger, given, given.today, command.keep_rials)


def put_surplus_aside(
    ledger: Ledger, given: Circumstances, day: dt.date, keep_rials: int
) -> list[Event]:
    """Put the surplus of a day aside, dated that day; nothing when there is none.

    Into the saving policy's category while that is active, else into the oldest active savings
    one, or into a new one. The deposit is the last event.
    """
    amount_rials = surplus_rials(ledger, day, keep_rials)
    if amount_rials <= 0:
        return []
    category = _category_of_policy(ledger) or ledger.oldest_active_savings()
    added = [] if category is not None else [_new_category(ledger, given)]
    category_id = category.id if category is not None else added[0].category_id
    return [*added, SurplusSaved(given.new_id(), category_id, amount_rials, day, "", keep_rials)]


def _category_of_policy(ledger: Ledger) -> Category | None:
    category_id = ledger.saving_policy.category_id
    category = None if category_id is None else ledger.category(category_id)
    return category if category is not None and category.is_active else None


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
