"""Verification: everything that is kept of a ledger, against what its events say."""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.money import Totals
from domain.store.database import Connection, Database
from domain.store.folding import triples_after
from domain.store.ledgers import Head, read_head
from projections.chain import Chain, Finding, Findings
from projections.verify import Difference, Facts, differences, facts_of_rows, facts_of_state

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

_OF_HEAD: Final = {"version": "head_version", "totals": "head_totals"}


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


class _Told(NamedTuple):
    """What is told of a ledger beside its events, in the snapshot in which they ended."""

    head: Head
    facts: Facts
    keys_ahead: list[int]
    owner: UUID | None


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
    told: _Told | None = None
    while not is_over:
        with database.reading() as connection:
            rows = triples_after(connection, ledger_id, chain.version, AT_ONCE)
            is_over = len(rows) < AT_ONCE
            try:
                told = _told(connection, ledger_id, whole=is_over)
            except msgspec.ValidationError as error:
                if is_over:
                    findings.add("head_unreadable", "head", None, str(error))
        chain.follow(rows)
        advance(len(rows))
    if told is not None:
        _compare(chain, told, findings)
    totals = None if chain.state is None else chain.state.totals
    return Verification(
        ledger_id,
        chain.version,
        chain.digest,
        chain.events,
        totals,
        findings.kept,
        findings.count,
    )


def _told(connection: Connection, ledger_id: UUID, *, whole: bool) -> _Told | None:
    """What is told beside the events; only that there is a ledger still, when not `whole`."""
    head = read_head(connection, ledger_id)
    if not whole:
        return None
    keys = connection.all(_KEYS_AHEAD, ledger_id=ledger_id, version=head.version)
    owner = connection.one(_OWNER, ledger_id=ledger_id)
    return _Told(
        head,
        facts_of_rows(connection, ledger_id),
        [row["version"] for row in keys],
        None if owner is None else msgspec.convert(owner["id"], UUID),
    )


def _compare(chain: Chain, told: _Told, findings: Findings) -> None:
    head = told.head
    if head.digest != chain.digest:
        findings.add("head_digest", "head", head.version, head.digest.hex(), chain.digest.hex())
    if chain.recorded_at is not None and head.recorded_at != chain.recorded_at:
        times = (head.recorded_at.isoformat(), chain.recorded_at.isoformat())
        findings.add("head_recorded_at", "head", head.version, *times)
    for version in told.keys_ahead:
        findings.add("key_ahead", "idempotency_keys", None, version, head.version)
    if chain.state is None:
        if head.version != chain.version:
            findings.add("head_version", "head", None, head.version, chain.version)
        return
    owner = chain.state.account_id
    if told.owner is not None and told.owner != owner:
        findings.add("owner_differs", "account", 1, str(told.owner), str(owner))
    try:
        expected = facts_of_state(chain.state)
    except KeyError as error:
        findings.add("fold_impossible", "events", None, f"no category {error.args[0]}")
        return
    for difference in differences(told.facts, expected):
        _add(findings, difference)


def _add(findings: Findings, difference: Difference) -> None:
    about, told, expected = difference.about, difference.told, difference.expected
    code = _OF_HEAD.get(str(about[0]))
    if code is None:
        missing, unexpected = told is None, expected is None
        code = "row_missing" if missing else "row_unexpected" if unexpected else "row_differs"
    name = "head" if code in _OF_HEAD.values() else " ".join(map(str, about))
    version = getattr(expected, "version", getattr(told, "version", None))
    findings.add(code, name, version, _plain(told), _plain(expected))


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value)
