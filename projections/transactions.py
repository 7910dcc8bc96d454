"""Reading transactions: one, a filtered page, or the history of one."""

import datetime as dt
from typing import Any, Final, Literal, get_args
from uuid import UUID

import msgspec

from domain.ledger import Transaction
from domain.money import Kind
from domain.store.database import Connection, as_record
from domain.text import fold
from projections.history import StoredRow, stored_rows
from projections.paging import Page, decode_cursor, page_of

Sort = Literal["date", "-date", "amount", "-amount", "recorded_at", "-recorded_at"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)

# Each order ends with the version that recorded the entry, which no two entries share.
_KEYS: Final[dict[str, tuple[tuple[str, type], ...]]] = {
    "date": (("date", dt.date), ("created_version", int)),
    "amount": (("amount_rials", int), ("created_version", int)),
    "recorded_at": (("created_version", int),),
}
_COLUMNS: Final = """t.id, t.category_id, c.name AS category_name, t.kind, t.direction,
    t.amount_rials, t.date, t.description, t.is_voided, t.created_version, t.version,
    t.recorded_at, t.updated_at"""
_NAMED: Final = "JOIN categories AS c ON c.ledger_id = t.ledger_id AND c.id = t.category_id"


class NamedTransaction(Transaction, frozen=True, kw_only=True):
    """A transaction with the name its category has now."""

    category_name: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; None leaves a condition out. Dates and amounts are inclusive."""

    start: dt.date | None = None
    end: dt.date | None = None
    kind: Kind | None = None
    category_id: UUID | None = None
    min_amount_rials: int | None = None
    max_amount_rials: int | None = None
    text: str | None = None
    is_voided: bool = False


_CONDITIONS: Final[dict[str, str]] = {
    "start": "t.date >= :start",
    "end": "t.date <= :end",
    "kind": "t.kind = :kind",
    "category_id": "t.category_id = :category_id",
    "min_amount_rials": "t.amount_rials >= :min_amount_rials",
    "max_amount_rials": "t.amount_rials <= :max_amount_rials",
    "text": r"t.folded_description LIKE :text ESCAPE '\'",
    "is_voided": "t.is_voided = :is_voided",
}


def find_transaction(
    connection: Connection, ledger_id: UUID, transaction_id: UUID
) -> NamedTransaction | None:
    """The transaction with this id, or None."""
    sql = f"""SELECT {_COLUMNS} FROM transactions AS t {_NAMED}
        WHERE t.ledger_id = :ledger_id AND t.id = :id"""
    row = connection.one(sql, ledger_id=ledger_id, id=transaction_id)
    return None if row is None else as_record(row, NamedTransaction)


def list_transactions(
    connection: Connection,
    ledger_id: UUID,
    wanted: Filter,
    *,
    sort: Sort,
    limit: int,
    cursor: str | None = None,
) -> Page[NamedTransaction]:
    """A page of transactions. Raises `InvalidCursor`."""
    keys = _KEYS[sort.lstrip("-")]
    asked = {k: v for k, v in msgspec.structs.asdict(wanted).items() if v is not None}
    conditions = ["t.ledger_id = :ledger_id", *(_CONDITIONS[name] for name in asked)]
    params: dict[str, Any] = {**asked, "ledger_id": ledger_id, "rows": limit + 1}
    if wanted.text is not None:
        params["text"] = _pattern(wanted.text)
    if cursor is not None:
        conditions.append(_after(sort))
        last = decode_cursor(cursor, sort, [kind for _, kind in keys])
        params |= {f"last_{name}": value for (name, _), value in zip(keys, last, strict=True)}
    # The page is cut first, and only its rows are given names: PostgreSQL, planning once for
    # ledgers of every size, would start from the categories and sort a large ledger whole.
    page = f"""SELECT t.* FROM transactions AS t WHERE {" AND ".join(conditions)}
        ORDER BY {_order(sort)} LIMIT :rows"""
    sql = f"SELECT {_COLUMNS} FROM ({page}) AS t {_NAMED} ORDER BY {_order(sort)}"
    rows = connection.all(sql, **params)
    found = [as_record(row, NamedTransaction) for row in rows]
    return page_of(found, limit, sort, lambda t: [getattr(t, name) for name, _ in keys])


def _after(sort: Sort) -> str:
    names = [name for name, _ in _KEYS[sort.lstrip("-")]]
    columns = ", ".join(f"t.{name}" for name in names)
    values = ", ".join(f":last_{name}" for name in names)
    return f"({columns}) {'<' if sort.startswith('-') else '>'} ({values})"


def _order(sort: Sort) -> str:
    way = " DESC" if sort.startswith("-") else ""
    return ", ".join(f"t.{name}{way}" for name, _ in _KEYS[sort.lstrip("-")])


def _pattern(text: str) -> str:
    escaped = fold(text).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


_VERSIONS: Final = """
    SELECT created_version AS version FROM transactions
    WHERE ledger_id = :ledger_id AND id = :id
    UNION ALL
    SELECT version FROM transaction_changes
    WHERE ledger_id = :ledger_id AND transaction_id = :id
"""


def transaction_history(
    connection: Connection, ledger_id: UUID, transaction_id: UUID, *, after: int, limit: int
) -> list[StoredRow]:
    """Up to `limit` events of one transaction that follow version `after`, oldest first."""
    return stored_rows(
        connection,
        f"originator_id = :ledger_id AND originator_version IN ({_VERSIONS})"
        " AND originator_version > :after",
        limit,
        ledger_id=ledger_id,
        id=transaction_id,
        after=after,
    )
