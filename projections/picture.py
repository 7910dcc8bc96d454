"""A picture: one ledger as it stood at one version, read in short turns while people go on."""

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from domain.calendar import FIRST_DAY, LAST_DAY
from domain.ledger import Category, Transaction
from domain.store.codec import from_stored
from domain.store.database import Connection, Database, as_record
from domain.store.ledgers import Head, read_head
from domain.store.recorder import as_stored
from domain.transactions import (
    Entry,
    TransactionCorrected,
    TransactionRecorded,
    TransactionRestored,
    TransactionVoided,
)
from projections.statements import CATEGORY_COLUMNS, TRANSACTION_COLUMNS
from projections.sums import ONE_DAY, CategorySum, sums_by_category

VERSIONS_AT_ONCE: Final = 1000

_CATEGORIES: Final = f"""
    SELECT {CATEGORY_COLUMNS} FROM categories
    WHERE ledger_id = :ledger_id AND NOT is_removed ORDER BY created_version
"""
# Each value of is_voided by itself: the index orders versions below it.
_ENTRIES: Final = f"""
    SELECT {TRANSACTION_COLUMNS} FROM transactions WHERE ledger_id = :ledger_id
        AND is_voided = FALSE AND created_version > :after AND created_version <= :until
    UNION ALL
    SELECT {TRANSACTION_COLUMNS} FROM transactions WHERE ledger_id = :ledger_id
        AND is_voided = TRUE AND created_version > :after AND created_version <= :until
"""
_LAST_CHANGE: Final = """
    SELECT originator_id, originator_version, topic, state FROM events
    WHERE originator_id = :ledger_id AND originator_version = (
        SELECT coalesce(max(version), :created_version) FROM transaction_changes
        WHERE ledger_id = :rows_id AND transaction_id = :id AND version <= :version
    )
"""


class Picture(msgspec.Struct, frozen=True):
    """How a ledger stood at `head.version`, from `start` to `end`, both included.

    `before` and `within` are what its categories add up to before `start`, and in the range.
    """

    head: Head
    start: dt.date
    end: dt.date
    categories: dict[UUID, Category]
    before: list[CategorySum]
    within: list[CategorySum]

    @property
    def is_whole(self) -> bool:
        """Whether no entry is left out for its date."""
        return (self.start, self.end) == (FIRST_DAY, LAST_DAY)


def take_picture(
    connection: Connection, ledger_id: UUID, start: dt.date | None, end: dt.date | None
) -> Picture:
    """Begin with a ledger as it stands. Raises `LedgerMissing`."""
    head = read_head(connection, ledger_id)
    start, end = start or FIRST_DAY, end or LAST_DAY
    categories = [
        as_record(row, Category) for row in connection.all(_CATEGORIES, ledger_id=head.rows_id)
    ]
    is_first = start == FIRST_DAY
    return Picture(
        head=head,
        start=start,
        end=end,
        categories={category.id: category for category in categories},
        before=[]
        if is_first
        else sums_by_category(connection, head.rows_id, FIRST_DAY, start - ONE_DAY),
        within=sums_by_category(connection, head.rows_id, start, end),
    )


def entries(database: Database, picture: Picture) -> Iterator[Transaction]:
    """Every entry of the picture, voided ones too, in the order in which they were recorded.

    A few versions are read at a time, each time in a transaction of its own: whoever goes through
    a long history keeps no snapshot. Raises `LedgerMissing` after an erasure.
    """
    for after in range(0, picture.head.version, VERSIONS_AT_ONCE):
        yield from database.read(partial(_entries, picture=picture, after=after))


def _entries(connection: Connection, picture: Picture, after: int) -> list[Transaction]:
    version = picture.head.version
    # Its rows may have been built anew, elsewhere, since the picture was begun.
    head = read_head(connection, picture.head.ledger_id)
    until = min(after + VERSIONS_AT_ONCE, version)
    rows = connection.all(_ENTRIES, ledger_id=head.rows_id, after=after, until=until)
    found = [as_record(row, Transaction) for row in rows]
    as_then = (
        entry if entry.version <= version else _as_it_was(connection, head, entry, version)
        for entry in sorted(found, key=lambda entry: entry.created_version)
    )
    return [entry for entry in as_then if picture.start <= entry.date <= picture.end]


def _as_it_was(connection: Connection, head: Head, entry: Transaction, version: int) -> Transaction:
    """An entry that was changed since: its last event up to then tells all about it."""
    row = connection.one(
        _LAST_CHANGE,
        ledger_id=head.ledger_id,
        rows_id=head.rows_id,
        id=entry.id,
        created_version=entry.created_version,
        version=version,
    )
    assert row is not None, "the event that recorded it is there"
    recorded = from_stored(as_stored(row))
    return msgspec.structs.replace(
        entry,
        **msgspec.structs.asdict(_said(recorded.event)),
        is_voided=isinstance(recorded.event, TransactionVoided),
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )


def _said(event: object) -> Entry:
    if isinstance(event, TransactionRecorded):
        return event.entry()
    if isinstance(event, TransactionCorrected):
        return event.after
    assert isinstance(event, TransactionVoided | TransactionRestored)
    return event.entry
