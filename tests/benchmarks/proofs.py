"""`python -m tests.benchmarks.proofs`: signing what changed, proving, and checking an export."""

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from rich.console import Console

from domain import verifier
from domain.store.checkpoints import Signer, sign_checkpoint
from domain.store.codec import digest
from domain.store.database import Connection, Database, open_database
from domain.store.leaf_log import append_leaves, lock_log
from domain.store.ledgers import utc_now
from domain.store.migrate import upgrade
from domain.store.portable import portable_line
from domain.store.proofs import prove_consistency, prove_ledger, signed_checkpoint
from tests.benchmarks.histories import mixed_events, stored
from tests.benchmarks.places import PLACES
from web.proofs import show_proof

T = TypeVar("T")

ROUNDS: Final = 3
PROOFS: Final = 300
A_BATCH: Final = 5000
SIGNER: Final = Signer("benchmark", bytes(32))
LEDGER_ID: Final = UUID(int=0xA0D17 << 64)

_INSERT: Final = """
    INSERT INTO ledgers (ledger_id, version, digest, recorded_at)
    VALUES (:ledger_id, 1, :digest, :recorded_at)
"""


class Sizes(msgspec.Struct, frozen=True):
    """How much of everything."""

    ledgers: int
    leaves: int
    events: int


def main() -> None:
    """Measure on SQLite and PostgreSQL, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of everything")
    share = 20 if parser.parse_args().quick else 1
    sizes = Sizes(100_000 // share, 1_000_000 // share, 100_000 // share)
    console = Console(width=140)
    console.print("| what | where | measured |\n|---|---|---|", markup=False)
    for what, where, found in measured(sizes):
        console.print(f"| {what} | {where} | {found} |", markup=False)


def measured(sizes: Sizes) -> Iterator[tuple[str, str, str]]:
    """What was done, on which database, and what it took."""
    for begin in PLACES.values():
        with begin("") as place:
            url = place.environ["DATABASE_URL"]
            upgrade(url)
            with closing(open_database(url)) as database:
                for what, found in _signing(database, sizes.ledgers):
                    yield what, place.name, found
                for what, found in _proving(database, sizes.leaves):
                    yield what, place.name, found
    yield f"verifying an export of {sizes.events:,} events", "anywhere", _verifying(sizes.events)


def _signing(database: Database, count: int) -> Iterator[tuple[str, str]]:
    rows = [
        {"ledger_id": UUID(int=number << 64 | 1), "digest": bytes(32), "recorded_at": utc_now()}
        for number in range(1, count + 1)
    ]
    for batch in _batches(rows):
        database.write(partial(Connection.run_many, sql=_INSERT, rows=batch))
    seconds, waits = [], []
    for _ in range(ROUNDS):
        database.write(lambda c: c.run("UPDATE ledgers SET version = version + 1"))
        took, held = _timed(database)
        seconds.append(took)
        waits += held
    median = statistics.median(seconds)
    yield f"signing {count:,} changed ledgers", f"{median:.1f} s ({count / median:,.0f} a second)"
    late = statistics.quantiles(waits, n=100, method="inclusive")[98]
    shown = f"median {statistics.median(waits):.1f} ms, p99 {late:.1f} ms, most {max(waits):.1f} ms"
    yield "each of its transactions", shown
    unchanged = statistics.median(_timed(database)[0] for _ in range(ROUNDS))
    yield f"signing when none of {count:,} changed", f"{unchanged:.2f} s"


def _timed(database: Database) -> tuple[float, list[float]]:
    """Seconds to sign, and how long each of its transactions kept others from writing, in ms."""
    held: list[float] = []
    write = database.write

    def watched(work: Callable[[Connection], object]) -> object:
        started = time.perf_counter()
        done = write(work)
        held.append((time.perf_counter() - started) * 1000)
        return done

    database.write = watched  # type: ignore[method-assign,assignment]
    try:
        started = time.perf_counter()
        sign_checkpoint(database, SIGNER, utc_now())
        return time.perf_counter() - started, held
    finally:
        database.write = write  # type: ignore[method-assign]


def _proving(database: Database, leaves: int) -> Iterator[tuple[str, str]]:
    have = database.read(signed_checkpoint).size
    places = [(UUID(int=number << 64 | 2), 1, bytes(32)) for number in range(leaves - have)]
    for batch in _batches(places):
        database.write(partial(_append, places=batch))
    sign_checkpoint(database, SIGNER, utc_now())
    size = database.read(signed_checkpoint).size
    chosen = random.Random(1405).choices(places, k=PROOFS)  # the same ones each time
    took = [
        _milliseconds(partial(database.read, partial(prove_ledger, ledger_id=ledger_id)))
        for ledger_id, _, _ in chosen
    ]
    late = statistics.quantiles(took, n=100, method="inclusive")[98]
    yield (
        f"a proof in {size:,} leaves",
        f"median {statistics.median(took):.2f} ms, p99 {late:.2f} ms",
    )
    took = [
        _milliseconds(lambda: database.read(lambda c: prove_consistency(c, have, size)))
        for _ in range(PROOFS)
    ]
    yield f"that {size:,} leaves go on from {have:,}", f"median {statistics.median(took):.2f} ms"


def _append(connection: Connection, places: list[tuple[UUID, int, bytes]]) -> None:
    lock_log(connection)
    append_leaves(connection, "ledger", places)


def _verifying(count: int) -> str:
    """The verifier as auditors run it, in a process of its own."""
    with TemporaryDirectory(prefix="dakhl-bench-") as home:
        folder = Path(home)
        last = b""
        with (folder / "ledger.ndjson").open("wb") as file:
            for row in stored(LEDGER_ID, mixed_events(count)):
                version = row.originator_version
                last = digest(LEDGER_ID, version, row.topic, row.state)
                file.write(portable_line(LEDGER_ID, version, row.topic, row.state, last.hex()))
        leaf = verifier.leaf_hash("ledger", LEDGER_ID, count, last)
        proof = verifier.Proof(LEDGER_ID, "ledger", count, last, 0, 1, [], SIGNER.note(1, leaf))
        (folder / "proof.json").write_bytes(msgspec.json.encode(show_proof(proof)))
        words = ["ledger.ndjson", "--proof", "proof.json", "--key", SIGNER.public_key]
        seconds, peaks_mib = [], []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            peaks_mib.append(_peak_mib(folder, words))
            seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    return (
        f"{median:.1f} s ({count / median:,.0f} events a second), at most {max(peaks_mib):.0f} MiB"
    )


def _peak_mib(folder: Path, words: list[str]) -> float:
    """Run the verifier; the most memory it had, which it is asked for as it leaves."""
    code = (
        "import runpy, sys; sys.argv[:] = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as left: assert not left.code\n"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    words = [sys.executable, "-I", "-c", code, verifier.__file__, *words]
    ran = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    return int(ran.stdout.split()[-1]) / 1024


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _batches(rows: Sequence[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, A_BATCH)):
        yield batch


if __name__ == "__main__":
    main()
