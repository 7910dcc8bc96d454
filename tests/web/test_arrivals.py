"""`flask ledgers import`: a person's ledger comes from another store, and the person signs in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from flask import Flask

from domain.store.database import open_database
from tests.books import Book
from tests.projections.test_arrivals import household, lines_of
from tests.web.households import record, shown
from tests.web.people import Outbox

PHONE = "09121234567"


@pytest.fixture
def elsewhere(sqlite_template: Path, tmp_path: Path) -> tuple[Book, Path]:
    """A ledger in another store, and the file of its events."""
    path, file = tmp_path / "elsewhere.sqlite3", tmp_path / "events.ndjson"
    shutil.copyfile(sqlite_template, path)
    book, lines = household(open_database(f"sqlite:///{path}"))
    file.write_bytes(b"".join(lines))
    return book, file


@pytest.fixture
def flask(app: Flask, environ: dict[str, str]) -> Callable[..., Result]:
    """Runs `flask ledgers import` on this test's database."""
    runner = app.test_cli_runner(env=environ)
    return lambda *words, **more: runner.invoke(args=("ledgers", "import", *words), **more)


def test_a_person_signs_in_to_the_ledger_that_came(
    app: Flask, outbox: Outbox, flask: Callable[..., Result], elsewhere: tuple[Book, Path]
) -> None:
    book, file = elsewhere
    done = flask(str(file), "--phone", PHONE)
    assert done.exit_code == 0, done.output
    assert f"ledger {book.ledger_id}: version {book.head().version}" in done.stdout
    person = outbox.sign_in(app, PHONE)
    assert (person.account_id, person.tokens["account"]["is_new"]) == (str(book.account_id), False)
    balance = shown(person.get("/v1/balance"))
    assert (balance["balance"], balance["version"]) == (
        *(book.state().totals.balance, book.head().version),
    )
    [food] = [c for c in book.state().categories.values() if c.name == "هزینه"]
    assert record(person, str(food.id), 5)["version"] == balance["version"] + 1


def test_without_a_phone_it_is_there_for_auditors(
    flask: Callable[..., Result], elsewhere: tuple[Book, Path], app: Flask, outbox: Outbox
) -> None:
    book, file = elsewhere
    done = flask("-", "--json", input=file.read_bytes())
    assert msgspec.json.decode(done.stdout) == {
        "ledger_id": str(book.ledger_id),
        "account_id": str(book.account_id),
        "version": book.head().version,
        "digest": book.head().digest.hex(),
    }
    assert outbox.sign_in(app, PHONE).tokens["account"]["is_new"]


def test_a_second_time_and_a_bad_file_say_why(
    flask: Callable[..., Result], elsewhere: tuple[Book, Path]
) -> None:
    book, file = elsewhere
    lines = lines_of(book.database, book.ledger_id)
    file.write_bytes(b"".join(lines).replace(b'rials\\":500', b'rials\\":501'))
    bad = flask(str(file))
    assert bad.exit_code == 1
    assert f"digest_mismatch, line 7, ledger {book.ledger_id}, version 7" in bad.stdout
    file.write_bytes(b"".join(lines))
    assert flask(str(file)).exit_code == 0
    again = flask(str(file), "--json")
    assert again.exit_code == 1
    assert msgspec.json.decode(again.stdout)["error"]["code"] == "ledger_is_here"


def test_a_number_that_is_taken_takes_nothing_in(
    app: Flask, outbox: Outbox, flask: Callable[..., Result], elsewhere: tuple[Book, Path]
) -> None:
    _, file = elsewhere
    outbox.sign_in(app, PHONE)
    taken = flask(str(file), "--phone", PHONE)
    assert (taken.exit_code, "phone_taken" in taken.stdout) == (1, True)
    assert flask(str(file), "--phone", "12").exit_code == 2
    assert flask(str(file), "--phone", "09351112233").exit_code == 0


def test_a_number_is_one_ledger_s(
    flask: Callable[..., Result], elsewhere: tuple[Book, Path]
) -> None:
    book, file = elsewhere
    _, more = household(book.database)
    file.write_bytes(file.read_bytes() + b"".join(more))
    refused = flask(str(file), "--phone", PHONE)
    assert "phone_needs_one_ledger" in refused.stdout
    assert flask(str(file)).stdout.count("ledger ") == 2
