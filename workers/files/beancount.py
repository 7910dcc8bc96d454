"""Beancount: double-entry text that `bean-check` passes, its balances asserted at the end."""

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO, Final
from uuid import UUID

from domain.calendar import FIRST_DAY, format_jalali
from domain.ledger import Category, Transaction
from domain.money import Kind
from projections.picture import Picture
from projections.sums import ONE_DAY, CategorySum

WALLET: Final = "Assets:Wallet"
OPENING: Final = "Equity:Opening-Balances"
_ROOTS: Final[dict[Kind, str]] = {
    "income": "Income",
    "expense": "Expenses",
    "savings": "Assets:Savings",
}
_ESCAPES: Final = str.maketrans(
    {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)


def write_beancount(picture: Picture, entries: Iterable[Transaction], file: IO[bytes]) -> None:
    """Accounts, what was there before the range, every entry that counts, and the balances."""
    accounts = {one.id: account_of(one) for one in picture.categories.values()}
    for line in _lines(picture, accounts, entries):
        file.write(line.encode() + b"\n")


def account_of(category: Category) -> str:
    """The account of a category: `Expenses:C3-رفت-وآمد`.

    Part of an account's name begins with a capital letter or a digit and goes on with letters,
    digits and dashes (Beancount's grammar). The number is the version that added the category:
    two names that look alike without their spaces stay two accounts.
    """
    letters = "".join(
        one if unicodedata.category(one)[0] == "L" or unicodedata.category(one) == "Nd" else " "
        for one in category.name
    )
    return "-".join([f"{_ROOTS[category.kind]}:C{category.created_version}", *letters.split()])


def _lines(
    picture: Picture, accounts: dict[UUID, str], entries: Iterable[Transaction]
) -> Iterator[str]:
    head = picture.head
    yield f"; Ledger {head.ledger_id} at version {head.version}, by Dakhl-o-Kharj"
    yield 'option "title" "دخل و خرج"'
    yield 'option "operating_currency" "IRR"'
    yield f"{FIRST_DAY} commodity IRR"
    yield from _openings(picture, accounts)
    yield from _brought_forward(picture, accounts)
    last = picture.start
    for entry in entries:
        if not entry.is_voided:
            last = max(last, entry.date)
            yield from _entry(entry, accounts[entry.category_id])
    yield from _balances(picture, accounts, last + ONE_DAY)


def _openings(picture: Picture, accounts: dict[UUID, str]) -> Iterator[str]:
    for account in (WALLET, OPENING):
        yield f"{FIRST_DAY} open {account} IRR"
    for category in picture.categories.values():
        yield f"{FIRST_DAY} open {accounts[category.id]} IRR"
        yield f'  id: "{category.id}"'
        yield f"  name: {_quoted(category.name)}"


def _brought_forward(picture: Picture, accounts: dict[UUID, str]) -> Iterator[str]:
    """Income and expenses begin at nothing, what is in the wallet and put aside does not."""
    assets = {
        account: amount
        for account, amount in _added_up(picture.before, accounts).items()
        if account.startswith("Assets:") and amount
    }
    if not assets:
        return
    yield ""
    yield f'{picture.start - ONE_DAY} * "Opening balances"'
    for account, amount in assets.items():
        yield f"  {account}  {amount} IRR"
    yield f"  {OPENING}  {-sum(assets.values())} IRR"


def _entry(entry: Transaction, account: str) -> Iterator[str]:
    is_taken = entry.kind == "income" or entry.direction == "withdraw"
    amount = -entry.amount_rials if is_taken else entry.amount_rials
    yield ""
    yield f"{entry.date} * {_quoted(entry.description)}"
    yield f'  id: "{entry.id}"'
    yield f'  jalali: "{format_jalali(entry.date)}"'
    yield f"  version: {entry.version}"
    yield f"  {account}  {amount} IRR"
    yield f"  {WALLET}  {-amount} IRR"


def _balances(picture: Picture, accounts: dict[UUID, str], day: dt.date) -> Iterator[str]:
    """What our own totals say, for Beancount to find wrong if the entries say otherwise."""
    before = _added_up(picture.before, accounts)
    expected = _added_up(picture.within, accounts)
    for account in before:
        if account.startswith("Assets:"):
            expected[account] += before[account]
    yield ""
    for account in (WALLET, *accounts.values()):
        yield f"{day} balance {account}  {expected[account]} IRR"


def _added_up(sums: Iterable[CategorySum], accounts: dict[UUID, str]) -> Counter[str]:
    """What accounts hold by the totals of categories: every Rial that is in one left the wallet."""
    found: Counter[str] = Counter()
    for one in sums:
        amount = -one.amount_rials if one.kind == "income" else one.amount_rials
        found[accounts[one.category_id]] += amount
        found[WALLET] -= amount
    return found


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'
