"""The chain of a ledger's events: followed from the first to the last, every seal looked at."""

import datetime as dt
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from domain.base import RecordedEvent
from domain.decider import LedgerOpened, evolve
from domain.ledger import LedgerState
from domain.store.codec import UnknownEvent, digester, first_prev, read_event
from domain.store.folding import StoredTriple

MOST_FINDINGS: Final = 1000
"""More are counted and not kept: of a ledger that is all wrong, the first ones tell enough."""


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it should be: what it is about, and in which version, if in one.

    `code` is stable (docs/audit.md); `told` is what is there, `expected` what should be.
    """

    code: str
    about: str
    version: int | None = None
    told: object = None
    expected: object = None


class Findings:
    """The first findings, and how many there are."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.count = 0

    def add(
        self,
        code: str,
        about: str,
        version: int | None = None,
        told: object = None,
        expected: object = None,
    ) -> None:
        """Note one more."""
        self.count += 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(code, about, version, told, expected))


class Chain:
    """A ledger's events as far as they were followed: the last one's place, and their fold.

    `state` is None when an event cannot be folded: from then on nothing is known of the totals.
    """

    def __init__(self, ledger_id: UUID, findings: Findings) -> None:
        self.ledger_id = ledger_id
        self.version = 0
        self.events = 0
        self.digest = first_prev(ledger_id)
        self.recorded_at: dt.datetime | None = None
        self.state: LedgerState | None = LedgerState()
        self._findings = findings

    def follow(self, stored: Iterable[StoredTriple]) -> None:
        """Go on with the events that come next, in order of version."""
        ledger_id, seal = self.ledger_id, digester(self.ledger_id)
        for version, topic, state in stored:
            try:
                recorded = read_event(ledger_id, version, topic, state)
            except UnknownEvent as error:
                self._note_gap(version)
                self._findings.add("event_unreadable", "event", version, told=error.reason)
                self.state = None
            else:
                at, last = recorded.recorded_at, self.recorded_at
                if (
                    version == self.version + 1 != 1
                    and recorded.prev == self.digest.hex()
                    and type(recorded.event) is not LedgerOpened
                    and at.tzinfo is not None
                    and (last is None or at >= last)
                ):
                    self.recorded_at = at
                else:
                    self._look_closer(recorded)
                self._fold(recorded)
            self.digest = seal(version, topic, state)
            self.version = version
            self.events += 1

    def _fold(self, recorded: RecordedEvent) -> None:
        if self.state is not None:
            try:
                evolve(self.state, recorded)
            except Exception as error:  # noqa: BLE001  # whatever a past that never was leads to
                told = repr(error)
                self._findings.add("event_impossible", "event", recorded.version, told=told)
                self.state = None

    def _look_closer(self, recorded: RecordedEvent) -> None:
        """It is the first event, or not what should come next."""
        version = recorded.version
        if not self._note_gap(version) and recorded.prev != self.digest.hex():
            self._refuse_seal(version, recorded.prev)
        if (type(recorded.event) is LedgerOpened) != (version == 1):
            self._findings.add("opening_misplaced", "event", version)
        at, last = recorded.recorded_at, self.recorded_at
        if at.tzinfo is None:
            self._findings.add("time_without_zone", "event", version, at.isoformat())
            return
        if last is not None and at < last:
            self._findings.add("time_reversed", "event", version, at.isoformat(), last.isoformat())
        self.recorded_at = at

    def _note_gap(self, version: int) -> bool:
        """Whether events are missing before this one."""
        is_gap = version != self.version + 1
        if is_gap:
            self._findings.add("event_missing", "event", self.version + 1, told=version)
        return is_gap

    def _refuse_seal(self, version: int, prev: str) -> None:
        """The event before is not what this one seals; the first one seals the ledger's id."""
        if version == 1:
            self._findings.add("prev_mismatch", "event", 1, prev, self.digest.hex())
        else:
            self._findings.add("digest_mismatch", "event", version - 1, self.digest.hex(), prev)
