"""Jobs: what the worker does. Arguments are plain text, and a job may run twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from redis import Redis
from rq import get_current_job

from domain.calendar import today_in_tehran
from domain.store import accounts, checkpoints, deliveries, notices, tallies
from domain.store import verification_nights as nights
from domain.store.database import Connection, Database, open_database
from domain.store.erasure import scrub_after_erasures as scrub
from domain.store.ledgers import LedgerStore
from domain.store.queue import enqueue
from domain.store.settings import read_settings
from projections import indexing, nightly, rebuild_ranges
from projections.rows import LedgerRows
from workers import chores, exports, imports, texts

KEEP_ENDED_SESSIONS: Final = timedelta(days=30)


def remove_stale_sessions() -> int:
    """Forget sessions that expired or ended over 30 days ago; how many there were."""
    before = datetime.now(UTC) - KEEP_ENDED_SESSIONS
    with _open_database() as database:
        return database.write(lambda connection: accounts.remove_stale_sessions(connection, before))


def scrub_after_erasures() -> int:
    """Clear what erased people left in the database's files; how many erasures it was for."""
    with _open_database() as database:
        return scrub(database, datetime.now(UTC))


def index_descriptions() -> int:
    """Index what people told since the last time, where it is much; how many ledgers it was."""
    with _open_database() as database:
        behind = database.read(indexing.ledgers_behind)
        for ledger_id in behind:
            indexing.index_descriptions(database, ledger_id)
        return len(behind)


def sign_checkpoint() -> int:
    """Sign where every ledger stands; how many leaves the log has."""
    with _open_database() as database:
        signed = checkpoints.sign_checkpoint(
            database, checkpoints.new_signer(read_settings()), datetime.now(UTC)
        )
        return 0 if signed is None else signed.size


def begin_chores() -> int:
    """Find out what the clock owes which ledgers today, and hand it out; in how many tasks."""
    settings = read_settings()
    with _open_database() as database, Redis.from_url(settings.redis_url) as redis:
        tasks = chores.begin_chores(LedgerStore(database, LedgerRows))
        for task in tasks:
            enqueue(redis, task)
        return len(tasks)


def run_chore_range(day: str, number: str) -> None:
    """Do what the clock owes the ledgers of one range."""
    with _open_database() as database:
        store = LedgerStore(database, LedgerRows)
        done, failed = chores.run_range(store, date.fromisoformat(day), int(number))
    _count_tended("chores", done=done, failed=failed)


def verify_share() -> None:
    """Have tonight's share of all ledgers verified; each has its turn within a month."""
    now = datetime.now(UTC)
    begin = partial(nights.begin_night, night=today_in_tehran(now), now=now)
    with _open_database() as database, Redis.from_url(read_settings().redis_url) as redis:
        enqueue(redis, nights.task_of(database.write(begin)))


def verify_night(night: str) -> None:
    """Verify the share of ledgers that a night has begun with."""
    with _open_database() as database:
        right, astray = nightly.verify_night(database, date.fromisoformat(night))
    _count_tended("verification", right=right, astray=astray)


def _count_tended(work: str, **outcomes: int) -> None:
    with Redis.from_url(read_settings().redis_url) as redis:
        for outcome, number in outcomes.items():
            tallies.count(redis, "tended_ledgers", work, outcome, number=number)


def run_import(ledger_id: str, import_id: str) -> None:
    """Record the rows of a file that somebody brought, and index them."""
    with _open_database() as database:
        store = LedgerStore(database, LedgerRows)
        imports.run_import(store, UUID(ledger_id), UUID(import_id))
        indexing.index_descriptions(database, UUID(ledger_id))


def run_export(ledger_id: str, export_id: str) -> None:
    """Write the file that somebody takes their ledger away in."""
    with _open_database() as database:
        exports.run_export(database, UUID(ledger_id), UUID(export_id))


def tend_exports() -> None:
    """Forget exports that are a week old."""
    with _open_database() as database:
        exports.tend_exports(database)


def tend_imports() -> None:
    """Forget uploads that broke off, and imports that are long over."""
    with _open_database() as database:
        imports.tend_imports(LedgerStore(database, LedgerRows))


def run_rebuild_range(rebuild_id: str, number: str) -> None:
    """Put right the rows of the ledgers in one range of a rebuild."""
    # What is lost with the power is found, and put right, by the next one.
    with _open_database(is_synced=False) as database:
        rebuild_ranges.run_range(database, UUID(rebuild_id), int(number))


def tend_rebuilds() -> None:
    """Remove what killed rebuilds left half built, and forget rebuilds that are long over."""
    with _open_database() as database:
        rebuild_ranges.tend_rebuilds(database)


def send_text(ledger_id: str, notice_id: str) -> None:
    """Send the SMS of a notice."""
    job = get_current_job()
    assert job is not None
    with _open_database() as database:
        texts.send(read_settings(), database, job.connection, UUID(ledger_id), UUID(notice_id))


def remove_old_notices() -> int:
    """Forget notices that were read and are a year old; how many there were."""
    return _remove_all(notices.remove_old_notices)


def remove_old_deliveries() -> int:
    """Forget what was sent to webhooks a month ago; how many messages it was."""
    return _remove_all(deliveries.remove_old_deliveries)


def _remove_all(remove_some: Callable[[Connection, datetime], int]) -> int:
    """Remove a few in each transaction, so that nobody waits for long."""
    count, now = 0, datetime.now(UTC)
    with _open_database() as database:
        while removed := database.write(lambda c: remove_some(c, now)):
            count += removed
    return count


@contextmanager
def _open_database(*, is_synced: bool = True) -> Iterator[Database]:
    database = open_database(read_settings().database_url, is_synced=is_synced)
    try:
        yield database
    finally:
        database.close()
