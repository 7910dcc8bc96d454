"""The commands `flask projections …`: rows compared with their events, and put right."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

import click
import msgspec
import redis
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from domain.store import rebuilds
from domain.store.database import Connection, Database
from domain.store.ledgers import LedgerMissing, utc_now
from domain.store.quarantines import Quarantine, quarantines_among
from domain.store.queue import enqueue
from domain.store.rebuilds import Rebuild, begin_rebuild, ledger_ids, ranges_of, task_of_range
from domain.store.settings import read_settings
from projections.rebuild import Named, Verdict, verify_ledger
from projections.rebuild_ranges import run_range
from web.auditing.shared import as_json_option, opened, say

LOOK_SECONDS: Final = 0.5
AT_ONCE: Final = 200
EVERYTHING: Final = (UUID(int=0), UUID(int=2**128 - 1))

ledger_option = click.option("--ledger", "ledger_id", type=click.UUID, help="Only this one.")


@click.group("projections", help="What is projected from events: verified, and rebuilt.")
def projections_group() -> None:
    """Group the commands."""


@projections_group.command("verify")
@ledger_option
@as_json_option
def _verify(ledger_id: UUID | None, as_json: bool) -> None:
    """Compare all rows with their events, and name every difference; 1 on any."""
    with opened() as database, _bar(quiet=as_json) as bar:
        after, until = _span(database, ledger_id)
        task = bar.add_task("Ledgers", total=_total(database, ledger_id), speed="")
        tell = _Telling(bar, task, as_json=as_json)
        while ids := database.read(partial(ledger_ids, after=after, until=until, limit=AT_ONCE)):
            for found in ids:
                tell.about(verify_ledger(database, found))
            after = ids[-1]
    tell.sum_up()
    sys.exit(0 if tell.is_clean else 1)


@projections_group.command("rebuild")
@ledger_option
@click.option("--jobs", type=click.IntRange(1, rebuilds.MOST_RANGES), help="Have workers do it.")
@as_json_option
def _rebuild(ledger_id: UUID | None, jobs: int | None, as_json: bool) -> None:
    """Put right what differs from the events, while people work; 1 if any cannot be followed.

    Without --jobs this process does it and needs no Redis; with it, so many jobs are handed out
    and watched, and go on when this command is stopped.
    """
    with opened(is_synced=False) as database, _bar(quiet=as_json) as bar:
        _span(database, ledger_id)  # raises before anything is begun
        begin = partial(
            begin_rebuild,
            requested_by=None,
            ledger_id=ledger_id,
            ranges=jobs or 1,
            now=utc_now(),
        )
        rebuild = database.write(begin)
        task = bar.add_task("Ledgers", total=rebuild.total, speed="")
        if jobs is None:
            _do_here(database, rebuild, _Telling(bar, task, as_json=as_json))
        else:
            _hand_out(database, rebuild)
        rebuild = _watch(database, rebuild.id, partial(_show_progress, bar, task))
        found, progress = database.read(partial(_result, rebuild=rebuild))
    for one in found:
        say(one, f"{one.ledger_id} {_of_quarantine(one)}", as_json=as_json)
    told = {"id": rebuild.id, "status": rebuild.status, "quarantined": len(found)}
    text = (
        f"{rebuild.status}: {progress.done:,} ledgers, {progress.events:,} events"
        f" ({progress.events_per_second:,}/s), {progress.repaired:,} repaired,"
        f" {len(found):,} in quarantine"
    )
    say({**told, **msgspec.structs.asdict(progress)}, text, as_json=as_json)
    sys.exit(1 if found or rebuild.status != "done" else 0)


def _do_here(database: Database, rebuild: Rebuild, tell: "_Telling") -> None:
    try:
        run_range(database, rebuild.id, 0, tell.about)
    except KeyboardInterrupt:
        end = partial(rebuilds.end_rebuild, rebuild_id=rebuild.id, status="cancelled")
        database.write(partial(end, now=utc_now()))
        raise


def _hand_out(database: Database, rebuild: Rebuild) -> None:
    client = redis.Redis.from_url(read_settings().redis_url)
    try:
        for one in database.read(partial(ranges_of, rebuild_id=rebuild.id)):
            enqueue(client, task_of_range(one))
    except redis.RedisError as error:
        end = partial(rebuilds.end_rebuild, rebuild_id=rebuild.id, status="failed")
        database.write(partial(end, now=utc_now()))
        raise click.ClickException(f"no worker would hear of it: {error}") from error


def _watch(
    database: Database, rebuild_id: UUID, show: Callable[[rebuilds.Progress], None]
) -> Rebuild:
    while True:
        rebuild, progress = database.read(partial(_look, rebuild_id=rebuild_id))
        show(progress)
        if rebuild.status not in ("queued", "running"):
            return rebuild
        time.sleep(LOOK_SECONDS)


def _look(connection: Connection, rebuild_id: UUID) -> tuple[Rebuild, rebuilds.Progress]:
    rebuild = rebuilds.find_rebuild(connection, rebuild_id)
    assert rebuild is not None, "only what is long over is forgotten"
    return rebuild, rebuilds.progress_of(rebuild, ranges_of(connection, rebuild_id))


def _result(connection: Connection, rebuild: Rebuild) -> tuple[list[Quarantine], rebuilds.Progress]:
    ranges = ranges_of(connection, rebuild.id)
    found = [one for r in ranges for one in quarantines_among(connection, r.after, r.reached)]
    return found, rebuilds.progress_of(rebuild, ranges)


def _show_progress(bar: Progress, task: TaskID, progress: rebuilds.Progress) -> None:
    speed = f"{progress.events_per_second:,} events/s"
    bar.update(task, completed=progress.done, speed=speed)


class _Telling:
    """Tells of each ledger that is not as it should be, the bar out of the way."""

    def __init__(self, bar: Progress, task: TaskID, *, as_json: bool) -> None:
        self._bar = bar
        self._task = task
        self._as_json = as_json
        self._ledgers = self._events = self._wrong = self._quarantined = 0
        self._began = time.monotonic()

    @property
    def is_clean(self) -> bool:
        return not self._wrong and not self._quarantined

    def about(self, verdict: Verdict) -> None:
        self._ledgers += 1
        self._events += verdict.events
        speed = self._events / max(0.001, time.monotonic() - self._began)
        self._bar.update(self._task, advance=1, speed=f"{speed:,.0f} events/s")
        if not verdict.is_right:
            self._bar.stop()
            self._tell(verdict)
            self._bar.start()

    def _tell(self, verdict: Verdict) -> None:
        ledger_id = verdict.ledger_id
        for named in verdict.named:
            told = {"ledger_id": ledger_id, **msgspec.structs.asdict(named)}
            say(told, f"{ledger_id} {_sentence(named)}", as_json=self._as_json)
        counted = {"ledger_id": ledger_id, "wrong": verdict.wrong}
        if verdict.wrong:
            self._wrong += 1
            of = ", ".join(f"{table} {count:,}" for table, count in verdict.wrong.items())
            say(counted, f"{ledger_id} rows that differ: {of}", as_json=self._as_json)
        if verdict.quarantine is not None:
            self._quarantined += 1
            text = f"{ledger_id} {_of_quarantine(verdict.quarantine)}"
            say(verdict.quarantine, text, as_json=self._as_json)

    def sum_up(self) -> None:
        counts = {
            "ledgers": self._ledgers,
            "events": self._events,
            "differing": self._wrong,
            "unfollowable": self._quarantined,
        }
        say(counts, ", ".join(f"{n}: {c:,}" for n, c in counts.items()), as_json=self._as_json)


def _sentence(named: Named) -> str:
    """Names and ids, never what a row says: that is its owner's."""
    row = " ".join((named.table, *named.key))
    if named.is_missing or named.is_extra:
        return f"{row}: {'is missing' if named.is_missing else 'should not be there'}"
    return f"{row}: {', '.join(named.columns)}"


def _of_quarantine(found: Quarantine) -> str:
    return f"cannot be followed past version {found.version}: {found.reason}"


def _span(database: Database, ledger_id: UUID | None) -> tuple[UUID, UUID]:
    """The ids that are asked for. Raises `LedgerMissing`: a slip of the pen is not a clean bill."""
    if ledger_id is None:
        return EVERYTHING
    if not database.read(partial(rebuilds.is_there, ledger_id=ledger_id)):
        raise LedgerMissing(ledger_id)
    return UUID(int=ledger_id.int - 1), ledger_id


def _total(database: Database, ledger_id: UUID | None) -> int:
    row = database.glance("SELECT count(*) AS count FROM ledgers")
    return 1 if ledger_id is not None or row is None else int(row["count"])


def _bar(*, quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"))
    return Progress(
        *columns,
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=Console(quiet=quiet, stderr=True),
        transient=True,
        redirect_stdout=False,
    )
