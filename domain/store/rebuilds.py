"""Rebuilds of many ledgers: ranges of their ids, each as far as it is done; outside the stream.

The database is the truth: Redis only hands ranges out, and a worker that is killed leaves one
where it last noted how far it was.
"""

import datetime as dt
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, Literal
from uuid import UUID, uuid4

import msgspec

from domain.store.database import Connection, as_record
from domain.store.queue import Task

Status = Literal["queued", "running", "done", "cancelled", "failed"]

MOST_RANGES: Final = 64
RANGE_SECONDS: Final = 24 * 3600
KEPT: Final = dt.timedelta(days=30)

_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)

_IDS: Final = """
    SELECT ledger_id AS id FROM ledgers
    WHERE ledger_id > :after AND ledger_id <= :until ORDER BY ledger_id LIMIT :limit
"""
# From one stream to the next along the index: a ledger's head may be what is missing.
_STREAMS: Final = """
    WITH RECURSIVE streams (id, number) AS (
        SELECT (SELECT originator_id FROM events WHERE originator_id > :after
            ORDER BY originator_id LIMIT 1), 1
        UNION ALL
        SELECT (SELECT originator_id FROM events WHERE originator_id > streams.id
            ORDER BY originator_id LIMIT 1), number + 1
        FROM streams WHERE id IS NOT NULL AND id <= :until AND number < :limit
    ) SELECT id FROM streams WHERE id IS NOT NULL AND id <= :until
"""
_RANGE: Final = """
    SELECT r.rebuild_id, r.number, r.after, r.until, r.reached, r.is_done, r.ledgers, r.events,
        r.repaired, r.seconds, r.updated_at
    FROM rebuild_ranges AS r JOIN rebuilds AS b ON b.id = r.rebuild_id
"""
_IS_WANTED: Final = "status IN ('queued', 'running')"


class Progress(msgspec.Struct, frozen=True):
    """How far a rebuild is, and what it found; seconds since it was asked for."""

    done: int
    events: int
    repaired: int
    seconds: float
    events_per_second: int
    eta_seconds: int | None


class Rebuild(msgspec.Struct, frozen=True):
    """What an operator asked for. `total` is how many ledgers there were then."""

    id: UUID
    requested_by: UUID | None
    status: Status
    total: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Range(msgspec.Struct, frozen=True):
    """The ledgers whose ids follow `after`, up to and with `until`; done up to `reached`.

    `repaired` counts ledgers that were not as they should be; `seconds` were spent at work.
    """

    rebuild_id: UUID
    number: int
    after: UUID
    until: UUID
    reached: UUID
    is_done: bool
    ledgers: int
    events: int
    repaired: int
    seconds: float
    updated_at: dt.datetime


def ledger_ids(connection: Connection, after: UUID, until: UUID, limit: int) -> list[UUID]:
    """Up to `limit` ids, in order, of what has a head or events."""
    within: dict[str, object] = {"after": after, "until": until, "limit": limit}
    found = [row["id"] for sql in (_IDS, _STREAMS) for row in connection.all(sql, **within)]
    return sorted({msgspec.convert(one, UUID) for one in found})[:limit]


def is_there(connection: Connection, ledger_id: UUID) -> bool:
    """Whether there is something to rebuild: a head, or events without one."""
    if ledger_id == _FIRST:
        return False
    return bool(ledger_ids(connection, UUID(int=ledger_id.int - 1), ledger_id, 1))


def begin_rebuild(
    connection: Connection,
    *,
    requested_by: UUID | None,
    ledger_id: UUID | None,
    ranges: int,
    now: dt.datetime,
) -> Rebuild:
    """Write down that every ledger is to be rebuilt, or one."""
    if ledger_id is None:
        ends, total = _ends(connection, ranges)
    else:
        ends, total = [UUID(int=ledger_id.int - 1), ledger_id], 1
    rebuild = Rebuild(uuid4(), requested_by, "queued", total, now, now)
    connection.run(
        """
        INSERT INTO rebuilds (id, requested_by, status, total, created_at, updated_at)
        VALUES (:id, :requested_by, :status, :total, :created_at, :updated_at)
        """,
        **msgspec.structs.asdict(rebuild),
    )
    connection.run_many(
        """
        INSERT INTO rebuild_ranges (rebuild_id, number, after, until, reached, is_done, ledgers,
            events, repaired, seconds, updated_at)
        VALUES (:rebuild_id, :number, :after, :until, :after, FALSE, 0, 0, 0, 0.0, :now)
        """,
        [
            {"rebuild_id": rebuild.id, "number": n, "after": after, "until": until, "now": now}
            for n, (after, until) in enumerate(pairwise(ends))
        ],
    )
    return rebuild


def find_rebuild(connection: Connection, rebuild_id: UUID) -> Rebuild | None:
    """A rebuild, or None."""
    row = connection.one("SELECT * FROM rebuilds WHERE id = :id", id=rebuild_id)
    return None if row is None else as_record(row, Rebuild)


def list_rebuilds(
    connection: Connection, before: tuple[dt.datetime, UUID] | None, limit: int
) -> list[Rebuild]:
    """Up to `limit` rebuilds, the latest first."""
    at, rebuild_id = before or (dt.datetime.max.replace(tzinfo=dt.UTC), _LAST)
    rows = connection.all(
        """
        SELECT * FROM rebuilds WHERE (created_at, id) < (:at, :id)
        ORDER BY created_at DESC, id DESC LIMIT :limit
        """,
        at=at,
        id=rebuild_id,
        limit=limit,
    )
    return [as_record(row, Rebuild) for row in rows]


def count_unfinished(connection: Connection) -> int:
    """How many rebuilds are still to be done."""
    row = connection.one(f"SELECT count(*) AS count FROM rebuilds WHERE {_IS_WANTED}")
    assert row is not None
    return int(row["count"])


def ranges_of(connection: Connection, rebuild_id: UUID) -> list[Range]:
    """The ranges of a rebuild."""
    rows = connection.all(f"{_RANGE} WHERE b.id = :id ORDER BY number", id=rebuild_id)
    return [as_record(row, Range) for row in rows]


def progress_of(rebuild: Rebuild, ranges: Iterable[Range]) -> Progress:
    """What the ranges of a rebuild come to; nothing is expected of one that is over."""
    ranges = list(ranges)
    done, events = sum(one.ledgers for one in ranges), sum(one.events for one in ranges)
    seconds = (rebuild.updated_at - rebuild.created_at).total_seconds()
    left = max(0, rebuild.total - done)
    is_known = done and rebuild.status == "running"
    return Progress(
        done=done,
        events=events,
        repaired=sum(one.repaired for one in ranges),
        seconds=seconds,
        events_per_second=round(events / seconds) if seconds else 0,
        eta_seconds=round(left * seconds / done) if is_known else None,
    )


def wanted_range(connection: Connection, rebuild_id: UUID, number: int) -> Range | None:
    """A range that is still to be done, or None."""
    sql = f"{_RANGE} WHERE b.id = :id AND r.number = :number AND NOT r.is_done AND {_IS_WANTED}"
    row = connection.one(sql, id=rebuild_id, number=number)
    return None if row is None else as_record(row, Range)


def advance(connection: Connection, before: Range, after: Range) -> bool:
    """Note how far a range is; False when it is not wanted, or somebody else goes on with it."""
    changed = connection.run(
        f"""
        UPDATE rebuild_ranges SET reached = :reached, is_done = :is_done, ledgers = :ledgers,
            events = :events, repaired = :repaired, seconds = :seconds, updated_at = :updated_at
        WHERE rebuild_id = :rebuild_id AND number = :number AND reached = :expected
            AND NOT is_done
            AND EXISTS (SELECT 1 FROM rebuilds WHERE id = :rebuild_id AND {_IS_WANTED})
        """,
        expected=before.reached,
        **{name: getattr(after, name) for name in Range.__struct_fields__},
    )
    if not changed:
        return False
    left = "SELECT 1 FROM rebuild_ranges WHERE rebuild_id = :id AND NOT is_done"
    connection.run(
        f"""
        UPDATE rebuilds SET updated_at = :now,
            status = CASE WHEN EXISTS ({left}) THEN 'running' ELSE 'done' END
        WHERE id = :id AND {_IS_WANTED}
        """,
        id=before.rebuild_id,
        now=after.updated_at,
    )
    return True


def end_rebuild(
    connection: Connection,
    rebuild_id: UUID,
    status: Literal["cancelled", "failed"],
    now: dt.datetime,
) -> bool:
    """Have nobody go on with a rebuild; False when it is over."""
    sql = f"UPDATE rebuilds SET status = :status, updated_at = :now WHERE id = :id AND {_IS_WANTED}"
    return connection.run(sql, id=rebuild_id, status=status, now=now) == 1


def task_of_range(found: Range) -> Task:
    """The task that does a range."""
    arguments = (str(found.rebuild_id), str(found.number))
    name = f"rebuild-{found.rebuild_id}-{found.number}"
    return Task(name, "run_rebuild_range", arguments, RANGE_SECONDS)


def lost_ranges(connection: Connection, before: dt.datetime) -> Iterable[Task]:
    """What is still to be done of rebuilds, and nothing has touched since an instant."""
    sql = f"{_RANGE} WHERE NOT r.is_done AND {_IS_WANTED} AND r.updated_at < :before"
    rows = connection.all(sql, before=before)
    return [task_of_range(as_record(row, Range)) for row in rows]


def forget_old_rebuilds(connection: Connection, now: dt.datetime) -> int:
    """Forget rebuilds that are long over; how many there were."""
    old = f"NOT {_IS_WANTED} AND updated_at < :before"
    forgotten = connection.run(f"DELETE FROM rebuilds WHERE {old}", before=now - KEPT)
    connection.run("DELETE FROM rebuild_ranges WHERE rebuild_id NOT IN (SELECT id FROM rebuilds)")
    return forgotten


def _ends(connection: Connection, ranges: int) -> tuple[list[UUID], int]:
    """Where ranges of about as many ledgers begin and end, and how many ledgers there are."""
    row = connection.one("SELECT count(*) AS count FROM ledgers")
    assert row is not None
    total, ends = int(row["count"]), [_FIRST]
    for place in sorted({number * total // ranges for number in range(1, ranges)} - {0}):
        sql = "SELECT ledger_id FROM ledgers ORDER BY ledger_id LIMIT 1 OFFSET :before"
        row = connection.one(sql, before=place - 1)
        assert row is not None, "they were just counted"
        ends.append(msgspec.convert(row["ledger_id"], UUID))
    return [*ends, _LAST], total
