"""Reading transactions: one, a filtered page, or the history of one."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args
from uuid import UUID

import msgspec

from domain.ledger import Transaction
from domain.money import Kind
from domain.store.database import Connection, Row, as_record
from domain.store.ledgers import Head
from domain.text import fold
from projections.categories import find_category
from projections.history import StoredRow, stored_rows
from projections.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from projections.search import find_candidates

Sort = Literal["date", "-date", "amount", "-amount", "recorded_at", "-recorded_at"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)

# Each order ends with the version that recorded the entry, which no two entries share.
_KEYS: Final[dict[str, tuple[tuple[str, type], ...]]] = {
    "date": (("date", dt.date), ("created_version", int)),
    "amount": (("amount_rials", int), ("created_version", int)),
    "recorded_at": (("created_version", int),),
}
COLUMNS: Final = """t.id, t.category_id, c.name AS category_name, t.kind, t.direction,
    t.amount_rials, t.date, t.description, t.is_voided, t.created_version, t.version,
    t.recorded_at, t.updated_at"""
NAMED: Final = "JOIN categories AS c ON c.ledger_id = t.ledger_id AND c.id = t.category_id"


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

# What the index behind each order finds by itself.
_ALONG: Final[dict[str, tuple[str, ...]]] = {
    "date": ("is_voided", "start", "end", "kind", "category_id"),
    "amount": ("is_voided", "min_amount_rials", "max_amount_rials"),
    "recorded_at": ("is_voided",),
}
# A text in every twentieth entry fills a page of 50 before the look along the way ends.
_LOOKED_THROUGH: Final = 1000
# Candidates cost the same whatever they are; a walk may lead past years without the text.
_FAVOUR: Final = 4

# Materialized, so that no planner thinks of walking along another index in search of them.
_CANDIDATES: Final = """(
    WITH candidates AS MATERIALIZED (
        SELECT * FROM transactions WHERE ledger_id = :ledger_id AND is_voided = :is_voided
            AND created_version {}
    ) SELECT * FROM candidates) AS t"""
_AMONG: Final[dict[str, str]] = {
    "sqlite": _CANDIDATES.format("IN (SELECT value FROM json_each(:candidates))"),
    "postgresql": _CANDIDATES.format("= ANY(CAST(:candidates AS BIGINT[]))"),
}


def find_transaction(
    connection: Connection, rows_id: UUID, transaction_id: UUID
) -> NamedTransaction | None:
    """The transaction with this id, or None."""
    sql = f"""SELECT {COLUMNS} FROM transactions AS t {NAMED}
        WHERE t.ledger_id = :ledger_id AND t.id = :id"""
    row = connection.one(sql, ledger_id=rows_id, id=transaction_id)
    return None if row is None else as_record(row, NamedTransaction)


def list_transactions(
    connection: Connection,
    head: Head,
    wanted: Filter,
    *,
    sort: Sort,
    limit: int,
    cursor: str | None = None,
) -> Page[NamedTransaction]:
    """A page of transactions. Raises `InvalidCursor`."""
    asked = {k: v for k, v in msgspec.structs.asdict(wanted).items() if v is not None}
    text = asked.pop("text", None)
    is_of_kind = True
    if wanted.kind is not None and wanted.category_id is not None:
        # A category's kind never changes: no entry needs to be asked.
        category = find_category(connection, head.rows_id, wanted.category_id)
        is_of_kind = category is not None and category.kind == asked.pop("kind")
    of_ledger = {"ledger_id": head.rows_id, "rows": limit + 1}
    walk = _Walk(["t.ledger_id = :ledger_id"], of_ledger, sort)
    along = {name: asked.pop(name) for name in _ALONG[walk.by] if name in asked}
    walk = walk.where(*(_CONDITIONS[name] for name in along), **along)
    if cursor is not None:
        walk = walk.after(decode_cursor(cursor, sort, [kind for _, kind in _KEYS[walk.by]]))
    if not is_of_kind:
        return Page([], None)
    if text is not None:
        asked["text"] = _pattern(fold(text))
    rows = _search(connection, head, walk, asked, text) if asked else walk.rows(connection)
    found = [as_record(row, NamedTransaction) for row in rows]
    return page_of(found, limit, sort, lambda t: [getattr(t, name) for name in walk.keys])


class _Walk(msgspec.Struct, frozen=True):
    """One way along an index, from one end or after a row, past rows that meet conditions."""

    conditions: list[str]
    params: dict[str, Any]
    sort: Sort

    @property
    def by(self) -> str:
        return self.sort.lstrip("-")

    @property
    def keys(self) -> list[str]:
        return [name for name, _ in _KEYS[self.by]]

    @property
    def order(self) -> str:
        way = " DESC" if self.sort.startswith("-") else ""
        return ", ".join(f"t.{name}{way}" for name in self.keys)

    def where(self, *conditions: str, **params: object) -> "_Walk":
        return _Walk([*self.conditions, *conditions], {**self.params, **params}, self.sort)

    def after(self, last: Sequence[object]) -> "_Walk":
        return self._bounded("<" if self.sort.startswith("-") else ">", "last", last)

    def until(self, far: Sequence[object]) -> "_Walk":
        return self._bounded(">=" if self.sort.startswith("-") else "<=", "far", far)

    def row_number(self, connection: Connection, number: int) -> list[object] | None:
        """What the row so many steps on is ordered by, or None where there are fewer."""
        sql = f"""SELECT {", ".join(f"t.{name}" for name in self.keys)} FROM transactions AS t
            WHERE {" AND ".join(self.conditions)} ORDER BY {self.order} LIMIT 1 OFFSET :number"""
        row = connection.one(sql, **self.params, number=number)
        return None if row is None else list(row.values())

    def rows(self, connection: Connection, source: str = "transactions AS t") -> list[Row]:
        # The page is cut first, and only its rows are given names: PostgreSQL, planning once for
        # ledgers of every size, would start from the categories and sort a large ledger whole.
        page = f"""SELECT t.* FROM {source} WHERE {" AND ".join(self.conditions)}
            ORDER BY {self.order} LIMIT :rows"""
        sql = f"SELECT {COLUMNS} FROM ({page}) AS t {NAMED} ORDER BY {self.order}"
        return connection.all(sql, **self.params)

    def _bounded(self, how: str, which: str, values: Sequence[object]) -> "_Walk":
        bounds = {f"{which}_{name}": value for name, value in zip(self.keys, values, strict=True)}
        columns = ", ".join(f"t.{name}" for name in self.keys)
        names = ", ".join(f":{name}" for name in bounds)
        return self.where(f"({columns}) {how} ({names})", **bounds)


def _search(
    connection: Connection, head: Head, walk: _Walk, asked: dict[str, Any], text: str | None
) -> list[Row]:
    """What meets conditions that the index of the order knows nothing of.

    It is looked for along the way first, which finds what is common soon.
    """
    conditions = [_CONDITIONS[name] for name in asked]
    matching = walk.where(*conditions, **asked)
    far = walk.row_number(connection, _LOOKED_THROUGH)
    if far is None:
        return matching.rows(connection)
    near = walk.until(far).where(*map(_kept_to_the_way, conditions), **asked).rows(connection)
    if len(near) == walk.params["rows"]:
        return near
    is_voided = walk.params["is_voided"]
    found = text and find_candidates(connection, head, is_voided, fold(text))
    if not found or _is_common(len(found.created_versions), found.until):
        return matching.rows(connection)
    versions: Any = found.created_versions
    if connection.dialect == "sqlite":
        versions = msgspec.json.encode(versions).decode()
    among = matching.where(candidates=versions)
    return among.rows(connection, _AMONG[connection.dialect])


def _kept_to_the_way(condition: str) -> str:
    """A condition for which no planner leaves the order's own index for another, and sorts."""
    column, rest = condition.split(" ", 1)
    return f"coalesce({column}, {column}) {rest}"


def _is_common(candidates: int, versions: int) -> bool:
    """Whether the walk to a page of them is shorter than a look at every candidate."""
    return candidates**2 > _FAVOUR * DEFAULT_LIMIT * versions


def _pattern(folded: str) -> str:
    escaped = folded.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


_VERSIONS: Final = """
    SELECT created_version AS version FROM transactions
    WHERE ledger_id = :rows_id AND id = :id
    UNION ALL
    SELECT version FROM transaction_changes
    WHERE ledger_id = :rows_id AND transaction_id = :id
"""


def transaction_history(
    connection: Connection, head: Head, transaction_id: UUID, *, after: int, limit: int
) -> list[StoredRow]:
    """Up to `limit` events of one transaction that follow version `after`, oldest first."""
    return stored_rows(
        connection,
        f"originator_id = :ledger_id AND originator_version IN ({_VERSIONS})"
        " AND originator_version > :after",
        limit,
        ledger_id=head.ledger_id,
        rows_id=head.rows_id,
        id=transaction_id,
        after=after,
    )
