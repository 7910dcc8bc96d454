"""Reading what recurs, and what of it waits to be confirmed."""

import datetime as dt
from itertools import islice
from typing import Final
from uuid import UUID

from domain.calendar import FIRST_DAY, LAST_DAY
from domain.ledger import Draft, Recurrence
from domain.recurring_plans import ONE_DAY, Occurrence, upcoming
from domain.store.database import Connection, as_record
from projections.paging import Page, decode_cursor, page_of
from projections.readings import Reading
from projections.recurring_statements import DRAFT_COLUMNS, RECURRENCE

_ORDER: Final = "recurrence"
_UPCOMING: Final = "upcoming"
_DRAFTS: Final = "draft"


def find_recurrence(
    connection: Connection, rows_id: UUID, recurrence_id: UUID
) -> Recurrence | None:
    """The recurrence with this id, or None."""
    row = connection.one(RECURRENCE, ledger_id=rows_id, id=recurrence_id)
    return None if row is None else as_record(row, Recurrence)


def list_recurrences(
    reading: Reading, *, category_id: UUID | None = None, limit: int, cursor: str | None = None
) -> Page[Recurrence]:
    """A page of recurrences, oldest first. Raises `InvalidCursor`."""
    after = 0 if cursor is None else decode_cursor(cursor, _ORDER, [int])[0]
    found = reading.recurrences(category_id, after=after, limit=limit + 1)
    return page_of(found, limit, _ORDER, lambda one: [one.created_version])


def list_upcoming(
    recurrence: Recurrence, *, limit: int, cursor: str | None = None
) -> Page[Occurrence]:
    """A page of what is still to come of a recurrence. Raises `InvalidCursor`."""
    start = FIRST_DAY
    if cursor is not None:
        start = min(decode_cursor(cursor, _UPCOMING, [dt.date])[0], LAST_DAY) + ONE_DAY
    found = list(islice(upcoming(recurrence, start, LAST_DAY), limit + 1))
    return page_of(found, limit, _UPCOMING, lambda one: [one.date])


def list_drafts(
    connection: Connection,
    rows_id: UUID,
    *,
    recurrence_id: UUID | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Draft]:
    """A page of open drafts, oldest first. Raises `InvalidCursor`."""
    after = 0 if cursor is None else decode_cursor(cursor, _DRAFTS, [int])[0]
    sql = f"SELECT {DRAFT_COLUMNS} FROM drafts WHERE ledger_id = :ledger_id AND status = 'open'"
    sql += " AND created_version > :after"
    sql += "" if recurrence_id is None else " AND recurrence_id = :recurrence_id"
    sql += " ORDER BY created_version LIMIT :rows"
    rows = connection.all(
        sql, ledger_id=rows_id, after=after, recurrence_id=recurrence_id, rows=limit + 1
    )
    drafts = [as_record(row, Draft) for row in rows]
    return page_of(drafts, limit, _DRAFTS, lambda draft: [draft.created_version])
