"""Reading categories."""

from typing import Final
from uuid import UUID

import msgspec

from domain.ledger import Category
from domain.money import Kind
from domain.store.database import Connection, as_record
from projections.paging import Page, decode_cursor, page_of
from projections.statements import CATEGORY, CATEGORY_COLUMNS

_ORDER: Final = "category"


class _Named(msgspec.Struct):
    id: UUID
    name: str


def find_category(connection: Connection, rows_id: UUID, category_id: UUID) -> Category | None:
    """The category with this id, or None."""
    row = connection.one(CATEGORY, ledger_id=rows_id, id=category_id)
    return None if row is None else as_record(row, Category)


def list_categories(
    connection: Connection,
    rows_id: UUID,
    *,
    kind: Kind | None = None,
    is_active: bool | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Category]:
    """A page of categories, oldest first. Raises `InvalidCursor`."""
    after = 0 if cursor is None else decode_cursor(cursor, _ORDER, [int])[0]
    sql = f"SELECT {CATEGORY_COLUMNS} FROM categories WHERE ledger_id = :ledger_id"
    sql += " AND NOT is_removed AND created_version > :after"
    sql += "" if kind is None else " AND kind = :kind"
    sql += "" if is_active is None else " AND is_active = :is_active"
    sql += " ORDER BY created_version LIMIT :rows"
    rows = connection.all(
        sql, ledger_id=rows_id, after=after, kind=kind, is_active=is_active, rows=limit + 1
    )
    categories = [as_record(row, Category) for row in rows]
    return page_of(categories, limit, _ORDER, lambda category: [category.created_version])


def as_uuid(value: UUID | bytes) -> UUID:
    """An id as either database gives it."""
    return value if isinstance(value, UUID) else UUID(bytes=value)
