"""Telling a household's story to a ledger, through the same commands as everybody's."""

from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from msgspec import UNSET

from domain.base import Refusal
from domain.budgets import SetBudget
from domain.calendar import add_months, first_day, jalali_month, last_day, today_in_tehran
from domain.categories import AddCategory
from domain.store.accounts import Account
from domain.store.ledgers import Bracket, LedgerStore
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from web.demo.household import (
    CATEGORIES,
    Entry,
    budgets_of_month,
    month_of_entries,
    repeating_budget,
)

MONTHS: Final = 24


class Told(NamedTuple):
    """How much of the story is new to the ledger."""

    entries: int
    budgets: int


def months_up_to_today(store: LedgerStore) -> list[int]:
    """Two years of Jalali months, and the one that has begun."""
    current = jalali_month(today_in_tehran(store.clock()))
    return [add_months(current, back) for back in range(-MONTHS, 1)]


def tell(store: LedgerStore, account: Account, months: list[int]) -> Iterator[Told]:
    """Record month after month, each in a transaction of its own; told twice, it adds nothing."""
    for month in months:
        is_first = month == months[0]
        work = partial(_tell, month=month, is_first=is_first)
        yield store.transact(account.ledger_id, str(account.id), work)


def _tell(bracket: Bracket, month: int, *, is_first: bool) -> Told:
    categories = {name: _category(bracket, name) for name in CATEGORIES}
    entries = sum(
        _record(bracket, f"{month}:{number}", entry, category_id)
        for number, entry in enumerate(month_of_entries(month))
        if entry.date <= bracket.today and (category_id := categories[entry.category]) is not None
    )
    budgets = sum(
        _budget(bracket, month, name, most, category_id)
        for name, most in budgets_of_month(month).items()
        if (category_id := categories[name]) is not None
    )
    if is_first:
        budgets += _repeating_budget(bracket, month, categories)
    return Told(entries, budgets)


def _category(bracket: Bracket, name: str) -> UUID | None:
    """The category of the story; None where the account's owner has done away with it."""
    own_id = _id(bracket, "category", name)
    found = bracket.ledger.category(own_id) or bracket.ledger.category_named(name)
    if found is not None:
        return found.id if found.is_active and found.kind == CATEGORIES[name] else None
    added = _added(bracket, AddCategory(id=own_id, name=name, kind=CATEGORIES[name]))
    return own_id if added else None


def _record(bracket: Bracket, key: str, entry: Entry, category_id: UUID) -> bool:
    transaction_id = _id(bracket, "entry", key)
    # What its owner corrected or voided since then stays as it is.
    if bracket.ledger.transaction(transaction_id) is not None:
        return False
    command = RecordTransaction(
        id=transaction_id,
        category_id=category_id,
        amount_rials=entry.typed_rials or entry.amount_rials,
        date=entry.date,
        description=entry.description,
        direction=entry.direction or UNSET,
    )
    if not _added(bracket, command):
        return False
    if entry.typed_rials is not None:
        amount = entry.amount_rials
        bracket.record(CorrectTransaction(transaction_id=transaction_id, amount_rials=amount))
    if entry.is_twice:
        bracket.record(VoidTransaction(transaction_id=transaction_id))
    return True


def _budget(bracket: Bracket, month: int, name: str, most_rials: int, category_id: UUID) -> bool:
    command = SetBudget(
        id=_id(bracket, "budget", f"{month}:{name}"),
        category_id=category_id,
        max_amount_rials=most_rials,
        start=first_day(month),
        end=last_day(month),
    )
    return _added(bracket, command)


def _repeating_budget(bracket: Bracket, month: int, categories: dict[str, UUID | None]) -> bool:
    name, most_rials = repeating_budget(month)
    own_id, category_id = _id(bracket, "budget", name), categories[name]
    # Told some months later, the story begins later: the budget stays as it was set.
    if category_id is None or bracket.ledger.budget(own_id) is not None:
        return False
    command = SetBudget(
        id=own_id,
        category_id=category_id,
        max_amount_rials=most_rials,
        start=first_day(month),
        end=last_day(month),
        repeat="month",
        rollover="both",
    )
    return _added(bracket, command)


def _added(bracket: Bracket, command: AddCategory | RecordTransaction | SetBudget) -> bool:
    """Whether it was recorded now; a story gives way to what the account's owner did."""
    try:
        return bool(bracket.record(command))
    except Refusal:
        return False


def _id(bracket: Bracket, kind: str, key: str) -> UUID:
    return uuid5(bracket.ledger_id, f"demo-{kind}:{key}")
