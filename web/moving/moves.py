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
from domain.text import is_blank
from domain.transactions import RecordTransaction
from web.messages import message
from web.moving.old_file import BUDGETS, CATEGORIES, PEOPLE, TRANSACTIONS, OldFile, Record
from web.moving.texts import text_of
from web.moving.values import Immovable, amount_of, colour_of, day_of, kinds_of, limit_of
from web.phones import parse_phone

BRACKET_ROWS: Final = 200
MOST_IN_NAME: Final = 100
MOST_IN_DESCRIPTION: Final = 1000
NAMELESS: Final = "بدون نام"
MOVED: Final = "moved"
UNCHANGED: Final = "unchanged"
JOINED: Final = "joined"

Moved = tuple[str, list[str]]
"""What became of a row, and what is to be known about it."""
Move = Callable[[Bracket, Record, dict[object, UUID]], Moved]
Outcome = tuple[Record, str, list[str]]


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
        account, is_new, lost = self._store.database.write(
            lambda connection: self._registered(connection, phone, person)
        )
        self.report.add(PEOPLE, MOVED if is_new else JOINED)
        for remark in lost:
            self.report.note(PEOPLE, person["id"], remark)
        self._move_rows(person["id"], account)

    def _registered(
        self, connection: Connection, phone: str, person: Record
    ) -> tuple[Account, bool, list[str]]:
        account, is_new = find_or_register(connection, self._store, phone)
        if account.first_name is not None or account.last_name is not None:
            return account, is_new, []
        first, lost_of_first = self._text(PEOPLE, person, "first_name", MOST_IN_NAME)
        last, lost_of_last = self._text(PEOPLE, person, "last_name", MOST_IN_NAME)
        accounts.rename(connection, account.id, first or None, last or None)
        return account, is_new, lost_of_first + lost_of_last

    def _text(self, table: str, row: Record, name: str, maximum: int) -> tuple[str, list[str]]:
        """Text of a row, and what is to be said about it: the file's own column comes first."""
        text, lost = text_of(row[name], maximum)
        return text, [f"{self._old.column(table, name)}: {loss}" for loss in lost]

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
                for row, outcome, remarks in outcomes:
                    self.report.add(table, outcome)
                    for remark in remarks:
                        self.report.note(table, row["id"], remark)
        retired = [r for r in self._old.categories(person_id) if r["is_active"] in (0, "0", False)]
        transact(partial(_retire, rows=retired, known=known))

    def _category(self, bracket: Bracket, row: Record, known: dict[object, UUID]) -> Moved:
        kind = self._kinds.get(row["kind"])
        if kind is None:
            raise Immovable(f"the kind {row['kind']!r} is not known")
        own_id = _id(bracket, CATEGORIES, row)
        if bracket.ledger.category(own_id) is None:
            own_name, lost = self._text(CATEGORIES, row, "name", MOST_IN_NAME - 5)
            name = NAMELESS if is_blank(own_name) else own_name
            found = self._namesake(bracket, name, kind, known.get(row["id"]))
            if found is not None:
                known[row["id"]] = found.id
                self._used.add(found.id)
                return JOINED, []
            free = _free_name(bracket, name)
            bracket.record(_added(own_id, free, kind, row))
            known[row["id"]] = own_id
            self._used.add(own_id)
            return MOVED, lost if free == own_name else [*lost, "renamed"]
        known[row["id"]] = own_id
        self._used.add(own_id)
        return UNCHANGED, []

    def _namesake(
        self, bracket: Bracket, name: str, kind: Kind, taken_for: UUID | None
    ) -> Category | None:
        """A category that was there before us, and may be taken for this one."""
        found = bracket.ledger.category_named(name)
        if found is None or found.kind != kind or not found.is_active:
            return None
        return found if found.id not in self._used or found.id == taken_for else None

    def _transaction(self, bracket: Bracket, row: Record, known: dict[object, UUID]) -> Moved:
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
            return UNCHANGED, []
        description, lost = self._text(TRANSACTIONS, row, "description", MOST_IN_DESCRIPTION)
        return _record(
            bracket,
            RecordTransaction(
                id=own_id,
                category_id=category.id,
                amount_rials=abs(amount),
                date=day_of(row["date"]),
                description=description,
                direction=direction or UNSET,
            ),
            lost,
        )

    def _budget(self, bracket: Bracket, row: Record, known: dict[object, UUID]) -> Moved:
        category = _category_of(bracket, row, known)
        own_id = _id(bracket, BUDGETS, row)
        if bracket.ledger.budget(own_id) is not None:
            return UNCHANGED, []
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
            [],
        )

    def _count_strays(self) -> None:
        """Rows that belong to nobody are named, so that every row is accounted for."""
        for table in (CATEGORIES, TRANSACTIONS, BUDGETS):
            strays = self._old.count(table) - self.report.counts[table].total()
            if strays:
                self.report.add(table, "refused", strays)
                self.report.note(table, None, f"{strays} rows belong to nobody")


def _each(
    bracket: Bracket, *, table: str, rows: list[Record], known: dict[object, UUID], move: Move
) -> list[Outcome]:
    """What became of each row: its outcome, and what is to be known about it."""
    outcomes: list[Outcome] = []
    for row in rows:
        try:
            outcomes.append((row, *move(bracket, row, known)))
        except Refusal as refusal:
            outcomes.append((row, "refused", [message(refusal.code, "en", refusal.details)]))
        except Immovable as error:
            outcomes.append((row, "refused", [str(error)]))
    return outcomes


def _record(bracket: Bracket, command: Command, remarks: list[str]) -> Moved:
    return (MOVED, remarks) if bracket.record(command) else (UNCHANGED, [])


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


def _id(bracket: Bracket, table: str, row: Record) -> UUID:
    return uuid5(bracket.ledger_id, f"{table}:{row['id']}")


def _batches(rows: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BRACKET_ROWS)):
        yield batch
