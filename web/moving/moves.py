"""Moving: each person's old rows, through the same commands as everybody's."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count, islice
from typing import Any, Final
from uuid import UUID, uuid5

from msgspec import UNSET

from domain.base import Command, Refusal
from domain.budgets import SetBudget
from domain.categories import AddCategory, ChangeCategory
from domain.ledger import Category
from domain.money import MAX_AMOUNT_RIALS, Direction, Kind
from domain.store import accounts
from domain.store.accounts import Account
from domain.store.database import Connection
from domain.store.ledgers import Bracket, LedgerStore
from domain.store.registration import find_or_register
from domain.transactions import RecordTransaction
from web.body import is_storable
from web.messages import message
from web.moving.old_file import BUDGETS, CATEGORIES, PEOPLE, TRANSACTIONS, OldFile, Record
from web.moving.values import Immovable, amount_of, colour_of, day_of, kinds_of, limit_of
from web.phones import parse_phone

BRACKET_ROWS: Final = 200
MOST_IN_NAME: Final = 100
MOST_IN_DESCRIPTION: Final = 1000
NAMELESS: Final = "بدون نام"
UNCHANGED: Final = "unchanged"
JOINED: Final = "joined"


class Report:
    """What became of every row, and what is to be known about some of them."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.notes: list[dict[str, Any]] = []

    def add(self, table: str, outcome: str, rows: int = 1) -> None:
        """Count rows of a table."""
        self.counts[table][outcome] += rows

    def note(self, table: str, row_id: object, reason: str) -> None:
        """Say something about one row. No phone and no name belongs in it."""
        self.notes.append({"table": table, "id": row_id, "reason": reason})

    @property
    def left_behind(self) -> int:
        """How many rows could not be moved."""
        return sum(outcomes["refused"] for outcomes in self.counts.values())


class Mover:
    """Moves one person after the other; run again, it adds nothing twice."""

    def __init__(self, old: OldFile, store: LedgerStore, told: Callable[[], None]) -> None:
        self.report = Report()
        self._old = old
        self._store = store
        self._told = told
        self._kinds = kinds_of(old.kinds())
        self._used: set[UUID] = set()

    def move_everybody(self) -> Report:
        """Move every person and all that is theirs; `told` is called after each."""
        for person in self._old.people():
            self._move(person)
            self._told()
        self._count_strays()
        return self.report

    def _move(self, person: Record) -> None:
        try:
            phone = parse_phone(str(person["phone"]))
        except ValueError:
            self.report.add(PEOPLE, "refused")
            self.report.note(PEOPLE, person["id"], "not a mobile number")
            self._leave_rows(person["id"])
            return
        account, is_new = self._store.database.write(
            lambda connection: self._registered(connection, phone, person)
        )
        self.report.add(PEOPLE, "moved" if is_new else "joined")
        self._move_rows(person["id"], account)

    def _registered(
        self, connection: Connection, phone: str, person: Record
    ) -> tuple[Account, bool]:
        account, is_new = find_or_register(connection, self._store, phone)
        if account.first_name is None and account.last_name is None:
            names = [
                _text(person[name], MOST_IN_NAME) or None for name in ("first_name", "last_name")
            ]
            accounts.rename(connection, account.id, names[0], names[1])
        return account, is_new

    def _leave_rows(self, person_id: object) -> None:
        for table, rows in (
            (CATEGORIES, self._old.categories(person_id)),
            (TRANSACTIONS, self._old.transactions(person_id)),
            (BUDGETS, self._old.budgets(person_id)),
        ):
            self.report.add(table, "refused", sum(1 for _ in rows))

    def _move_rows(self, person_id: object, account: Account) -> None:
        known: dict[object, UUID] = {}
        transact = partial(self._store.transact, account.ledger_id, str(account.id))
        for table, rows, move in (
            (CATEGORIES, self._old.categories(person_id), self._category),
            (TRANSACTIONS, self._old.transactions(person_id), self._transaction),
            (BUDGETS, self._old.budgets(person_id), self._budget),
        ):
            for batch in _batches(rows):
                outcomes = transact(partial(_each, table=table, rows=batch, known=known, move=move))
                for row, outcome, reason in outcomes:
                    self.report.add(table, outcome)
                    if reason:
                        self.report.note(table, row["id"], reason)
        retired = [r for r in self._old.categories(person_id) if r["is_active"] in (0, "0", False)]
        transact(partial(_retire, rows=retired, known=known))

    def _category(self, bracket: Bracket, row: Record, known: dict[object, UUID]) -> str | None:
        kind = self._kinds.get(row["kind"])
        if kind is None:
            raise Immovable(f"the kind {row['kind']!r} is not known")
        own_id = _id(bracket, CATEGORIES, row)
        if bracket.ledger.category(own_id) is None:
            name = _text(row["name"], MOST_IN_NAME - 5) or NAMELESS
            found = self._namesake(bracket, name, kind, known.get(row["id"]))
            if found is not None:
                known[row["id"]] = found.id
                self._used.add(found.id)
                return JOINED
            free = _free_name(bracket, name)
            bracket.record(_added(own_id, free, kind, row))
            known[row["id"]] = own_id
            self._used.add(own_id)
            return None if free == name == str(row["name"]) else "renamed"
        known[row["id"]] = own_id
        self._used.add(own_id)
        return UNCHANGED

    def _namesake(
        self, bracket: Bracket, name: str, kind: Kind, taken_for: UUID | None
    ) -> Category | None:
        """A category that was there before us, and may be taken for this one."""
        found = bracket.ledger.category_named(name)
        if found is None or found.kind != kind or not found.is_active:
            return None
        return found if found.id not in self._used or found.id == taken_for else None

    def _transaction(self, bracket: Bracket, row: Record, known: dict[object, UUID]) -> str | None:
        category = _category_of(bracket, row, known)
        amount = amount_of(row["amount"])
        if not amount or abs(amount) > MAX_AMOUNT_RIALS:
            raise Immovable("the amount is zero, missing or too large")
        direction: Direction | None = None
        if category.kind == "savings":
            direction = "withdraw" if amount < 0 else "deposit"
        elif amount < 0:
            raise Immovable("only savings can be negative")
        own_id = _id(bracket, TRANSACTIONS, row)
        # What was corrected or voided here since then stays as it is.
        if bracket.ledger.transaction(own_id) is not None:
            return UNCHANGED
        return _record(
            bracket,
            RecordTransaction(
                id=own_id,
                category_id=category.id,
                amount_rials=abs(amount),
                date=day_of(row["date"]),
                description=_text(row["description"], MOST_IN_DESCRIPTION),
                direction=direction or UNSET,
            ),
        )

    def _budget(self, bracket: Bracket, row: Record, known: dict[object, UUID]) -> str | None:
        category = _category_of(bracket, row, known)
        own_id = _id(bracket, BUDGETS, row)
        if bracket.ledger.budget(own_id) is not None:
            return UNCHANGED
        limits = [limit_of(row["min_amount"]), limit_of(row["max_amount"])]
        if any(limit is not None and not 0 < limit <= MAX_AMOUNT_RIALS for limit in limits):
            raise Immovable("an amount is negative or too large")
        return _record(
            bracket,
            SetBudget(
                id=own_id,
                category_id=category.id,
                min_amount_rials=limits[0],
                max_amount_rials=limits[1],
                start=day_of(row["start"]),
                end=day_of(row["end"]),
            ),
        )

    def _count_strays(self) -> None:
        """Rows that belong to nobody are named, so that every row is accounted for."""
        for table in (CATEGORIES, TRANSACTIONS, BUDGETS):
            strays = self._old.count(table) - self.report.counts[table].total()
            if strays:
                self.report.add(table, "refused", strays)
                self.report.note(table, None, f"{strays} rows belong to nobody")


Move = Callable[[Bracket, Record, dict[object, UUID]], str | None]
Outcome = tuple[Record, str, str | None]


def _each(
    bracket: Bracket, *, table: str, rows: list[Record], known: dict[object, UUID], move: Move
) -> list[Outcome]:
    """What became of each row: its outcome, and something to be known about it."""
    outcomes: list[Outcome] = []
    for row in rows:
        try:
            note = move(bracket, row, known)
        except Refusal as refusal:
            outcomes.append((row, "refused", message(refusal.code, "en", refusal.details)))
        except Immovable as error:
            outcomes.append((row, "refused", str(error)))
        else:
            is_there = note in (UNCHANGED, JOINED)
            outcomes.append((row, note, None) if note and is_there else (row, "moved", note))
    return outcomes


def _record(bracket: Bracket, command: Command) -> str | None:
    return None if bracket.record(command) else UNCHANGED


def _retire(bracket: Bracket, rows: list[Record], known: dict[object, UUID]) -> None:
    """Inactive categories take no entries, so they become inactive after theirs are moved."""
    for row in rows:
        category = bracket.ledger.category(_id(bracket, CATEGORIES, row))
        # One that was changed here since then is its owner's business.
        if category is not None and category.version == category.created_version:
            bracket.record(ChangeCategory(category_id=category.id, is_active=False))


def _added(own_id: UUID, name: str, kind: Kind, row: Record) -> AddCategory:
    try:
        default = amount_of(row["default_amount"])
    except Immovable:
        default = None
    is_amount = default is not None and 0 < default <= MAX_AMOUNT_RIALS
    return AddCategory(
        id=own_id,
        name=name,
        kind=kind,
        color=colour_of(row["color"]) or UNSET,
        default_amount_rials=default if is_amount else UNSET,
    )


def _category_of(bracket: Bracket, row: Record, known: dict[object, UUID]) -> Category:
    category_id = known.get(row["category"])
    category = None if category_id is None else bracket.ledger.category(category_id)
    if category is None:
        raise Immovable("its category was not moved")
    return category


def _free_name(bracket: Bracket, name: str) -> str:
    names = (name if number == 1 else f"{name} {number}" for number in count(1))
    return next(free for free in names if bracket.ledger.category_named(free) is None)


def _text(value: object, maximum: int) -> str:
    text = str(value or "").strip()
    return text[:maximum] if is_storable(text) else ""


def _id(bracket: Bracket, table: str, row: Record) -> UUID:
    return uuid5(bracket.ledger_id, f"{table}:{row['id']}")


def _batches(rows: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BRACKET_ROWS)):
        yield batch
