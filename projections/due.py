"""What is due: the ledgers that the clock owes something, found by what is projected from them."""

import datetime as dt
from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from domain.calendar import jalali_month
from domain.store.database import Connection
from projections.categories import as_uuid


class _Source(NamedTuple):
    """Rows of a table that are due under a condition, which its index answers."""

    table: str
    condition: str


_SOURCES: Final = (
    _Source("saving_policies", "next_month < :month"),
    _Source("recurrences", "next_date <= :today"),
)
"""`:today` is Tehran's day and `:month` its Jalali month, such as 140509."""

_DUE_ROWS: Final = " UNION ALL ".join(
    f"SELECT ledger_id FROM {source.table} WHERE {source.condition}" for source in _SOURCES
)
# By way of the rows that are due, however many ledgers there are: on most days there are none.
_ALL: Final = f"""
    SELECT ledger_id FROM ledgers WHERE coalesce(rows_id, ledger_id) IN ({_DUE_ROWS})
    ORDER BY ledger_id
"""
# By way of the ledgers of a range, most of which are due. Not as `EXISTS … OR EXISTS …`, for which
# PostgreSQL reads all that is due anywhere.
_BETWEEN: Final = " UNION ".join(
    f"""
    SELECT l.ledger_id FROM ledgers AS l CROSS JOIN {source.table} AS s
    WHERE l.ledger_id > :after AND l.ledger_id <= :until
        AND s.ledger_id = coalesce(l.rows_id, l.ledger_id) AND s.{source.condition}
    """
    for source in _SOURCES
)


def due_ledgers(connection: Connection, today: dt.date) -> Iterator[UUID]:
    """Every ledger that is due on a day, in order of id, a few at a time."""
    for row in connection.stream(_ALL, today=today, month=jalali_month(today)):
        yield as_uuid(row["ledger_id"])


def due_between(connection: Connection, after: UUID, until: UUID, today: dt.date) -> list[UUID]:
    """Those whose ids follow one, up to and with another."""
    within = {"after": after, "until": until, "today": today, "month": jalali_month(today)}
    return [as_uuid(row["ledger_id"]) for row in connection.all(f"{_BETWEEN} ORDER BY 1", **within)]
