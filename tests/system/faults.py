"""Faults: what is done to a service at work, and what has to be true of it afterwards."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import requests

from domain.store.database import Connection, open_database
from domain.store.jobs import neglected_jobs
from domain.store.ledgers import read_head, utc_now
from domain.store.rebuilds import begin_rebuild, count_unfinished
from projections.whole_store import verify_store
from tests.domain.store.full_disks import leave_room
from tests.projections.tampering import spoil
from tests.proxies import Moment
from tests.servers import end_connections, wait_until
from tests.system import deaths
from tests.system.load import Asked, Heard, Load, Recorded, record
from tests.system.scenes import Scene
from workers.sweep import YOUNG

BATCH_ITEMS: Final = 12
FILE_ROWS: Final = 1200
MANY: Final = 600
"""More than SQLite compares, and puts right, in one go."""

BEFORE: Final = 12
REFUSED: Final = 8
ROOM_BYTES: Final = 300_000
NOTHING_RECORDED: Final = ("store_unavailable", "overloaded")

Inject = Callable[[Scene, Load], None]


@dataclass
class Verdict:
    """What came of a fault, in entries: a batch is several, and so is an import."""

    injected: int = 0
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    neither: int = 0
    """Commands recorded in part, or though it was said that they were not, or not when repeated."""
    findings: int = 0

    def add(self, other: "Verdict") -> None:
        """Count another's, too."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)

    @property
    def is_clean(self) -> bool:
        """Nothing was lost, doubled, torn or false."""
        return not (self.lost or self.twice or self.neither or self.findings)


class Fault(NamedTuple):
    """Something that goes wrong. `inject` is called while people record."""

    name: str
    inject: Inject
    dialects: tuple[str, ...] = ("sqlite", "postgresql")
    is_slow: bool = False
    """The quick form, a test, leaves it out."""
    kills_web: bool = False


def faults_of(scene: Scene) -> list[Fault]:
    """What can be done to a scene: where we may not mount a disk, none can be full."""
    return [
        fault
        for fault in FAULTS
        if scene.dialect in fault.dialects
        and (fault.inject is not _filled or scene.dialect == "sqlite" or scene.disk is not None)
    ]


def try_out(fault: Fault, scene: Scene) -> Verdict:
    """Inject a fault once, let everything come back, ask again, and look."""
    load = Load(scene.spenders, BATCH_ITEMS)
    with load.going_on():
        load.wait_for(BEFORE)
        fault.inject(scene, load)
    scene.orders.withdraw()
    if fault.kills_web:
        # The server gives up when a process dies again within 6 seconds of its replacement.
        scene.server.kill()
        scene.server.start()
    wait_until(partial(_is_ready, scene))
    verdict = Verdict(injected=1)
    judge(verdict, load.heard, Recorded(scene.database_url))
    for asked, answer in load.heard.items():
        if answer is None or answer[0] not in (201, 202):
            again = record(asked)
            assert again.status_code in (201, 202), again.text
    wait_until(partial(_has_no_jobs, scene))
    found = Recorded(scene.database_url)
    verdict.neither += sum(1 for asked in load.heard if found.times(asked) != {1})
    verdict.findings += _findings(scene)
    return verdict


def judge(verdict: Verdict, heard: dict[Asked, Heard], found: Recorded) -> None:
    """Count what was acknowledged, and what is not as it was said."""
    for asked, answer in heard.items():
        times = found.times(asked)
        verdict.twice += asked.items * (max(times) > 1)
        if answer is not None and answer[0] == 202:
            verdict.acknowledged += asked.items  # whether it is done is seen in the end
            continue
        verdict.neither += len(times) > 1
        if answer == (201, None):
            verdict.acknowledged += asked.items
            verdict.lost += asked.items * (min(times) == 0)
        elif answer is not None:
            assert answer[1] in (*NOTHING_RECORDED, "outcome_unknown"), answer
            verdict.neither += answer[1] in NOTHING_RECORDED and times != {0}


def _findings(scene: Scene) -> int:
    database = open_database(scene.database_url)
    try:
        return sum(one.found for one in verify_store(database, lambda _events: None))
    finally:
        database.close()


def _has_no_jobs(scene: Scene) -> bool:
    def look(connection: Connection) -> bool:
        unfinished = neglected_jobs(connection, ("queued", "running"), utc_now())
        return not unfinished and not count_unfinished(connection)

    database = open_database(scene.database_url)
    try:
        return database.read(look)
    finally:
        database.close()


def _is_ready(scene: Scene) -> bool:
    try:
        return requests.get(f"{scene.server.base_url}/readyz", timeout=5).ok
    except requests.RequestException:
        return False


def _file(scene: Scene) -> Asked:
    return Asked(str(uuid4()), random.choice(scene.spenders), FILE_ROWS, is_file=True)


def _killed(point: str, most: int = 6) -> Inject:
    def inject(scene: Scene, load: Load) -> None:
        scene.orders.give(point, random.randint(1, most))
        scene.orders.wait()
        load.go_on()

    return inject


def _killed_importing(point: str) -> Inject:
    def inject(scene: Scene, load: Load) -> None:
        scene.orders.give(point, random.randint(1, 3))
        load.ask(_file(scene))
        scene.orders.wait()
        load.go_on()

    return inject


def _killed_before_enqueueing(scene: Scene, load: Load) -> None:
    scene.orders.give(deaths.BEFORE_ENQUEUEING)
    load.ask(_file(scene))
    scene.orders.wait()
    load.go_on()


def _killed_rebuilding(point: str, most: int) -> Inject:
    def inject(scene: Scene, load: Load) -> None:
        assert load.ask(Asked(str(uuid4()), scene.spenders[0], MANY))
        # PostgreSQL puts a ledger right in one go, so it is there once.
        scene.orders.give(point, random.randint(1, most) if scene.dialect == "sqlite" else 1)
        _write(scene, partial(_spoil, ledger_id=scene.spenders[0].person.ledger_id()))
        scene.orders.wait()
        load.go_on()

    return inject


def _spoil(connection: Connection, ledger_id: UUID) -> None:
    """Have rows tell something that nobody said, and ask for a rebuild: the sweep finds it."""
    rows_id = read_head(connection, ledger_id, lock=True).rows_id
    spoil(connection, rows_id, "transactions", "description")
    begin_rebuild(connection, requested_by=None, ledger_id=None, ranges=2, now=utc_now() - YOUNG)


def _write(scene: Scene, work: Callable[[Connection], object]) -> None:
    database = open_database(scene.database_url)
    try:
        database.write(work)
    finally:
        database.close()


def _killed_at_random(scene: Scene, load: Load) -> None:
    time.sleep(random.uniform(0, 0.3))
    scene.server.kill()
    scene.server.start()
    load.go_on()


def _stopped(seconds: float) -> Inject:
    def inject(scene: Scene, load: Load) -> None:
        scene.orders.give(deaths.BEFORE_COMMIT, random.randint(1, 6), signal.SIGSTOP)
        holder = scene.orders.wait()
        time.sleep(seconds)
        os.kill(holder, signal.SIGCONT)
        load.go_on()

    return inject


def _terminated(scene: Scene, load: Load) -> None:
    for _ in range(3):
        end_connections(scene.database_url)
        load.go_on()


def _lost_at_commit(moment: Moment) -> Inject:
    def inject(scene: Scene, load: Load) -> None:
        assert scene.proxy is not None
        scene.proxy.lose(moment, 3)
        lost = scene.proxy.lost + 3
        wait_until(lambda: scene.proxy is not None and scene.proxy.lost == lost)
        load.go_on()

    return inject


def _restarted(scene: Scene, load: Load) -> None:
    assert scene.postgres is not None
    scene.postgres.restart()
    load.go_on()


def _forgotten(scene: Scene, load: Load) -> None:
    for _ in range(2):  # one is at work, one waits
        load.ask(_file(scene))
    scene.valkey.kill()
    load.go_on()
    scene.valkey.start()
    load.go_on()


@contextmanager
def _no_room(scene: Scene) -> Iterator[None]:
    """No file of the web processes may grow; on PostgreSQL, the disk of the tables has no room."""
    if scene.disk is not None:
        ballast = leave_room(scene.disk, ROOM_BYTES)
        try:
            yield
        finally:
            ballast.unlink()
        return
    path = Path(scene.database_url.removeprefix("sqlite:///"))
    size = max(Path(f"{path}{end}").stat().st_size for end in ("", "-wal"))
    _limit_files(scene, size + ROOM_BYTES)
    try:
        yield
    finally:
        _limit_files(scene, RLIM_INFINITY)


def _filled(scene: Scene, load: Load) -> None:
    with _no_room(scene):
        load.wait_for(REFUSED, 503)
    load.go_on()


def _limit_files(scene: Scene, most_bytes: int) -> None:
    for process in scene.server.family():
        process.rlimit(RLIMIT_FSIZE, (most_bytes, RLIM_INFINITY))


ON_POSTGRES: Final = ("postgresql",)

FAULTS: Final = (
    Fault(
        "web killed before commit",
        _killed(deaths.BEFORE_COMMIT),
        kills_web=True,
    ),
    Fault(
        "web killed after commit, before the answer", _killed(deaths.AFTER_COMMIT), kills_web=True
    ),
    Fault(
        "web killed between two commands of a group",
        _killed(deaths.IN_GROUP),
        kills_web=True,
    ),
    Fault(
        "web killed in the middle of a batch",
        _killed(deaths.IN_BATCH, 2 * BATCH_ITEMS),
        kills_web=True,
    ),
    Fault("all of web killed at a random moment", _killed_at_random),
    Fault("web stopped for 2 s before commit, then continued", _stopped(2)),
    Fault("web stopped for 12 s before commit", _stopped(12), is_slow=True),
    Fault("worker killed in a bracket of an import", _killed_importing(deaths.IN_BRACKET)),
    Fault(
        "worker killed between two brackets",
        _killed_importing(deaths.BETWEEN_BRACKETS),
        is_slow=True,
    ),
    Fault(
        "worker killed in the middle of a rebuild",
        _killed_rebuilding(deaths.IN_REBUILD, 3),
        is_slow=True,
    ),
    Fault("worker killed at the flip of a rebuild", _killed_rebuilding(deaths.AT_FLIP, 1)),
    Fault(
        "worker killed between flip and clearing up",
        _killed_rebuilding(deaths.AFTER_FLIP, 1),
        ("sqlite",),
        is_slow=True,
    ),
    Fault(
        "web killed before it enqueued an import",
        _killed_before_enqueueing,
        is_slow=True,
        kills_web=True,
    ),
    Fault("Redis killed, back empty, an import at work", _forgotten, is_slow=True),
    Fault("disk full, then room again", _filled),
    Fault("database connections terminated, 3 times", _terminated, ON_POSTGRES),
    Fault(
        "3 connections lost before the server heard COMMIT",
        _lost_at_commit("before the server hears of it"),
        ON_POSTGRES,
    ),
    Fault(
        "3 connections lost after COMMIT was done",
        _lost_at_commit("after the server did it"),
        ON_POSTGRES,
    ),
    Fault("database server stopped at once, started again", _restarted, ON_POSTGRES),
)
