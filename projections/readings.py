"""Readings: what a ledger adds up to, told by its rows, or by its past."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final, Protocol
from uuid import UUID

from domain.ledger import Budget, Draft, Recurrence
from domain.money import Kind, Totals
from domain.store.database import Connection, as_record
from projections.categories import as_uuid
from projections.recurring_statements import DRAFT_COLUMNS, RECURRENCE_COLUMNS
from projections.statements import BUDGET_COLUMNS
from projections.sums import (
    CategorySum,
    KindSums,
    Wanted,
    monthly_of,
    sums_by_category,
    sums_by_day,
    sums_by_kind,
    sums_by_month,
    sums_of,
)

_ACTIVE: Final = """
    AND start_date <= :active_on AND (last_date IS NULL OR last_date >= :active_on)
"""


class Standing(Protocol):
    """How far a ledger is told, and its totals over all dates."""

    @property
    def version(self) -> int:
        """How many events there were."""

    @property
    def totals(self) -> Totals:
        """The running totals."""


class Reading(Protocol):
    """What reports are made from. Days and months are given from the first to the last."""

    def by_category(self, start: dt.date, end: dt.date) -> list[CategorySum]:
        """What each category with entries in these days adds up to."""

    def by_kind(self, start: dt.date, end: dt.date) -> KindSums:
        """What each kind adds up to in these days."""

    def by_month(self, first: int, last: int) -> dict[int, KindSums]:
        """What each kind adds up to, in every one of these months that has entries."""

    def by_day(self, start: dt.date, end: dt.date) -> dict[dt.date, KindSums]:
        """What each kind adds up to, on every one of these days that has entries."""

    def kinds(self) -> dict[UUID, Kind]:
        """The kind of every category, removed ones too."""

    def sums_of(self, wanted: Sequence[Wanted]) -> list[int]:
        """What each category adds up to in its days, in Rials."""

    def monthly_of(
        self, category_ids: Collection[UUID], first: int, last: int, day: int = 1
    ) -> dict[UUID, dict[int, int]]:
        """What each category adds up to in each of these months with entries, in Rials.

        By category and month. Where months begin on another `day`, or on the last of a shorter
        one, each has the number of the month it begins in.
        """

    def budgets(
        self,
        category_id: UUID | None = None,
        active_on: dt.date | None = None,
        *,
        after: int,
        limit: int,
    ) -> list[Budget]:
        """Up to `limit` budgets created after a version, oldest first; what was removed is not."""

    def recurrences(
        self, category_id: UUID | None = None, *, after: int, limit: int
    ) -> list[Recurrence]:
        """Up to `limit` recurrences created after a version, oldest first, like `budgets`."""

    def open_drafts(self, start: dt.date, end: dt.date) -> list[Draft]:
        """The drafts of these days that wait to be confirmed, oldest first."""


class RowsReading:
    """A ledger as it stands: read from its rows."""

    def __init__(self, connection: Connection, rows_id: UUID) -> None:
        self._connection = connection
        self._rows_id = rows_id

    def by_category(self, start: dt.date, end: dt.date) -> list[CategorySum]:
        """See `Reading.by_category`."""
        return sums_by_category(self._connection, self._rows_id, start, end)

    def by_kind(self, start: dt.date, end: dt.date) -> KindSums:
        """See `Reading.by_kind`."""
        return sums_by_kind(self._connection, self._rows_id, start, end)

    def by_month(self, first: int, last: int) -> dict[int, KindSums]:
        """See `Reading.by_month`."""
        return sums_by_month(self._connection, self._rows_id, first, last)

    def by_day(self, start: dt.date, end: dt.date) -> dict[dt.date, KindSums]:
        """See `Reading.by_day`."""
        return sums_by_day(self._connection, self._rows_id, start, end)

    def kinds(self) -> dict[UUID, Kind]:
        """See `Reading.kinds`."""
        sql = "SELECT id, kind FROM categories WHERE ledger_id = :ledger_id"
        rows = self._connection.all(sql, ledger_id=self._rows_id)
        return {as_uuid(row["id"]): row["kind"] for row in rows}

    def sums_of(self, wanted: Sequence[Wanted]) -> list[int]:
        """See `Reading.sums_of`."""
        return sums_of(self._connection, self._rows_id, wanted)

    def monthly_of(
        self, category_ids: Collection[UUID], first: int, last: int, day: int = 1
    ) -> dict[UUID, dict[int, int]]:
        """See `Reading.monthly_of`."""
        return monthly_of(self._connection, self._rows_id, category_ids, first, last, day)

    def budgets(
        self,
        category_id: UUID | None = None,
        active_on: dt.date | None = None,
        *,
        after: int,
        limit: int,
    ) -> list[Budget]:
        """See `Reading.budgets`."""
        sql = f"SELECT {BUDGET_COLUMNS} FROM budgets WHERE ledger_id = :ledger_id"
        sql += " AND NOT is_removed AND created_version > :after"
        sql += "" if category_id is None else " AND category_id = :category_id"
        sql += "" if active_on is None else _ACTIVE
        sql += " ORDER BY created_version LIMIT :rows"
        rows = self._connection.all(
            sql,
            ledger_id=self._rows_id,
            after=after,
            category_id=category_id,
            active_on=active_on,
            rows=limit,
        )
        return [as_record(row, Budget) for row in rows]

    def recurrences(
        self, category_id: UUID | None = None, *, after: int, limit: int
    ) -> list[Recurrence]:
        """See `Reading.recurrences`."""
        sql = f"SELECT {RECURRENCE_COLUMNS} FROM recurrences WHERE ledger_id = :ledger_id"
        sql += " AND NOT is_removed AND created_version > :after"
        sql += "" if category_id is None else " AND category_id = :category_id"
        sql += " ORDER BY created_version LIMIT :rows"
        rows = self._connection.all(
            sql, ledger_id=self._rows_id, after=after, category_id=category_id, rows=limit
        )
        return [as_record(row, Recurrence) for row in rows]

    def open_drafts(self, start: dt.date, end: dt.date) -> list[Draft]:
        """See `Reading.open_drafts`."""
        sql = f"SELECT {DRAFT_COLUMNS} FROM drafts WHERE ledger_id = :ledger_id"
        sql += " AND status = 'open' AND date BETWEEN :start AND :end ORDER BY created_version"
        rows = self._connection.all(sql, ledger_id=self._rows_id, start=start, end=end)
        return [as_record(row, Draft) for row in rows]
