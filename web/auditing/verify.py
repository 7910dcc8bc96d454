"""The command `flask audit verify`: a ledger, or all of them, against what their events say."""

import sys
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from domain.store.accesses import all_accesses, broken_seals
from domain.store.checkpoints import Signer, latest_checkpoint
from domain.store.database import Connection, Database
from domain.store.erasure import tombstones
from domain.store.ledgers import LedgerMissing, read_head
from domain.store.proofs import check_checkpoint
from domain.store.settings import read_settings
from domain.verifier import Unreadable
from projections.chain import Finding
from projections.verification import Advance, Verification, verify_ledger
from projections.whole_store import count_events, verify_store, verify_tombstone
from web.auditing.shared import as_json_option, opened, say, short

About = tuple[UUID | None, Finding]
"""A finding, and the ledger that it is about, if it is about one."""


class Total(msgspec.Struct):
    """What was looked at, and how much was found."""

    ledgers: int = 0
    tombstones: int = 0
    events: int = 0
    findings: int = 0


@click.command("verify")
@click.option("--ledger", "ledger_id", type=click.UUID, help="Only this one.")
@click.option("--checkpoint", type=click.File("rb"), help="Also what this signed note vouches for.")
@click.option("--key", help="The public key that signed it; this service's if not said.")
@as_json_option
def verify(
    ledger_id: UUID | None, checkpoint: BinaryIO | None, key: str | None, as_json: bool
) -> None:
    """Recompute every digest and total, and compare all that is kept; 1 on a finding."""
    with opened() as database, _progress(quiet=as_json) as progress:
        events = count_events(database) if ledger_id is None else _version(database, ledger_id)
        task = progress.add_task("Events", total=events)
        report = _Report(progress, as_json=as_json)
        for result in _verified(database, ledger_id, lambda count: progress.advance(task, count)):
            report.add(result)
        if ledger_id is None:
            report.tell(None, database.read(_of_accesses))
        if checkpoint is not None:
            report.tell_each(database.read(lambda c: _vouched(c, checkpoint.read(), key or _own())))
        elif ledger_id is None:
            report.tell_each(database.read(_vouched_last))
    report.sum_up()
    sys.exit(1 if report.total.findings else 0)


class _Report:
    """Tells of each finding on a line of its own, the bar out of the way; then how many."""

    def __init__(self, progress: Progress, *, as_json: bool) -> None:
        self.total = Total()
        self._progress = progress
        self._as_json = as_json

    def add(self, result: Verification) -> None:
        self.total.ledgers += result.of == "ledger"
        self.total.tombstones += result.of == "tombstone"
        self.total.events += result.events
        self.tell(result.ledger_id, result.findings)
        if more := result.found - len(result.findings):
            self.total.findings += more - 1
            self.tell(result.ledger_id, [Finding("more_findings", "ledger", told=more)])

    def tell(self, ledger_id: UUID | None, findings: list[Finding]) -> None:
        if not findings:
            return
        self.total.findings += len(findings)
        self._progress.stop()
        for finding in findings:
            told = {"ledger_id": ledger_id, **msgspec.structs.asdict(finding)}
            say(told, _sentence(ledger_id, finding), as_json=self._as_json)
        self._progress.start()

    def tell_each(self, found: list[About]) -> None:
        for ledger_id, finding in found:
            self.tell(ledger_id, [finding])

    def sum_up(self) -> None:
        total = self.total
        text = (
            f"ledgers: {total.ledgers:,}, erased: {total.tombstones:,},"
            f" events: {total.events:,}, findings: {total.findings:,}"
        )
        say(total, text, as_json=self._as_json)


def _progress(*, quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"))
    console = Console(quiet=quiet, stderr=True)
    return Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, redirect_stdout=False
    )


def _version(database: Database, ledger_id: UUID) -> int:
    try:
        return database.read(lambda connection: read_head(connection, ledger_id)).version
    except (LedgerMissing, msgspec.ValidationError):
        return 0


def _verified(
    database: Database, ledger_id: UUID | None, advance: Advance
) -> Iterator[Verification]:
    if ledger_id is None:
        yield from verify_store(database, advance)
        return
    try:
        yield verify_ledger(database, ledger_id, advance)
    except LedgerMissing:
        stones = [one for one in database.read(tombstones) if one.ledger_id == ledger_id]
        if not stones:
            raise
        yield verify_tombstone(database, stones[0])


def _of_accesses(connection: Connection) -> list[Finding]:
    broken = broken_seals(all_accesses(connection))
    return [Finding(one.code, f"access {one.number}") for one in broken]


def _own() -> str:
    settings = read_settings()
    return Signer(settings.checkpoint_origin, settings.checkpoint_signing_key).public_key


def _vouched(connection: Connection, note: bytes, key: str) -> list[About]:
    try:
        found = list(check_checkpoint(connection, note, key))
    except Unreadable as error:
        raise click.ClickException(f"the checkpoint cannot be read: {error}") from error
    return [(one.ledger_id, Finding(one.code, "checkpoint", one.version)) for one in found]


def _vouched_last(connection: Connection) -> list[About]:
    """What the store's own last checkpoint vouches for: whoever changes both can change this."""
    last = latest_checkpoint(connection)
    return [] if last is None else _vouched(connection, last.note.encode(), last.public_key)


def _sentence(ledger_id: UUID | None, finding: Finding) -> str:
    where = "" if ledger_id is None else f"{ledger_id} "
    version = "" if finding.version is None else f"version {finding.version} "
    text = f"{where}{version}{finding.code}: {finding.about}"
    if finding.told is None and finding.expected is None:
        return text
    return f"{text} is {short(finding.told)}, expected {short(finding.expected)}"
