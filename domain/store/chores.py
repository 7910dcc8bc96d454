"""Rounds of chores: what the clock owes the ledgers, as far as it is done; outside the stream.

The database is the truth: Redis only hands ranges out. A range that is done again finds nothing
due, since each ledger's own events say what was done.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from domain.calendar import today_in_tehran
from domain.store.database import Connection, as_record
from domain.store.queue import Task

RANGE_LEDGERS: Final = 500
RANGE_SECONDS: Final = 24 * 3600
BEGIN_SECONDS: Final = 3600
KEPT: Final = dt.timedelta(days=30)

GRACE: Final = dt.timedelta(minutes=5)
"""After midnight, until a round that nobody began is missed: the schedule's own comes first."""

STALLED: Final = dt.timedelta(seconds=20)
"""Whoever does a range touches it twice a second; one ledger may be waited for for ten."""

_RANGE: Final = """
    SELECT day, number, after, until, reached, is_done, done, failed, updated_at
    FROM chore_ranges
"""
# Of an earlier day: whatever is left of it is due, and in the ranges of this one.
_IS_WANTED: Final = "NOT is_done AND day = (SELECT max(day) FROM chore_rounds)"


class Round(msgspec.Struct, frozen=True):
    """A day's round: how many ledgers were due when it began, and what came of them by now.

    `failed` ledgers are left for the next day; `left` counts ranges that are not done.
    """

    day: dt.date
    due: int
    begun_at: dt.datetime
    done: int
    failed: int
    left: int


class Range(msgspec.Struct, frozen=True):
    """The due ledgers whose ids follow `after`, up to and with `until`; done up to `reached`."""

    day: dt.date
    number: int
    after: UUID
    until: UUID
    reached: UUID
    is_done: bool
    done: int
    failed: int
    updated_at: dt.datetime


def ranges_of_due(due: Iterable[UUID]) -> tuple[list[tuple[UUID, UUID]], int]:
    """Where ranges of due ledgers, given in order, begin and end; and how many ledgers it is.

    A range begins right before its first ledger: those between two ranges are not looked at.
    """
    ranges: list[tuple[UUID, UUID]] = []
    count = 0
    for count, ledger_id in enumerate(due, 1):
        if count % RANGE_LEDGERS == 1:
            ranges.append((UUID(int=ledger_id.int - 1), ledger_id))
        ranges[-1] = (ranges[-1][0], ledger_id)
    return ranges, count


def has_round(connection: Connection, day: dt.date) -> bool:
    """Whether the round of a day was begun."""
    find = "SELECT 1 AS found FROM chore_rounds WHERE day = :day"
    return connection.one(find, day=day) is not None


def begin_round(
    connection: Connection,
    day: dt.date,
    ranges: Iterable[tuple[UUID, UUID]],
    due: int,
    now: dt.datetime,
) -> bool:
    """Write down what is due on a day, and forget old rounds; False when somebody has."""
    begun = connection.run(
        """
        INSERT INTO chore_rounds (day, due, begun_at) VALUES (:day, :due, :now)
        ON CONFLICT (day) DO NOTHING
        """,
        day=day,
        due=due,
        now=now,
    )
    if not begun:
        return False
    for table in ("chore_rounds", "chore_ranges"):
        connection.run(f"DELETE FROM {table} WHERE day < :before", before=day - KEPT)
    rows = [
        {"day": day, "number": number, "after": after, "until": until, "now": now}
        for number, (after, until) in enumerate(ranges)
    ]
    if rows:
        connection.run_many(
            """
            INSERT INTO chore_ranges (day, number, after, until, reached, is_done, done, failed,
                updated_at)
            VALUES (:day, :number, :after, :until, :after, FALSE, 0, 0, :now)
            """,
            rows,
        )
    return True


def wanted_ranges(connection: Connection) -> list[Range]:
    """What is still to be done of the latest round."""
    rows = connection.all(f"{_RANGE} WHERE {_IS_WANTED} ORDER BY number")
    return [as_record(row, Range) for row in rows]


def wanted_range(connection: Connection, day: dt.date, number: int) -> Range | None:
    """A range that is still to be done, or None."""
    sql = f"{_RANGE} WHERE day = :day AND number = :number AND {_IS_WANTED}"
    row = connection.one(sql, day=day, number=number)
    return None if row is None else as_record(row, Range)


def advance(connection: Connection, before: Range, after: Range) -> bool:
    """Note how far a range is; False when it is not wanted, or somebody else goes on with it."""
    changed = connection.run(
        f"""
        UPDATE chore_ranges SET reached = :reached, is_done = :is_done, done = :done,
            failed = :failed, updated_at = :updated_at
        WHERE day = :day AND number = :number AND reached = :expected AND {_IS_WANTED}
        """,
        expected=before.reached,
        **{name: getattr(after, name) for name in Range.__struct_fields__},
    )
    return changed == 1


def rounds(connection: Connection, limit: int) -> list[Round]:
    """The latest rounds, the last one first."""
    rows = connection.all(
        """
        SELECT o.day, o.due, o.begun_at, CAST(coalesce(sum(r.done), 0) AS BIGINT) AS done,
            CAST(coalesce(sum(r.failed), 0) AS BIGINT) AS failed,
            count(CASE WHEN r.is_done = FALSE THEN 1 END) AS left
        FROM chore_rounds AS o LEFT JOIN chore_ranges AS r ON r.day = o.day
        GROUP BY o.day, o.due, o.begun_at ORDER BY o.day DESC LIMIT :limit
        """,
        limit=limit,
    )
    return [as_record(row, Round) for row in rows]


def task_of_range(found: Range) -> Task:
    """The task that does a range."""
    day, number = found.day.isoformat(), str(found.number)
    return Task(f"chores-{day}-{number}", "run_chore_range", (day, number), RANGE_SECONDS)


def lost_chores(connection: Connection, before: dt.datetime) -> Iterable[Task]:
    """What is still to be done of the latest round, and nothing has touched since an instant.

    Once there have been rounds, a day's own is to be begun too, should the schedule forget it.
    """
    latest = next(iter(rounds(connection, 1)), None)
    if latest is None:
        return
    for one in wanted_ranges(connection):
        if one.updated_at == latest.begun_at and one.updated_at < before:
            yield task_of_range(one)
        elif one.updated_at < before - STALLED:
            yield _again(one)
    day = today_in_tehran(before - GRACE)
    if latest.day < day:
        yield Task(f"chores-{day.isoformat()}", "begin_chores", (), BEGIN_SECONDS)


def _again(found: Range) -> Task:
    """The task under another id: Redis takes a dead worker for one that is at it for minutes."""
    task = task_of_range(found)
    touched_at = int(found.updated_at.timestamp())
    return msgspec.structs.replace(task, id=f"{task.id}-{touched_at}")
