"""Arrivals: ledgers that enter this store as they left another one, to the byte, or not at all."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Final, NamedTuple
from uuid import UUID

import msgspec

from domain.ledger import LedgerState
from domain.plausibility import require_plausible
from domain.store import accounts
from domain.store.accounts import Account
from domain.store.codec import read_event
from domain.store.database import Connection, Database
from domain.store.folding import StoredTriple, without_cycles
from domain.store.leaf_log import known
from domain.store.portable import PortableEvent, portable_line
from projections.chain import Chain, Findings
from projections.folding import Poison
from projections.images import TABLES, add_rows, image
from projections.indexing import index_descriptions

MOST_LINE_BYTES: Final = 1024 * 1024
"""Many times the longest event: a file without line ends is not read into memory."""

_IS_HERE: Final = """
    SELECT 1 AS found FROM ledgers WHERE ledger_id = :ledger_id
    UNION ALL SELECT 1 FROM accounts WHERE ledger_id = :ledger_id
    UNION ALL SELECT 1 FROM events WHERE originator_id = :ledger_id
    LIMIT 1
"""
_WAS_ERASED: Final = "SELECT 1 AS found FROM tombstones WHERE ledger_id = :ledger_id"
_GIVE_HEAD: Final = """
    INSERT INTO ledgers
        (ledger_id, version, digest, recorded_at, income, expense, deposits, withdrawals)
    VALUES
        (:ledger_id, :version, :digest, :recorded_at, :income, :expense, :deposits, :withdrawals)
"""
_read: Final = msgspec.json.Decoder(PortableEvent).decode


class NotTaken(Exception):
    """Why nothing of a file is taken in: a stable code, and where it was found."""

    def __init__(
        self, code: str, line: int = 0, ledger_id: UUID | None = None, version: int | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.line = line
        self.ledger_id = ledger_id
        self.version = version


class Arrival(msgspec.Struct, frozen=True):
    """A ledger that was found whole: where it stands, whose it is, and where its lines are kept."""

    ledger_id: UUID
    account_id: UUID
    version: int
    digest: bytes
    opened_at: dt.datetime
    begin: int
    end: int


class _Line(NamedTuple):
    number: int
    event: PortableEvent

    @property
    def triple(self) -> StoredTriple:
        return self.event.version, self.event.topic, self.event.state.encode()

    def refuse(self, code: str, version: int | None = None) -> NotTaken:
        at = self.event.version if version is None else version
        return NotTaken(code, self.number, self.event.ledger_id, at)


def check_lines(
    database: Database, lines: Iterable[bytes], kept: IO[bytes], advance: Callable[[], object]
) -> list[Arrival]:
    """Every ledger of some portable lines, one after another; the lines are written to `kept`.

    Each line is as we write it, each chain is whole and seals what it should, its events can be
    folded, the ledger is not here and was not erased here, and all that the leaf log says of it
    agrees. `advance` is told of every line. Raises `NotTaken`.
    """
    arriving: _Arriving | None = None
    found: list[Arrival] = []
    with without_cycles():
        for number, raw in enumerate(lines, 1):
            line = _line(number, raw)
            if arriving is None or line.event.ledger_id != arriving.ledger_id:
                found += [] if arriving is None else [arriving.arrived(kept.tell())]
                if line.event.ledger_id in {one.ledger_id for one in found}:
                    raise line.refuse("ledger_twice")
                arriving = _Arriving(database, line, kept.tell())
            arriving.follow(line)
            kept.write(raw)
            advance()
    if arriving is None:
        raise NotTaken("file_empty")
    return [*found, arriving.arrived(kept.tell())]


def take_in(database: Database, arrival: Arrival, kept: IO[bytes], phone: str | None) -> None:
    """Record a checked ledger, with an account if somebody is to sign in to it: all at once.

    On SQLite everybody else waits meanwhile. Raises `NotTaken`.
    """
    database.write(partial(_write, arrival=arrival, kept=kept, phone=phone))
    index_descriptions(database, arrival.ledger_id)


def refuse_phone(connection: Connection, arrivals: list[Arrival], phone: str) -> None:
    """Raise `NotTaken` unless one ledger can become the one of this number (E.164)."""
    if len(arrivals) != 1:
        raise NotTaken("phone_needs_one_ledger")
    if accounts.account_by_phone(connection, phone) is not None:
        raise NotTaken("phone_taken")
    if accounts.account_by_id(connection, arrivals[0].account_id) is not None:
        raise NotTaken("account_is_here", ledger_id=arrivals[0].ledger_id)


def _line(number: int, raw: bytes) -> _Line:
    try:
        event = _read(raw)
        written = portable_line(
            event.ledger_id, event.version, event.topic, event.state.encode(), event.digest
        )
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotTaken("line_unreadable", number) from error
    line = _Line(number, event)
    if written != raw:
        raise line.refuse("line_not_canonical")
    return line


class _Arriving:
    """A ledger of which some lines were read."""

    def __init__(self, database: Database, first: _Line, begin: int) -> None:
        self.ledger_id = first.event.ledger_id
        self._last = first
        self._begin = begin
        self._dialect = database.dialect
        self._findings = Findings()
        self._chain = Chain(self.ledger_id, self._findings)
        with database.reading() as connection:
            _refuse_here(connection, first)
            self._proven = {one.version: one.digest for one in known(connection, self.ledger_id)}

    def follow(self, line: _Line) -> None:
        """Go on with the event that comes next."""
        self._last = line
        chain = self._chain
        chain.follow([line.triple])
        if self._findings.kept:
            first = self._findings.kept[0]
            raise line.refuse(first.code, first.version)
        if chain.digest.hex() != line.event.digest:
            raise line.refuse("digest_mismatch")
        try:
            require_plausible(read_event(self.ledger_id, *line.triple).event)
        except ValueError as error:
            raise line.refuse("event_impossible") from error
        if self._proven.get(chain.version, chain.digest) != chain.digest:
            raise line.refuse("proven_otherwise")
        if chain.version == 1:
            assert chain.recorded_at is not None, "every event says when it was recorded"
            self._opened_at = chain.recorded_at

    def arrived(self, end: int) -> Arrival:
        """The whole ledger."""
        state = _state_of(self._chain)
        if self._proven and max(self._proven) > state.version:
            raise self._last.refuse("proven_longer", max(self._proven))
        if not state.totals.is_within_bounds():
            raise self._last.refuse("total_too_large")
        try:
            for table in TABLES:
                for _ in image(table, state, self._dialect):
                    pass
        except Poison as poison:
            raise self._last.refuse(poison.reason) from poison
        assert state.account_id is not None, "the first event says whose it is"
        return Arrival(
            self.ledger_id,
            state.account_id,
            state.version,
            self._chain.digest,
            self._opened_at,
            self._begin,
            end,
        )


def _refuse_here(connection: Connection, first: _Line) -> None:
    ledger_id = first.event.ledger_id
    if connection.one(_IS_HERE, ledger_id=ledger_id) is not None:
        raise first.refuse("ledger_is_here")
    is_over = any(one.kind == "tombstone" for one in known(connection, ledger_id))
    if is_over or connection.one(_WAS_ERASED, ledger_id=ledger_id) is not None:
        raise first.refuse("ledger_was_erased")


def _write(connection: Connection, arrival: Arrival, kept: IO[bytes], phone: str | None) -> None:
    kept.seek(arrival.begin)
    _refuse_here(connection, _line(1, kept.readline()))
    kept.seek(arrival.begin)
    chain = Chain(arrival.ledger_id, Findings())
    columns = ("originator_id", "originator_version", "topic", "state")
    events = _followed(chain, kept, arrival.end)
    with without_cycles():
        connection.add_rows("events", columns, arrival.ledger_id, events)
        state = _state_of(chain)
        assert (chain.version, chain.digest) == (arrival.version, arrival.digest)
        for table in TABLES:
            rows = image(table, state, connection.dialect)
            add_rows(connection, table, arrival.ledger_id, rows)
    _give_head(connection, chain, state)
    if phone is not None:
        account = Account(arrival.account_id, phone, "person", arrival.ledger_id, arrival.opened_at)
        if not accounts.add_account(connection, account):
            raise NotTaken("phone_taken")


def _followed(chain: Chain, kept: IO[bytes], end: int) -> Iterator[StoredTriple]:
    while kept.tell() < end:
        triple = _line(0, kept.readline()).triple
        chain.follow([triple])
        yield triple


def _give_head(connection: Connection, chain: Chain, state: LedgerState) -> None:
    connection.run(
        _GIVE_HEAD,
        ledger_id=chain.ledger_id,
        version=chain.version,
        digest=chain.digest,
        recorded_at=chain.recorded_at,
        **msgspec.structs.asdict(state.totals),
    )


def _state_of(chain: Chain) -> LedgerState:
    assert chain.state is not None, "it would have been a finding"
    return chain.state
