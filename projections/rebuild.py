"""Rebuilding one ledger while people use it: its rows become what the fold of its events says.

Only what differs is written. Readers see the rows of before or those of after, never a mixture:
they read the head and the rows in one snapshot.
"""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from domain.store.database import Connection, Database
from domain.store.folding import without_cycles
from domain.store.ledgers import Head, LedgerMissing, read_head, utc_now
from domain.store.quarantines import Quarantine, is_quarantined, quarantine, release
from projections import index_checks
from projections.folding import Fold, Poison
from projections.images import NAMED, Difference, count_astray, differences, put_right
from projections.row_sets import NewRows, Overtaken, clear

SMALL: Final = 500
"""Events of a ledger whose rows SQLite's only writer may compare, and write, in one go."""

FEW: Final = 400
"""Differences that SQLite writes in one go, in a ledger of any size."""

ATTEMPTS: Final = 3
MOST_NAMED: Final = 1000
NO_HEAD: Final = Difference("ledgers", (), None, ())

HEAD_COLUMNS: Final = (
    *("version", "digest", "recorded_at", "income", "expense", "deposits", "withdrawals"),
)
_MOVE_HEAD: Final = f"""
    UPDATE ledgers SET generation = generation + 1, rows_id = :rows_id,
        {", ".join(f"{name} = :{name}" for name in HEAD_COLUMNS)}
    WHERE ledger_id = :ledger_id
"""
_GIVE_HEAD: Final = f"""
    INSERT INTO ledgers (ledger_id, generation, {", ".join(HEAD_COLUMNS)})
    VALUES (:ledger_id, 1, {", ".join(f":{name}" for name in HEAD_COLUMNS)})
    ON CONFLICT (ledger_id) DO NOTHING
"""


class Named(msgspec.Struct, frozen=True):
    """What was wrong with one row: the columns that differ, or that it is `missing` or `extra`."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()
    is_missing: bool = False
    is_extra: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """How a ledger was found: how many rows of each table were wrong, and the first of them.

    One whose events could not be followed is in quarantine. A ledger without events is erased.
    """

    ledger_id: UUID
    events: int
    wrong: dict[str, int] = {}
    named: tuple[Named, ...] = ()
    quarantine: Quarantine | None = None

    @property
    def is_right(self) -> bool:
        """Whether everything is as the events say."""
        return not self.wrong and self.quarantine is None


class _Found:
    """What one snapshot showed: the head, and the rows that are wrong, or the first of them."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.rows: list[Difference] = []
        self.wrong: Counter[str] = Counter()

    def add(self, difference: Difference, most: int | None) -> None:
        self.wrong[difference.table] += 1
        if most is None or len(self.rows) < most:
            self.rows.append(difference)

    @property
    def count(self) -> int:
        return sum(self.wrong.values())


class _Moved(Exception):
    """Something was recorded since the rows were compared."""


def verify_ledger(database: Database, ledger_id: UUID) -> Verdict:
    """Compare a ledger's rows with the fold of its events, in one snapshot."""
    with without_cycles():
        return _Rebuild(database, ledger_id, most_named=None).verify()


def rebuild_ledger(database: Database, ledger_id: UUID, *, most_named: int = MOST_NAMED) -> Verdict:
    """Put a ledger's rows right, and tell what was wrong with them."""
    with without_cycles():
        return _Rebuild(database, ledger_id, most_named).run()


class _Rebuild:
    def __init__(self, database: Database, ledger_id: UUID, most_named: int | None) -> None:
        self._most_named = most_named
        self._database = database
        self._ledger_id = ledger_id
        self._fold = Fold(ledger_id)
        self._wrong: Counter[str] = Counter()
        self._named: list[Named] = []
        self._lacking: index_checks.Missing = {}
        self._is_mark_ahead = self._was_quarantined = False

    def verify(self) -> Verdict:
        try:
            self._note(self._database.read(partial(self._look, most=None)).rows)
        except LedgerMissing:
            self._note([NO_HEAD] if self._fold.version else [])
        except Poison as poison:
            return self._poisoned(poison)
        return self._verdict()

    def run(self) -> Verdict:
        try:
            for _ in range(ATTEMPTS):
                if self._try():
                    break
            else:
                self._build_beside()
            self._mend_index()
            if self._was_quarantined:
                self._database.write(partial(release, ledger_id=self._ledger_id))
        except LedgerMissing:
            return Verdict(self._ledger_id, 0)  # erased
        except Poison as poison:
            return self._database.write(partial(self._quarantine, poison=poison))
        return self._verdict()

    def _mend_index(self) -> None:
        if self._wrong:
            # Whoever indexed until now may have read rows that were wrong.
            self._database.read(self._look_at_index)
        index_checks.mend(self._database, self._fold, self._lacking)
        if self._is_mark_ahead:
            lower = partial(
                index_checks.lower_mark, ledger_id=self._ledger_id, version=self._fold.version
            )
            self._database.write(lower)

    def _try(self) -> bool:
        """Compare, and write what differs; False when too much does, or it moved meanwhile."""
        try:
            most = FEW if self._database.dialect == "sqlite" else None
            found = self._database.read(partial(self._look, most=most))
        except LedgerMissing:
            if self._fold.version == 0:
                raise
            self._database.write(self._give_head)
            return False
        if not found.wrong:
            return True
        if len(found.rows) < found.count:
            self._wrong += found.wrong
            self._name(found.rows)
            self._build_beside()
            return True
        try:
            self._note(self._database.write(partial(self._mend, found=found)))
        except _Moved:
            return False
        return True

    def _look(self, connection: Connection, most: int | None) -> _Found:
        """What is wrong: all of it, or of a large ledger how much, and the first rows."""
        self._look_at_index(connection)
        head = read_head(connection, self._ledger_id)
        self._fold.check(connection, head)
        self._was_quarantined = is_quarantined(connection, self._ledger_id)
        found = _Found(head)
        most = most if self._must_be_short else None
        astray = 0 if most is None else count_astray(connection, head.rows_id, self._fold.state)
        if most is not None and astray > most:
            # Which ones are wrong makes no difference any more.
            found.wrong["transactions"] = astray
            return found
        for difference in self._differences(connection, head):
            found.add(difference, most)
        return found

    def _look_at_index(self, connection: Connection) -> None:
        self._fold.follow(connection)
        self._lacking = index_checks.missing(connection, self._fold)
        self._is_mark_ahead = index_checks.is_mark_ahead(connection, self._fold)

    @property
    def _must_be_short(self) -> bool:
        return self._database.dialect == "sqlite" and self._fold.version > SMALL

    def _differences(self, connection: Connection, head: Head) -> Iterable[Difference]:
        told = tuple(getattr(head, name) for name in HEAD_COLUMNS)
        expected = tuple(self._head().values())
        if told != expected:
            yield Difference("ledgers", (), told, expected)
        yield from differences(connection, head.rows_id, self._fold.state)

    def _mend(self, connection: Connection, found: _Found) -> list[Difference]:
        head, rows = read_head(connection, self._ledger_id, lock=True), found.rows
        if head != found.head:
            if self._must_be_short:
                raise _Moved
            self._fold.follow(connection)
            self._fold.check(connection, head)
            rows = list(self._differences(connection, head))
        if rows:
            put_right(connection, head.rows_id, (row for row in rows if row.table in NAMED))
            self._move_head(connection, head, head.rows_id)
        return rows

    def _build_beside(self) -> None:
        try:
            old = NewRows(self._database, self._fold).build(self._move_head)
        except Overtaken:
            self._build_beside()
            return
        clear(self._database, self._ledger_id, old)

    def _move_head(self, connection: Connection, head: Head, rows_id: UUID) -> None:
        own = None if rows_id == head.ledger_id else rows_id
        connection.run(_MOVE_HEAD, ledger_id=head.ledger_id, rows_id=own, **self._head())

    def _give_head(self, connection: Connection) -> None:
        self._fold.follow(connection)
        if connection.run(_GIVE_HEAD, ledger_id=self._ledger_id, **self._head()):
            self._note([NO_HEAD])

    def _head(self) -> dict[str, object]:
        fold = self._fold
        sums = msgspec.structs.asdict(fold.state.totals)
        return {
            "version": fold.version,
            "digest": fold.digest,
            "recorded_at": fold.recorded_at,
            **sums,
        }

    def _note(self, found: list[Difference]) -> None:
        self._wrong.update(difference.table for difference in found)
        self._name(found)

    def _name(self, found: list[Difference]) -> None:
        left = None if self._most_named is None else self._most_named - len(self._named)
        self._named += [_named(difference) for difference in found[:left]]

    def _quarantine(self, connection: Connection, poison: Poison) -> Verdict:
        # Locked where there is something to lock, or an erasure would miss the row.
        try:
            read_head(connection, self._ledger_id, lock=True)
        except LedgerMissing:
            if connection.one(_ANY_EVENT, ledger_id=self._ledger_id) is None:
                return Verdict(self._ledger_id, 0)
        verdict = self._poisoned(poison)
        assert verdict.quarantine is not None
        quarantine(connection, verdict.quarantine)
        return verdict

    def _poisoned(self, poison: Poison) -> Verdict:
        found = Quarantine(self._ledger_id, poison.version, poison.reason, utc_now())
        return Verdict(self._ledger_id, self._fold.version, quarantine=found)

    def _verdict(self) -> Verdict:
        of_index = {"search_grams": len(self._lacking), "search_marks": int(self._is_mark_ahead)}
        wrong = {**self._wrong, **{name: count for name, count in of_index.items() if count}}
        named = tuple(self._named)
        return Verdict(self._ledger_id, self._fold.version, wrong, named)


_ANY_EVENT: Final = "SELECT 1 AS found FROM events WHERE originator_id = :ledger_id LIMIT 1"


def _named(difference: Difference) -> Named:
    table = difference.table
    key = tuple(_text(part) for part in difference.key)
    if difference.told is None or difference.expected is None:
        is_missing = difference.told is None
        return Named(table, key, is_missing=is_missing, is_extra=not is_missing)
    columns = HEAD_COLUMNS if table == "ledgers" else NAMED[table].columns
    both = zip(columns, difference.told, difference.expected, strict=True)
    return Named(table, key, tuple(name for name, told, expected in both if told != expected))


def _text(part: object) -> str:
    return str(UUID(bytes=part)) if isinstance(part, bytes) else str(part)
