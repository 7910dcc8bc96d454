"""The command `flask audit replay`: a ledger's history read out, or how it stood at a version."""

from collections.abc import Iterator
from uuid import UUID

import click
import msgspec

from domain.base import RecordedEvent
from domain.decider import evolve
from domain.ledger import LedgerState
from domain.money import Totals
from domain.store.codec import UnknownEvent, read_event
from domain.store.database import Database
from domain.store.ledgers import read_head
from projections.history import StoredRow, readable, stream_events
from web.auditing.sentences import Narrator, harmless
from web.auditing.shared import as_json_option, opened, say


@click.command("replay")
@click.argument("ledger_id", type=click.UUID)
@click.option("--version", type=click.IntRange(1), help="Show how it stood at this version.")
@as_json_option
def replay(ledger_id: UUID, version: int | None, as_json: bool) -> None:
    """Read out a ledger's history with its balance, or show it as it stood at a version."""
    with opened() as database:
        head = database.read(lambda connection: read_head(connection, ledger_id))
        if version is None:
            _read_out(_history(database, ledger_id, head.version), as_json=as_json)
        elif version > head.version:
            raise click.ClickException(f"the ledger is at version {head.version}")
        else:
            _show_state(_history(database, ledger_id, version), as_json=as_json)


def _history(
    database: Database, ledger_id: UUID, until: int
) -> Iterator[tuple[StoredRow, RecordedEvent]]:
    try:
        for row in stream_events(database, ledger_id, 0, until, lambda _connection: None):
            yield row, read_event(row.ledger_id, row.version, row.topic, row.state)
    except UnknownEvent as error:
        raise click.ClickException(f"{error}; see `flask audit verify`") from error


def _read_out(history: Iterator[tuple[StoredRow, RecordedEvent]], *, as_json: bool) -> None:
    narrator, totals = Narrator(), Totals()
    for row, recorded in history:
        for posting in recorded.event.postings():
            totals = totals.plus(posting)
        at = recorded.recorded_at.isoformat(timespec="seconds")
        text = f"{row.version:>7}  {at}  {narrator.sentence(recorded.event)}"
        shown = {**msgspec.structs.asdict(readable(row)), "balance": totals.balance}
        say(shown if as_json else None, f"{text}  = {totals.balance:,}", as_json=as_json)


def _show_state(history: Iterator[tuple[StoredRow, RecordedEvent]], *, as_json: bool) -> None:
    state = LedgerState()
    last: tuple[StoredRow, RecordedEvent] | None = None
    for last in history:
        evolve(state, last[1])
    assert last is not None
    row, recorded = last
    shown = {
        "ledger_id": row.ledger_id,
        "version": row.version,
        "digest": row.digest,
        "recorded_at": recorded.recorded_at,
        "balance": _balance(state.totals),
        "categories": [one for one in state.categories.values() if not one.is_removed],
        "budgets": [one for one in state.budgets.values() if not one.is_removed],
        "goals": [one for one in state.goals.values() if not one.is_removed],
        "saving_policy": state.saving_policy,
        "recurrences": [one for one in state.recurrences.values() if not one.is_removed],
        "counts": _counts(state),
    }
    say(shown, "\n".join(_lines(shown, state)), as_json=as_json)


def _balance(totals: Totals) -> dict[str, int]:
    return {
        "income": totals.income,
        "expense": totals.expense,
        "savings": totals.savings,
        "balance": totals.balance,
    }


def _counts(state: LedgerState) -> dict[str, int]:
    entries = state.transactions.values()
    voided = sum(entry.is_voided for entry in entries)
    return {
        "transactions": len(entries) - voided,
        "voided": voided,
        "categories": sum(not one.is_removed for one in state.categories.values()),
        "budgets": sum(not one.is_removed for one in state.budgets.values()),
        "recurrences": sum(not one.is_removed for one in state.recurrences.values()),
        "goals": sum(not one.is_removed for one in state.goals.values()),
    }


def _lines(shown: dict[str, object], state: LedgerState) -> Iterator[str]:
    yield f"ledger {shown['ledger_id']} at version {shown['version']}"
    yield f"recorded at {shown['recorded_at']}, digest {shown['digest']}"
    yield ", ".join(f"{name} {value:,}" for name, value in _balance(state.totals).items())
    yield ", ".join(f"{name}: {value:,}" for name, value in _counts(state).items())
    net: dict[UUID, int] = {}
    for entry in state.transactions.values():
        if not entry.is_voided:
            sign = -1 if entry.direction == "withdraw" else 1
            net[entry.category_id] = net.get(entry.category_id, 0) + sign * entry.amount_rials
    for category in state.categories.values():
        if not category.is_removed:
            active = "" if category.is_active else ", inactive"
            name = harmless(category.name)
            yield f"  {category.kind:<8} {net.get(category.id, 0):>20,}  {name}{active}"
