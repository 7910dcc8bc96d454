"""Imports: the rows of a file recorded through the rules, in short transactions."""

import datetime as dt
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import islice
from typing import Final, Protocol
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Refusal
from domain.calendar import today_in_tehran
from domain.categories import AddCategory
from domain.ledger import Category, Ledger
from domain.money import MAX_AMOUNT_RIALS, Direction
from domain.refusals import CategoryNotFound, KindMismatch
from domain.store import jobs
from domain.store.database import Connection, StoreUnavailable
from domain.store.imports import storage
from domain.store.imports.columns import BadColumns
from domain.store.imports.lines import Draft, Flaw, Line, read_lines
from domain.store.imports.options import Options
from domain.store.imports.sheets import BadFile
from domain.store.imports.storage import Import, RowResult, RowStatus
from domain.store.jobs import Job
from domain.store.ledgers import Bracket, LedgerMissing, LedgerStore, read_head
from domain.transactions import RecordTransaction, VoidTransaction
from workers.rehearsals import Rehearsal

BATCH_ROWS: Final = 500
BRACKET_SECONDS: Final = 0.03
LEAST_ROWS: Final = 100
BROKEN_OFF_AFTER: Final = dt.timedelta(hours=1)
KEEP_RESULTS: Final = dt.timedelta(days=30)
KEEP_RESULTS_OF: Final = 20
"""A ledger's imports, the one that begins among them, whose rows can be looked at."""
REMOVED_ROWS: Final = 2000


class Recording(Protocol):
    """What a row is recorded in: a bracket, or a rehearsal of one."""

    @property
    def ledger(self) -> Ledger:
        """The facts the rules ask for."""

    @property
    def today(self) -> dt.date:
        """The day in Tehran."""

    def record(self, command: Command) -> Sequence[object]:
        """Record a command; nothing where everything is as asked already."""


class _Overtaken(Exception):
    """Another worker goes on with this import, or it was erased."""


class _Refused(Exception):
    def __init__(self, field: str, code: str, **details: object) -> None:
        super().__init__(code)
        self.flaw = Flaw(field, code, details)


def run_import(store: LedgerStore, ledger_id: UUID, import_id: UUID) -> None:
    """Record what a file holds. It goes on where an earlier run was killed.

    The rows of a bracket, their results and the progress are one transaction, so that nothing
    is recorded or counted twice.
    """
    found = store.database.read(lambda connection: _find(connection, ledger_id, import_id))
    if found is None or found[0].status not in ("queued", "running"):
        return
    job, wanted = found
    if not _change(store, job, "running"):
        return
    try:
        _forget_old_results(store, job)
        _read_and_record(store, msgspec.structs.replace(job, status="running"), wanted)
    except (_Overtaken, LedgerMissing):
        return
    except BadFile as error:
        _change(store, job, "failed", error.code)
    except BadColumns:
        _change(store, job, "failed", "column_missing")
    except StoreUnavailable:
        raise  # the queue tries again
    except Exception:
        _change(store, job, "failed", "internal_error")
        raise


def tend_imports(store: LedgerStore) -> None:
    """Forget uploads that broke off, and what is long over."""
    now = store.clock()

    def neglected(statuses: Sequence[jobs.Status], age: dt.timedelta) -> list[Job]:
        return store.database.read(
            lambda c: jobs.neglected_jobs(c, statuses, now - age, kinds=("import",))
        )

    for job in neglected(("uploading",), BROKEN_OFF_AFTER) + neglected(
        ("done", "failed"), KEEP_RESULTS
    ):
        store.database.write(partial(_forget, job=job))


def _forget(connection: Connection, job: Job) -> None:
    storage.remove_import(connection, job.ledger_id, job.id)
    jobs.remove_job(connection, job)


def _forget_old_results(store: LedgerStore, begun: Job) -> None:
    """Before an import begins, so that however many there are, the rows of few are kept."""
    found = store.database.read(lambda c: storage.imports_with_results(c, begun.ledger_id))
    for import_id in found[KEEP_RESULTS_OF - 1 :]:
        remove = partial(
            storage.remove_results,
            ledger_id=begun.ledger_id,
            import_id=import_id,
            most=REMOVED_ROWS,
        )
        while store.database.write(remove) == REMOVED_ROWS:
            pass


def _find(connection: Connection, ledger_id: UUID, import_id: UUID) -> tuple[Job, Import] | None:
    job = jobs.find_job(connection, ledger_id, import_id)
    wanted = storage.find_import(connection, ledger_id, import_id)
    return None if job is None or wanted is None else (job, wanted)


def _change(store: LedgerStore, job: Job, status: jobs.Status, error: str | None = None) -> bool:
    """Move the job on; when it is over, its file is not needed any more."""

    def changed(connection: Connection) -> bool:
        if status in ("done", "failed"):
            storage.remove_file(connection, job.ledger_id, job.id)
        return jobs.change_status(connection, job, status, store.clock(), error=error)

    return store.database.write(changed)


def _read_and_record(store: LedgerStore, job: Job, wanted: Import) -> None:
    # On this machine for this run only: ZIP needs to be read from its end.
    with tempfile.TemporaryFile() as file:
        storage.copy_file(store.database, job.ledger_id, job.id, file)
        lines = read_lines(file, wanted.options, job.ledger_id)
        record = _rehearsed(store, wanted) if wanted.options.dry_run else _recorded(store, wanted)
        while batch := deque(islice(lines, BATCH_ROWS)):
            while batch:
                job, count = record(job, batch)
                for _ in range(count):
                    batch.popleft()
    _change(store, job, "done")


Recorder = Callable[[Job, Collection[Line]], tuple[Job, int]]
"""Settles as many lines as fit in a short transaction: how far the job is, and how many."""


def _recorded(store: LedgerStore, wanted: Import) -> Recorder:
    def record(job: Job, batch: Collection[Line]) -> tuple[Job, int]:
        # Rows of an earlier run were read again only because ids count what came before them.
        done = sum(1 for line in batch if line.row <= job.done)
        if done:
            return job, done

        def bracketed(bracket: Bracket) -> tuple[Job, int]:
            results = _settled(bracket, batch, wanted.options)
            return _kept(bracket.connection, job, results, store.clock()), len(results)

        return store.transact(wanted.ledger_id, wanted.actor, bracketed)

    return record


def _rehearsed(store: LedgerStore, wanted: Import) -> Recorder:
    """Decide on the lines as if those before them, of an earlier run too, had been recorded."""
    rehearsal = Rehearsal(today_in_tehran(store.clock()))

    def rehearse(job: Job, batch: Collection[Line]) -> tuple[Job, int]:
        with store.database.reading() as connection:
            head = read_head(connection, wanted.ledger_id)
            rehearsal.ledger.rows = store.projector(connection, head)
            results = _settled(rehearsal, batch, wanted.options)
        new = [result for result in results if result.row > job.done]

        def keep(connection: Connection) -> Job:
            read_head(connection, wanted.ledger_id, lock=True)
            return _kept(connection, job, new, store.clock())

        return (store.database.write(keep) if new else job), len(results)

    return rehearse


def _kept(connection: Connection, job: Job, results: list[RowResult], now: dt.datetime) -> Job:
    done = results[-1].row
    if not jobs.advance(connection, job, done, now):
        raise _Overtaken
    storage.add_results(connection, job.ledger_id, job.id, results)
    return msgspec.structs.replace(job, done=done)


def _settled(recording: Recording, batch: Collection[Line], options: Options) -> list[RowResult]:
    deadline = time.monotonic() + BRACKET_SECONDS
    categories: dict[str, Category] = {}
    results = []
    for line in batch:
        results.append(_result(recording, line, options, categories))
        if len(results) >= LEAST_ROWS and time.monotonic() > deadline:
            break
    return results


def _result(
    recording: Recording, line: Line, options: Options, categories: dict[str, Category]
) -> RowResult:
    if line.draft is None or line.id is None:
        return RowResult(line.row, "refused", None, line.flaws)
    # An id made of what a row says cannot be anything else's; one of the file's own can.
    if not line.has_own_id and recording.ledger.transaction(line.id) is not None:
        return RowResult(line.row, "unchanged", line.id)
    try:
        recorded = _record(recording, line.id, line.draft, options, categories)
    except Refusal as refusal:
        flaw = Flaw(refusal.field or "", refusal.code, refusal.details)
        return RowResult(line.row, "refused", None, (flaw,))
    except _Refused as refused:
        return RowResult(line.row, "refused", None, (refused.flaw,))
    made: RowStatus = "would_record" if options.dry_run else "recorded"
    return RowResult(line.row, made if recorded else "unchanged", line.id)


def _record(
    recording: Recording, own_id: UUID, draft: Draft, options: Options, known: dict[str, Category]
) -> Sequence[object]:
    """Nothing where all is as the row says. Raises `Refusal` and `_Refused`, leaving nothing."""
    category = known.get(draft.category) or recording.ledger.category_named(draft.category)
    if category is None:
        # An entry that is there already may be in a category that was renamed since.
        entry = recording.ledger.transaction(own_id)
        category = None if entry is None else recording.ledger.category(entry.category_id)
        if category is None:
            return _record_in_new_category(recording, own_id, draft, options)
    else:
        known[draft.category] = category
        if draft.kind is not None and draft.kind != category.kind:
            raise KindMismatch("kind", name=category.name)
    return _record_entry(recording, draft, _command(own_id, draft, category), options)


def _record_entry(
    recording: Recording, draft: Draft, entry: RecordTransaction, options: Options
) -> Sequence[object]:
    """Record an entry; one that is voided where it comes from is voided at once, and only then."""
    if draft.is_voided and options.dry_run:
        return Rehearsal(recording.today, recording.ledger).record(entry)
    recorded = recording.record(entry)
    if recorded and draft.is_voided:
        assert entry.id is not None, "rows name their entries"
        recording.record(VoidTransaction(transaction_id=entry.id))
    return recorded


def _addition(draft: Draft, options: Options) -> AddCategory:
    if options.missing_categories == "refuse":
        raise CategoryNotFound("category")
    kind = draft.kind or options.kind
    if kind is None:
        raise _Refused("kind", "required")
    return AddCategory(id=uuid4(), name=draft.category, kind=kind)


def _record_in_new_category(
    recording: Recording, own_id: UUID, draft: Draft, options: Options
) -> Sequence[object]:
    addition = _addition(draft, options)
    # Both are tried out before either is recorded: a row that is refused makes no category.
    trial = Rehearsal(recording.today, recording.ledger)
    trial.record(addition)
    category = trial.ledger.category_named(draft.category)
    assert category is not None, "it was just added"
    entry = _command(own_id, draft, category)
    trial.record(entry)
    recording.record(addition)
    return _record_entry(recording, draft, entry, options)


def _command(transaction_id: UUID, draft: Draft, category: Category) -> RecordTransaction:
    amount: int | UnsetType = UNSET if draft.amount_rials is None else abs(draft.amount_rials)
    return RecordTransaction(
        id=transaction_id,
        category_id=category.id,
        amount_rials=amount,
        date=draft.date,
        description=draft.description,
        direction=_direction(draft, category),
    )


def _direction(draft: Draft, category: Category) -> Direction | UnsetType:
    """A minus means that money went out: spent, or taken back from savings."""
    if draft.amount_rials is None or draft.amount_rials > 0 or category.kind == "expense":
        return draft.direction or UNSET
    if category.kind == "income" or draft.direction == "deposit":
        raise _Refused("amount", "out_of_range", minimum=1, maximum=MAX_AMOUNT_RIALS)
    return "withdraw"
