"""`flask tombstones …`: what was erased stays erased when an older backup comes back."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from flask import Flask

from domain.store.database import Database
from domain.store.erasure import erase, tombstones
from tests.books import Book
from tests.traces import traces

NOW = dt.datetime(2026, 11, 24, 10, 0, tzinfo=dt.UTC)


@pytest.fixture
def flask(app: Flask, environ: dict[str, str]) -> Callable[..., Result]:
    """Runs the `flask` command on this test's database."""
    runner = app.test_cli_runner(env=environ)
    return lambda *words: runner.invoke(args=words)


def forget(book: Book) -> None:
    book.database.write(lambda connection: erase(connection, book.ledger_id, NOW))


def test_a_restored_backup_is_erased_again(
    database: Database, flask: Callable[..., Result], tmp_path: Path
) -> None:
    restored, kept, later = Book(database), Book(database), Book(database)
    file = tmp_path / "tombstones.jsonl"
    forget(restored)
    forget(later)
    assert flask("tombstones", "export", "--output", str(file)).exit_code == 0
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    before = database.read(tombstones)
    assert {line["ledger_id"] for line in lines} == {
        str(restored.ledger_id),
        str(later.ledger_id),
    }
    assert lines[0].keys() == {"ledger_id", "version", "digest", "erased_at"}
    # The backup is of a time when one of them was there, and the other not yet.
    database.write(lambda c: c.run("DELETE FROM tombstones"))
    database.write(lambda c: restored.store.open_ledger(c, restored.ledger_id, restored.account_id))

    applied = flask("tombstones", "apply", str(file))

    assert applied.output == "tombstones: 2, ledgers erased again: 1\n"
    assert database.read(tombstones) == before
    assert traces(database, restored.ledger_id) == {"tombstones"}
    assert kept.head().version == 1
    assert flask("tombstones", "apply", str(file)).output.endswith(": 0\n")


@pytest.mark.parametrize("line", ["{}", "x", '{"ledger_id": 1}'])
def test_what_is_no_tombstone_is_named(
    flask: Callable[..., Result], tmp_path: Path, line: str
) -> None:
    file = tmp_path / "tombstones.jsonl"
    file.write_text(line + "\n")
    applied = flask("tombstones", "apply", str(file))
    assert applied.exit_code == 1
    assert "line 1 is not a tombstone" in applied.output


def test_nobody_erased_is_an_empty_file(flask: Callable[..., Result]) -> None:
    exported = flask("tombstones", "export")
    assert (exported.exit_code, exported.output) == (0, "")
