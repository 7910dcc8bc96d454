"""Looking at a ledger from behind: its events, their digests, and the rows beside them."""

from functools import reduce
from uuid import UUID

from domain.decider import evolve
from domain.ledger import LedgerState
from domain.store.codec import digest, first_prev, from_stored
from domain.store.database import Connection, open_database
from domain.store.ledgers import read_head
from domain.store.recorder import as_stored
from projections.verify import differences, facts_of_rows, facts_of_state


def audited(database_url: str, ledger_id: UUID) -> LedgerState:
    """The fold of a ledger that is in order: no gap, no broken seal, no row that disagrees."""
    database = open_database(database_url)
    try:
        return database.read(lambda connection: _audit(connection, ledger_id))
    finally:
        database.close()


def count_rows(database_url: str, table: str) -> int:
    """How many rows a table has, of all ledgers."""
    database = open_database(database_url)
    try:
        row = database.read(lambda c: c.one(f"SELECT count(*) AS count FROM {table}"))
    finally:
        database.close()
    assert row is not None
    return int(row["count"])


def assert_file_is_sound(database_url: str) -> None:
    """SQLite's own word that its file is whole; PostgreSQL looks after its pages itself."""
    if not database_url.startswith("sqlite"):
        return
    database = open_database(database_url)
    try:
        assert database.read(lambda c: c.one("PRAGMA integrity_check")) == {"integrity_check": "ok"}
    finally:
        database.close()


def _audit(connection: Connection, ledger_id: UUID) -> LedgerState:
    rows = connection.all(
        "SELECT originator_id, originator_version, topic, state FROM events"
        " WHERE originator_id = :ledger_id ORDER BY originator_version",
        ledger_id=ledger_id,
    )
    stored = [as_stored(row) for row in rows]
    assert [event.originator_version for event in stored] == list(range(1, len(stored) + 1))
    seal = first_prev(ledger_id)
    for event in stored:
        assert from_stored(event).prev == seal.hex()
        seal = digest(ledger_id, event.originator_version, event.topic, event.state)
    assert read_head(connection, ledger_id).digest == seal
    state = reduce(evolve, map(from_stored, stored), LedgerState())
    assert differences(facts_of_rows(connection, ledger_id), facts_of_state(state)) == []
    return state
