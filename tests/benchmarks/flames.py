"""`make profile`: flame graphs of the web server under load, and where its own time goes."""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import msgspec
from rich.console import Console

from tests.benchmarks import cases
from tests.benchmarks.books import new_books
from tests.benchmarks.driver import measure
from tests.benchmarks.places import PLACES, Place, served, settle
from tests.benchmarks.plan import QUICK, Case
from tests.benchmarks.tables import Table, as_rich, wide_console
from tests.benchmarks.watcher import GO, said_beside
from tests.keeper import ROOT, running_valkey
from tests.servers import LiveServer, is_over, wait_until

FOLDER: Final = ROOT / "build" / "profiles"
SPY: Final = Path(sys.executable).parent / "py-spy"
CASES: Final = {"balance": cases.BALANCE, "page": cases.NEWEST, "post": cases.POST_MANY}
PLAN: Final = msgspec.structs.replace(QUICK, sizes=(10_000,))
SECONDS: Final = 10
START_SECONDS: Final = 1
"""What py-spy takes to begin, about."""

SHOWN: Final = 20
TITLE: Final = re.compile(r"^(.+) \(([\d,]+) samples?, [\d.]+%\)$")
PACKAGE: Final = re.compile(r"\((?:[^()]*site-packages/)?([^/:()]+)")
COUNTED: Final = "{http://github.com/jonhoo/inferno}"


class CannotProfile(Exception):
    """py-spy does not run here; the message is what it said."""


class Box(msgspec.Struct, frozen=True):
    """One box of a flame graph: a function, how deep, from which sample on, and how many."""

    function: str
    y: float
    start: int
    samples: int


class WatchedServer(LiveServer):
    """The web server as the child of what becomes py-spy, and ends it when it has seen enough."""

    def __init__(self, place: Place, flames: Path, seconds: int = SECONDS) -> None:
        super().__init__(place.environ, place.log, place.processes)
        self._flames = flames
        self._seconds = seconds

    def command(self) -> list[str]:
        """How it is started."""
        watcher = (sys.executable, "-m", "tests.benchmarks.watcher")
        return [*watcher, str(SPY), str(self._flames), str(self._seconds), *super().command()]

    def watched(self, case: Case) -> None:
        """Record it under load. Raises `CannotProfile`."""
        connections = PLAN.connections[0]
        measure(self.port, case, connections, 1)
        spy = self.family()[0]
        spy.send_signal(GO)
        time.sleep(START_SECONDS)
        if not is_over(spy):
            measure(self.port, case, connections, self._seconds)
        wait_until(lambda: is_over(spy))
        if not self._flames.exists():
            raise CannotProfile(said_beside(self._flames).read_text())


def main() -> int:
    """The exit code: 1 when this machine does not let one process look into another."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.flames")
    parser.add_argument("--database", action="append", choices=PLACES, help="this one only")
    console = wide_console()
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with running_valkey() as valkey_url:
            for name in parser.parse_args().database or PLACES:
                with PLACES[name](valkey_url) as place:
                    _profile(place, console)
    except CannotProfile as error:
        console.print(
            f"py-spy cannot look into the web server here. It said:\n{error}", markup=False
        )
        return 1
    return 0


def own_samples(flames: Path) -> Counter[str]:
    """How many samples found each function itself at work, not one that it called."""
    boxes = sorted(_boxes(flames), key=lambda box: box.y)
    own: Counter[str] = Counter()
    for box in boxes:
        own[box.function] += box.samples
    rows = sorted({box.y for box in boxes})
    callers = dict(zip(rows[1:], rows, strict=False))
    for box in boxes:
        for caller in boxes if box.y in callers else ():
            is_above = caller.y == callers[box.y]
            if is_above and caller.start <= box.start < caller.start + caller.samples:
                own[caller.function] -= box.samples
    return own


def _boxes(flames: Path) -> Iterator[Box]:
    for group in ET.parse(flames).iter("{http://www.w3.org/2000/svg}g"):
        title = group.findtext("{http://www.w3.org/2000/svg}title")
        rect = group.find("{http://www.w3.org/2000/svg}rect")
        if title is None or rect is None or not (found := TITLE.match(title)):
            continue
        start, samples = (int(rect.attrib[f"{COUNTED}{key}"]) for key in "xw")
        yield Box(found[1].partition(':"')[0], float(rect.attrib["y"]), start, samples)


def _profile(place: Place, console: Console) -> None:
    with served(place) as server:
        console.log(f"{place.name}: filling ledgers")
        people, ledgers = new_books(server, PLAN)
        settle(place)
        known = [*cases.reads(ledgers[0]), *cases.writes(people, ledgers, PLAN)]
    for name, wanted in CASES.items():
        [case] = [case for case in known if case.name == wanted]
        flames = FOLDER / f"{place.name.lower()}-{name}.svg"
        flames.unlink(missing_ok=True)
        server = WatchedServer(place, flames)
        with served(place, server):
            server.watched(case)
        own = own_samples(flames)
        title = f"{place.name}: {case.name}, {own.total():,} samples of who held the interpreter"
        console.print(as_rich(_top(title, own)))
        console.print(as_rich(_top("by package", _by_package(own))))
        console.print(f"flame graph: {flames.relative_to(ROOT)}")


def _by_package(own: Counter[str]) -> Counter[str]:
    packages: Counter[str] = Counter()
    for function, samples in own.items():
        found = PACKAGE.search(function)
        packages[found[1] if found else function] += samples
    return packages


def _top(title: str, own: Counter[str]) -> Table:
    total = own.total()
    rows = [[name, f"{samples / total:.1%}"] for name, samples in own.most_common(SHOWN)]
    return Table(title, ("", "own"), rows)


if __name__ == "__main__":
    sys.exit(main())
