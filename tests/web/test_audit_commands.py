"""`flask audit …`, as an operator, an auditor and a script use it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from flask import Flask

from domain.store.accesses import Access, note
from domain.store.checkpoints import Signer, sign_checkpoint
from domain.store.codec import first_prev
from domain.store.database import Connection, Database
from domain.store.erasure import erase
from domain.store.ledgers import utc_now
from domain.store.settings import Settings
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from tests.books import Book
from tests.projections.histories import CATEGORY_IDS, HOUSEHOLD, TRANSACTION_IDS
from tests.servers import free_port
from tests.web.test_operator import flask

Command = Callable[..., Result]


@pytest.fixture
def command(app: Flask, environ: dict[str, str]) -> Command:
    """Runs `flask audit …` on the test's database."""
    runner = app.test_cli_runner(env=environ)
    return lambda *words: runner.invoke(args=["audit", *map(str, words)])


@pytest.fixture
def book(database: Database) -> Book:
    """A ledger at version 14."""
    book = Book(database)
    for asked in HOUSEHOLD:
        book.record(asked)
    book.record(CorrectTransaction(transaction_id=TRANSACTION_IDS[1], amount_rials=61))
    book.record(VoidTransaction(transaction_id=TRANSACTION_IDS[2]))
    return book


def lines(result: Result) -> list[dict[str, Any]]:
    """What a command said with --json."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def tamper(book: Book) -> None:
    sql = "UPDATE ledgers SET income = income + 1 WHERE ledger_id = :ledger_id"
    book.database.write(lambda connection: connection.run(sql, ledger_id=book.ledger_id))


def forget(book: Book) -> None:
    book.database.write(lambda connection: erase(connection, book.ledger_id, utc_now()))


def test_a_store_in_order_is_verified(command: Command, book: Book) -> None:
    forget(Book(book.database))
    done = command("verify")
    summary = "ledgers: 1, erased: 1, events: 14, findings: 0\n"
    assert (done.exit_code, done.stdout) == (0, summary)
    total = {"ledgers": 1, "tombstones": 1, "events": 14, "findings": 0}
    assert lines(command("verify", "--json")) == [total]
    one = command("verify", "--ledger", book.ledger_id)
    assert (one.exit_code, one.stdout) == (0, summary.replace("erased: 1", "erased: 0"))


def test_what_was_changed_is_told_and_is_exit_code_1(command: Command, book: Book) -> None:
    other = Book(book.database)
    tamper(book)
    for words in ((), ("--ledger", book.ledger_id)):
        done = command("verify", *words)
        assert done.exit_code == 1
        first, last = done.stdout.splitlines()
        assert first.startswith(f"{book.ledger_id} head_totals: head is ")
        assert last.endswith("findings: 1")
    finding, total = lines(command("verify", "--json"))
    assert (finding["ledger_id"], finding["code"]) == (str(book.ledger_id), "head_totals")
    assert total["findings"] == 1
    assert command("verify", "--ledger", other.ledger_id).exit_code == 0


def test_what_an_erasure_left_is_told(command: Command, book: Book) -> None:
    forget(book)
    assert command("verify", "--ledger", book.ledger_id).stdout.startswith("ledgers: 0, erased: 1")
    insert = "INSERT INTO search_marks (ledger_id, version) VALUES (:ledger_id, 1)"
    book.database.write(lambda connection: connection.run(insert, ledger_id=book.ledger_id))
    done = command("verify", "--ledger", book.ledger_id)
    assert done.exit_code == 1
    assert "rows_left: search_marks is 1, expected 0" in done.stdout


def test_the_log_of_accesses_is_verified_with_the_store(command: Command, book: Book) -> None:
    looks = [Access(utc_now(), uuid4(), "a", ledger, "", "r") for ledger in (None, book.ledger_id)]
    for look in looks:
        book.database.write(lambda connection, look=look: note(connection, look))  # type: ignore[misc]
    assert command("verify").exit_code == 0
    listed = lines(command("accesses", "--json"))
    assert [one["number"] for one in listed] == [1, 2]
    [of_ledger] = lines(command("accesses", "--json", "--ledger", book.ledger_id))
    assert (of_ledger["ledger_id"], of_ledger["action"]) == (str(book.ledger_id), "a")
    [of_account] = command("accesses", "--account", looks[0].account_id).stdout.splitlines()
    assert str(looks[0].account_id) in of_account
    checked = command("accesses", "--verify")
    digest = listed[-1]["digest"]
    expected = f"accesses: 2, findings: 0, digest of the last: {digest}\n"
    assert (checked.exit_code, checked.stdout) == (0, expected)

    def break_in(connection: Connection) -> None:
        guard = "stay" if connection.dialect == "sqlite" else "remain ON audit_accesses"
        connection.run(f"DROP TRIGGER audit_accesses_{guard}")
        connection.run("UPDATE audit_accesses SET action = 'b' WHERE number = 1")

    book.database.write(break_in)
    assert lines(command("accesses", "--verify", "--json"))[0] == {
        "number": 1,
        "code": "access_changed",
    }
    done = command("verify")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "access_changed: access 1")


def test_what_a_checkpoint_vouches_for_is_looked_at(
    command: Command, book: Book, settings: Settings, tmp_path: Path
) -> None:
    signer = Signer(settings.checkpoint_origin, settings.checkpoint_signing_key)
    signed = sign_checkpoint(book.database, signer, utc_now())
    assert signed is not None
    note_file = tmp_path / "checkpoint"
    note_file.write_text(signed.note)
    assert command("verify", "--checkpoint", note_file).exit_code == 0
    assert command("verify").exit_code == 0
    # A whole new history, in itself in order, in the place of the one that was vouched for.
    sql = "UPDATE ledgers SET version = 0, digest = :digest, income = 0, expense = 0, deposits = 0,"
    sql += " withdrawals = 0, rows_id = :rows_id WHERE ledger_id = :ledger_id"
    replaced = {"digest": first_prev(book.ledger_id), "rows_id": uuid4()}

    def rewrite(connection: Connection) -> None:
        of_ledger = {"ledger_id": book.ledger_id}
        connection.run("DELETE FROM events WHERE originator_id = :ledger_id", **of_ledger)
        connection.run(sql, **of_ledger, **replaced)

    book.database.write(rewrite)
    # The store's own last checkpoint is held against it without being named.
    for kept in (("--ledger", book.ledger_id, "--checkpoint", note_file), ()):
        done = command("verify", *kept, "--json")
        assert done.exit_code == 1
        found = {(one["code"], one["version"]) for one in lines(done)[:-1]}
        assert ("event_missing", 14) in found
    note_file.write_text("nonsense")
    refused = command("verify", "--checkpoint", note_file)
    assert refused.exit_code == 1
    assert "the checkpoint cannot be read" in refused.stderr


def test_a_history_is_read_out(command: Command, book: Book) -> None:
    text = command("replay", book.ledger_id).stdout.splitlines()
    assert len(text) == 14
    assert text[0].endswith("opened  = 0")
    assert text[6].endswith("income 500 on 1405-01-01 in درآمد  = 500")
    assert text[12].endswith(
        "corrected 60 on 1405-09-01 in هزینه to 61 on 1405-09-01 in هزینه  = 299"
    )
    assert "budget for هزینه, … to 100, 1405-01-01 to " in text[11]
    events = lines(command("replay", book.ledger_id, "--json"))
    assert [event["version"] for event in events] == list(range(1, 15))
    assert events[-1]["balance"] == book.head().totals.balance
    assert events[-1]["topic"] == "transaction-voided.1"


def test_a_ledger_is_shown_as_it_stood(command: Command, book: Book) -> None:
    [then] = lines(command("replay", book.ledger_id, "--version", 9, "--json"))
    assert then["balance"] == {"income": 500, "expense": 150, "savings": 0, "balance": 350}
    assert then["counts"] == {
        "transactions": 3,
        "voided": 0,
        "categories": 5,
        "budgets": 0,
        "recurrences": 0,
        "goals": 0,
    }
    assert {one["id"] for one in then["categories"]} == set(map(str, CATEGORY_IDS[:5]))
    [now] = lines(command("replay", book.ledger_id, "--version", 14, "--json"))
    assert now["digest"] == book.head().digest.hex()
    assert (now["counts"]["voided"], len(now["budgets"])) == (1, 1)
    text = command("replay", book.ledger_id, "--version", 9).stdout
    assert f"ledger {book.ledger_id} at version 9\n" in text
    assert "income 500, expense 150, savings 0, balance 350\n" in text
    later = command("replay", book.ledger_id, "--version", 15)
    assert (later.exit_code, later.stderr) == (1, "Error: the ledger is at version 14\n")


def test_what_people_wrote_moves_no_cursor(command: Command, book: Book) -> None:
    text = "نان\x1b[2J\x9b"
    entry = RecordTransaction(category_id=CATEGORY_IDS[1], amount_rials=5, description=text)
    book.record(entry)
    shown = command("replay", book.ledger_id).stdout
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "نان" in shown


def test_an_event_that_cannot_be_read_is_named(command: Command, book: Book) -> None:
    sql = "UPDATE events SET topic = 'x' WHERE originator_id = :id AND originator_version = 3"
    book.database.write(lambda connection: connection.run(sql, id=book.ledger_id))
    done = command("replay", book.ledger_id)
    assert done.exit_code == 1
    assert "version 3" in done.stderr


def test_an_export_is_whole_and_says_where_it_ends(
    command: Command, book: Book, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.ndjson"
    done = command("export", book.ledger_id, "--output", file)
    head = book.head()
    assert (done.exit_code, done.stdout) == (0, f"version 14, digest {head.digest.hex()}\n")
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["version"] for line in told] == list(range(1, 15))
    assert told[-1]["digest"] == head.digest.hex()
    assert told[0].keys() == {"ledger_id", "version", "topic", "state", "digest"}
    piped = command("export", book.ledger_id, "--output", "-")
    assert piped.stdout == file.read_text()
    assert piped.stderr == done.stdout
    assert [path.name for path in tmp_path.glob("*ledger.ndjson*")] == ["ledger.ndjson"]


def test_an_export_of_a_broken_chain_says_so(command: Command, book: Book, tmp_path: Path) -> None:
    sql = "UPDATE ledgers SET digest = :digest WHERE ledger_id = :ledger_id"
    told = {"digest": bytes(32), "ledger_id": book.ledger_id}
    book.database.write(lambda connection: connection.run(sql, **told))
    done = command("export", book.ledger_id, "--output", tmp_path / "ledger.ndjson")
    assert done.exit_code == 1
    assert "the head has another digest" in done.stderr


def test_an_export_that_fails_leaves_no_file(command: Command, book: Book, tmp_path: Path) -> None:
    sql = "DELETE FROM events WHERE originator_id = :id"
    book.database.write(lambda connection: connection.run(sql, id=book.ledger_id))
    file = tmp_path / "ledger.ndjson"
    file.write_text("the one before\n")
    done = command("export", book.ledger_id, "--output", file)
    assert done.exit_code == 1
    assert file.read_text() == "the one before\n"
    assert list(tmp_path.glob(".ledger.ndjson*")) == []


def test_an_export_takes_nobodys_place_but_a_files(
    command: Command, book: Book, tmp_path: Path
) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "ledger.ndjson"
    os.mkfifo(pipe)
    link.symlink_to(target)
    for place in (tmp_path, pipe, tmp_path / "nowhere" / "ledger.ndjson", "/proc/ledger.ndjson"):
        done = command("export", book.ledger_id, "--output", place)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {place} ")
    assert pipe.is_fifo()
    assert command("export", book.ledger_id, "--output", link).exit_code == 0
    assert link.is_symlink()
    assert len(target.read_text().splitlines()) == 14


@pytest.mark.parametrize(
    "words",
    [
        *(("audit", "verify"), ("audit", "replay", UUID(int=7)), ("audit", "accesses")),
        *(("accounts", "list"), ("tombstones", "export"), ("checkpoints", "list")),
    ],
)
def test_a_database_that_cannot_be_read_is_told_in_a_sentence(
    app: Flask, environ: dict[str, str], tmp_path: Path, words: tuple[object, ...]
) -> None:
    told = {
        f"sqlite:///{tmp_path}/empty.sqlite3": "flask db upgrade",
        f"postgresql://nobody@127.0.0.1:{free_port()}/none": "the database is unavailable",
    }
    for url, sentence in told.items():
        runner = app.test_cli_runner(env={**environ, "DATABASE_URL": url})
        done = runner.invoke(args=[*map(str, words)])
        assert (done.exit_code, done.stdout) == (1, "")
        assert sentence in done.stderr


@pytest.mark.parametrize(
    "words", [("verify", "--ledger"), ("replay",), ("export", "--output", "-")]
)
def test_a_ledger_that_is_not_there_is_exit_code_1(
    command: Command, words: tuple[str, ...]
) -> None:
    ledger_id = UUID(int=7)
    done = command(*words, ledger_id)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"there is no ledger {ledger_id}" in done.stderr


@pytest.mark.slow
def test_an_operator_types_it(environ: dict[str, str], book: Book) -> None:
    done = flask("audit", "verify", **environ)
    assert (done.returncode, done.stdout) == (0, "ledgers: 1, erased: 0, events: 14, findings: 0\n")
    tamper(book)
    assert flask("audit", "verify", "--json", **environ).returncode == 1
