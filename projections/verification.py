"""Verification: everything that is kept of a ledger, against what its events say."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from domain.money import Totals
from domain.store.database import Connection, Database
from domain.store.folding import let_go, triples_after, without_cycles
from domain.store.ledgers import Head, read_head
from projections.chain import Chain, Finding, Findings
from projections.folding import Poison
from projections.images import NAMED, Difference, differences

AT_ONCE: Final = 5000
"""Events read in one transaction: nobody's snapshot is kept for longer than that takes."""

Subject = Literal["ledger", "tombstone", "stray"]
Advance = Callable[[int], None]
"""Is told how many more events were followed."""

_KEYS_AHEAD: Final = """
    SELECT version FROM idempotency_keys
    WHERE ledger_id = :ledger_id AND (version > :version OR version < 0) ORDER BY version LIMIT 100
"""
_OWNER: Final = "SELECT id FROM accounts WHERE ledger_id = :ledger_id"


class Verification(msgspec.Struct, frozen=True):
    """What verifying one ledger came to; `totals` are None when its events cannot be folded.

    `version` and `digest` are what the events come to. Of very many findings only the first are
    kept; `found` counts all. It is `of` a ledger, of what an erased one left, or of what belongs
    to neither.
    """

    ledger_id: UUID
    version: int
    digest: bytes
    events: int
    totals: Totals | None
    findings: list[Finding]
    found: int
    of: Subject = "ledger"

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return self.found == 0


def verify_ledger(
    database: Database, ledger_id: UUID, advance: Advance = lambda _events: None
) -> Verification:
    """Recompute every digest of a ledger, and compare all that is derived from its events.

    The events are read a few at a time, each time in a transaction of its own, since they never
    change; what is told beside them is read in the snapshot in which they end. `advance` is told
    how many were followed. Raises `LedgerMissing`, also after an erasure meanwhile.
    """
    findings = Findings()
    chain = Chain(ledger_id, findings)
    is_over = False
    with without_cycles():
        while not is_over:
            with database.reading() as connection:
                rows = triples_after(connection, ledger_id, chain.version, AT_ONCE)
                is_over = len(rows) < AT_ONCE
                if is_over:
                    chain.follow(rows)
                    _compare(connection, chain, findings)
            if not is_over:
                chain.follow(rows)
            advance(len(rows))
        totals = None
        if chain.state is not None:
            totals = chain.state.totals
            let_go(chain.state)
    return Verification(
        ledger_id,
        chain.version,
        chain.digest,
        chain.events,
        totals,
        findings.kept,
        findings.count,
    )


def _compare(connection: Connection, chain: Chain, findings: Findings) -> None:
    """Whatever is told beside the events, in the snapshot in which they end."""
    try:
        head = read_head(connection, chain.ledger_id)
    except msgspec.ValidationError as error:
        findings.add("head_unreadable", "head", None, str(error))
        return
    _compare_head(head, chain, findings)
    for row in connection.all(_KEYS_AHEAD, ledger_id=chain.ledger_id, version=head.version):
        findings.add("key_ahead", "idempotency_keys", None, row["version"], head.version)
    if chain.state is None:
        return
    account = connection.one(_OWNER, ledger_id=chain.ledger_id)
    owner = None if account is None else msgspec.convert(account["id"], UUID)
    if owner not in (None, chain.state.account_id):
        findings.add("owner_differs", "account", 1, str(owner), str(chain.state.account_id))
    try:
        for difference in differences(connection, head.rows_id, chain.state):
            findings.add(*_named(difference))
    except Poison as poison:
        findings.add(poison.reason, "events", None, repr(poison.__cause__))


def _compare_head(head: Head, chain: Chain, findings: Findings) -> None:
    if head.version != chain.version:
        findings.add("head_version", "head", None, head.version, chain.version)
    if head.digest != chain.digest:
        findings.add("head_digest", "head", head.version, head.digest.hex(), chain.digest.hex())
    if chain.recorded_at is not None and head.recorded_at != chain.recorded_at:
        times = (head.recorded_at.isoformat(), chain.recorded_at.isoformat())
        findings.add("head_recorded_at", "head", head.version, *times)
    if chain.state is not None and head.totals != chain.state.totals:
        told, expected = map(msgspec.to_builtins, (head.totals, chain.state.totals))
        findings.add("head_totals", "head", None, told, expected)


def _named(row: Difference) -> tuple[str, str, int | None, object, object]:
    """The arguments of a finding about a row; of one that differs, the columns that do."""
    columns = NAMED[row.table].columns
    told, expected = (
        None if values is None else dict(zip(columns, map(_plain, values), strict=True))
        for values in (row.told, row.expected)
    )
    about = " ".join((row.table, *(str(_plain(part)) for part in row.key)))
    if told is None or expected is None:
        code = "row_missing" if told is None else "row_unexpected"
        version = (told or expected or {}).get("version")
        return code, about, version, told, expected
    differing = [name for name in columns if told[name] != expected[name]]
    is_told, should_be = ({name: one[name] for name in differing} for one in (told, expected))
    return "row_differs", about, expected.get("version"), is_told, should_be


def _plain(value: Any) -> Any:
    """A value as JSON has it; SQLite's ids are 16 bytes."""
    if isinstance(value, bytes):
        return str(UUID(bytes=value)) if len(value) == 16 else value.hex()
    return str(value) if isinstance(value, UUID | dt.date) else value
