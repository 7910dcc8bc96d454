"""`make profile`: it sees functions at work, and says so where it may not look."""

from pathlib import Path

import pytest

from tests.benchmarks import flames
from tests.benchmarks.cases import yardstick
from tests.benchmarks.flames import CannotProfile, WatchedServer, own_samples
from tests.benchmarks.places import on_sqlite, served

BOX = '<g><title>{} ({} samples, 1%)</title><rect y="{}" fg:x="{}" fg:w="{}"/></g>'
GRAPH = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:fg="http://github.com/jonhoo/inferno">{}</svg>'
)


def test_what_a_function_called_is_not_its_own(tmp_path: Path) -> None:
    boxes = [("all", 0, 0, 10), ("f", 16, 0, 6), ("g", 16, 6, 4), ("g", 32, 0, 5)]
    drawn = "".join(BOX.format(name, wide, y, x, wide) for name, y, x, wide in boxes)
    graph = tmp_path / "graph.svg"
    graph.write_text(GRAPH.format(drawn))
    assert +own_samples(graph) == {"f": 1, "g": 9}


@pytest.mark.slow
def test_py_spy_sees_the_web_server_or_says_why_not(tmp_path: Path, valkey_url: str) -> None:
    graph = tmp_path / "graph.svg"
    with on_sqlite(valkey_url) as place:
        server = WatchedServer(place, graph, seconds=3)
        with served(place, server):
            try:
                server.watched(yardstick())
            except CannotProfile as refused:
                assert str(refused)  # noqa: PT017  # not every machine lets it
            else:
                assert own_samples(graph).total() > 0


@pytest.mark.slow
def test_a_py_spy_that_may_not_look_is_quoted(
    tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "py-spy"
    spy.write_text("#!/bin/sh\necho 'Permission Denied' >&2\nexit 1\n")
    spy.chmod(0o755)
    monkeypatch.setattr(flames, "SPY", spy)
    with on_sqlite(valkey_url) as place:
        server = WatchedServer(place, tmp_path / "graph.svg", seconds=1)
        with served(place, server), pytest.raises(CannotProfile, match="Permission Denied"):
            server.watched(yardstick())
