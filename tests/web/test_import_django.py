"""Moving out of the Django API: everything that can be moved is, once; the rest is listed."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain.categories import AddCategory
from domain.decider import evolve
from domain.ledger import LedgerState
from domain.store import accounts
from domain.store.accounts import Account
from domain.store.database import Database
from domain.store.ledgers import LedgerStore
from domain.store.registration import find_or_register
from domain.transactions import CorrectTransaction
from projections.rows import LedgerRows
from tests.web.test_operator import flask
from web.moving.command import _as_json, _as_text
from web.moving.moves import Mover, Report
from web.moving.old_file import NotTheOldFile, OldFile
from web.moving.values import Immovable, amount_of, day_of, kinds_of

# What `manage.py migrate` writes for SQLite.
TABLES = """
CREATE TABLE "accounts_appuser" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "password" varchar(128) NOT NULL, "is_superuser" bool NOT NULL,
    "phone_number" varchar(15) NOT NULL UNIQUE, "first_name" varchar(150) NOT NULL,
    "last_name" varchar(150) NOT NULL, "date_joined" datetime NOT NULL);
CREATE TABLE "api_category" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "name" varchar(100) NOT NULL, "type" varchar(10) NOT NULL, "color" varchar(7) NOT NULL,
    "default_amount" decimal NULL, "is_active" bool NOT NULL,
    "user_id" bigint NOT NULL REFERENCES "accounts_appuser" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "api_transaction" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "amount" decimal NOT NULL, "date" datetime NOT NULL, "description" text NULL,
    "category_id" bigint NOT NULL REFERENCES "api_category" ("id") DEFERRABLE INITIALLY DEFERRED,
    "user_id" bigint NOT NULL REFERENCES "accounts_appuser" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "api_budgeting" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "min_amount" bigint NULL, "max_amount" bigint NULL, "start_date" date NOT NULL,
    "end_date" date NOT NULL, "user_id" bigint NOT NULL, "category_id" bigint NOT NULL);
CREATE INDEX "api_transaction_user_id" ON "api_transaction" ("user_id");
"""
PEOPLE = [
    (1, "", 0, "09121234567", "مریم", "احمدی", "2024-01-01 00:00:00"),
    (2, "", 0, "nonsense", "", "", "2024-01-01 00:00:00"),
    (3, "", 0, "+989351112233", "", "", "2024-01-01 00:00:00"),
]
CATEGORIES = [
    (1, "خوراک", "expense", "#ABCDEF", 50000, 1, 1),
    (2, "خوراك", "expense", "red", None, 1, 1),  # the same after folding
    (3, "حقوق", "income", "", None, 1, 1),
    (4, "قلک", "savings", "", None, 1, 1),
    (5, "قدیمی", "expense", "", None, 0, 1),
    (6, "وام", "loan", "", None, 1, 1),  # nobody knows this kind
    (7, "خوراک", "expense", "", None, 1, 2),
    (8, "خوراک", "expense", "", None, 1, 3),
]
TRANSACTIONS = [
    (1, 1200000, "2026-11-22 21:00:00", "نان", 1, 1),  # after midnight in Tehran
    (2, "700.00", "2026-11-20 10:00:00.123456", None, 2, 1),
    (3, 90000000, "2026-11-01", "", 3, 1),
    (4, -300, "2026-10-01", "برداشت", 4, 1),  # dated before the deposit
    (5, 1000, "2026-10-05", "واریز", 4, 1),
    (6, 0, "2026-10-05", "", 1, 1),
    (7, -5, "2026-10-05", "", 1, 1),
    (8, 5.5, "2026-10-05", "", 1, 1),
    (9, 5, "0001-01-01", "", 1, 1),
    (10, 800, "2026-10-05", "", 5, 1),
    (11, 5, "2026-10-05", "", 6, 1),
    (12, 5, "2026-10-05", "", 7, 2),
    (13, 5, "2026-10-05", "", 99, 1),
    (14, 42, "2026-10-05", "", 8, 3),
    (15, -5000, "2026-10-06", "", 4, 1),  # more than was saved
]
BUDGETS = [
    (1, None, 5000000, "2026-10-23", "2026-11-21", 1, 1),
    (2, 0, 6000000, "2026-10-23", "2026-11-21", 1, 1),  # the same period again
    (3, None, 0, "2026-10-23", "2026-11-21", 1, 2),
    (4, 5, 3, "2026-10-23", "2026-11-21", 1, 3),
    (5, 5, None, "2026-10-23", "2026-11-21", 3, 8),
]


@pytest.fixture
def old_path(tmp_path: Path) -> Path:
    """The old database."""
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
        for table, rows in (
            *(("accounts_appuser", PEOPLE), ("api_category", CATEGORIES)),
            *(("api_transaction", TRANSACTIONS), ("api_budgeting", BUDGETS)),
        ):
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()
    return path


@pytest.fixture
def store(database: Database) -> LedgerStore:
    """Where people are moved to."""
    return LedgerStore(database, LedgerRows)


@pytest.fixture
def old(old_path: Path) -> Iterator[OldFile]:
    """The old file, open."""
    with closing(OldFile(old_path)) as opened:
        yield opened


def moved(old: OldFile, store: LedgerStore) -> Report:
    """Move everybody."""
    return Mover(old, store, lambda: None).move_everybody()


def account_of(store: LedgerStore, phone: str) -> Account:
    """The account with a number."""
    found = store.database.read(lambda c: accounts.account_by_phone(c, phone))
    assert found is not None
    return found


def ledger(store: LedgerStore, phone: str) -> LedgerState:
    """A person's whole ledger."""
    state = LedgerState()
    for event in store.events.get(account_of(store, phone).ledger_id):
        state = evolve(state, event)  # type: ignore[arg-type]
    return state


def outcomes(report: Report) -> dict[str, dict[str, int]]:
    """What became of the rows of each table."""
    return {table: dict(counts) for table, counts in report.counts.items()}


def test_everything_that_can_be_moved_is(old: OldFile, store: LedgerStore) -> None:
    report = moved(old, store)
    assert outcomes(report) == {
        "accounts_appuser": {"moved": 2, "refused": 1},
        "api_category": {"moved": 6, "refused": 2},
        "api_transaction": {"moved": 7, "refused": 8},
        "api_budgeting": {"moved": 2, "refused": 3},
    }
    state = ledger(store, "+989121234567")
    assert (state.totals.income, state.totals.expense, state.totals.savings) == (
        *(90_000_000, 1_200_000 + 700 + 800, 700),
    )
    bread = next(t for t in state.transactions.values() if t.description == "نان")
    assert bread.date.isoformat() == "2026-11-23"
    names = {
        c.name: (c.is_active, c.color, c.default_amount_rials) for c in state.categories.values()
    }
    assert names["خوراک"] == (True, "#ABCDEF", 50_000)
    assert names["قدیمی"][0] is False
    assert "خوراك 2" in names
    account = account_of(store, "+989121234567")
    assert (account.first_name, account.last_name) == ("مریم", "احمدی")


def test_what_cannot_be_moved_is_listed_with_its_reason(old: OldFile, store: LedgerStore) -> None:
    notes = {(note["table"], note["id"]): note["reason"] for note in moved(old, store).notes}
    assert notes[("accounts_appuser", 2)] == "not a mobile number"
    assert notes[("api_category", 2)] == "renamed"
    assert "'loan'" in notes[("api_category", 6)]
    assert {row for table, row in notes if table == "api_transaction"} == {
        *(6, 7, 8, 9, 11, 15, None),
    }
    assert {row for table, row in notes if table == "api_budgeting"} == {2, 3, 4}
    assert "nonsense" not in str(notes)


def test_moving_again_adds_nothing(old: OldFile, store: LedgerStore) -> None:
    moved(old, store)
    before = ledger(store, "+989121234567")
    entry = next(t for t in before.transactions.values() if t.description == "نان")
    account = account_of(store, "+989121234567")
    correction = CorrectTransaction(transaction_id=entry.id, amount_rials=1_100_000)
    store.transact(account.ledger_id, str(account.id), lambda b: b.record(correction))
    again = moved(old, store)
    assert outcomes(again)["api_transaction"] == {"unchanged": 7, "refused": 8}
    assert outcomes(again)["api_category"] == {"unchanged": 6, "refused": 2}
    assert outcomes(again)["accounts_appuser"] == {"joined": 2, "refused": 1}
    assert ledger(store, "+989121234567").version == before.version + 1


def test_people_who_are_here_already_are_joined(old: OldFile, store: LedgerStore) -> None:
    account, _ = store.database.write(lambda c: find_or_register(c, store, "+989351112233"))
    own = AddCategory(id=uuid4(), name="خوراک", kind="expense")
    store.transact(account.ledger_id, str(account.id), lambda b: b.record(own))
    for _ in range(2):
        report = moved(old, store)
        assert report.counts["api_category"]["joined"] == 1
    state = ledger(store, "+989351112233")
    assert [t.category_id for t in state.transactions.values()] == [own.id]
    assert len(state.categories) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DROP TABLE api_budgeting", "no table api_budgeting"),
        (
            "ALTER TABLE api_transaction RENAME COLUMN amount TO sum",
            "api_transaction has no column for amount",
        ),
    ],
)
def test_what_is_missing_is_named(old_path: Path, change: str, named: str) -> None:
    with closing(sqlite3.connect(old_path)) as connection:
        connection.execute(change)
    with pytest.raises(NotTheOldFile, match=named):
        OldFile(old_path)


def test_other_plausible_columns_are_found(old_path: Path, store: LedgerStore) -> None:
    renames = [
        *(("accounts_appuser", "phone_number", "mobile"), ("api_category", "name", "title")),
        *(("api_category", "type", "category_type"), ("api_transaction", "date", "created_at")),
        *(("api_transaction", "description", "note"), ("api_budgeting", "max_amount", "maximum")),
    ]
    with closing(sqlite3.connect(old_path)) as connection:
        for table, before, after in renames:
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    with closing(OldFile(old_path)) as old:
        assert outcomes(moved(old, store))["api_transaction"] == {"moved": 7, "refused": 8}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({1, 2, 3}, {1: "income", 2: "expense", 3: "savings"}),
        ({"0", "1"}, {"0": "income", "1": "expense"}),
        (
            {"درآمد", "هزینه", "E", "INCOME", "?"},
            {"درآمد": "income", "هزینه": "expense", "E": "expense", "INCOME": "income"},
        ),
    ],
)
def test_kinds_are_words_letters_or_numbers(values: set[Any], expected: dict[Any, str]) -> None:
    assert kinds_of(values) == expected


@pytest.mark.slow
def test_the_command_tries_moves_and_lists(environ: dict[str, str], old_path: Path) -> None:
    tried = flask("import-django", str(old_path), "--dry-run", "--json", **environ)
    real = flask("import-django", str(old_path), "--json", **environ)
    assert tried.stdout == real.stdout
    assert (tried.returncode, real.returncode) == (1, 1)
    assert json.loads(real.stdout)["left_behind"] == 14
    again = flask("import-django", str(old_path), **environ)
    assert "api_transaction: 7 unchanged, 8 refused" in again.stdout
    assert flask("import-django", str(Path(__file__)), **environ).returncode == 1


def change(path: Path, sql: str, *values: object) -> None:
    """Change the old file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql, values)
        connection.commit()


DESCRIBE = "UPDATE api_transaction SET description = ? WHERE id = 1"


@pytest.mark.parametrize(
    ("value", "kept", "lost"),
    [
        ("  cafe\u0301 ", "café", []),  # as every other way in keeps it
        ("می\u200cخرم", "می\u200cخرم", []),
        ("\u0627\u0653" * 1000, "آ" * 1000, []),  # two code points each before they are composed
        ("x" * 1500, "x" * 1000, ["description: cut from 1,500 characters to 1,000"]),
        ("نا\x00ن", "نان", ["description: NUL characters taken out"]),
        (b"nan \xff\xfe", "nan ��", ["description: not UTF-8; what was not is \ufffd now"]),
        (
            "x\x00" * 1200,
            "x" * 1000,
            [
                "description: NUL characters taken out",
                "description: cut from 1,200 characters to 1,000",
            ],
        ),
    ],
)
def test_text_is_kept_like_all_text_and_what_was_lost_is_listed(
    old_path: Path, store: LedgerStore, value: str | bytes, kept: str, lost: list[str]
) -> None:
    is_text = isinstance(value, str)
    change(old_path, DESCRIBE if is_text else DESCRIBE.replace("?", "CAST(? AS TEXT)"), value)
    with closing(OldFile(old_path)) as old:
        report = moved(old, store)
    [entry] = [
        t
        for t in ledger(store, "+989121234567").transactions.values()
        if t.amount_rials == 1_200_000
    ]
    assert entry.description == kept
    noted = [(n["table"], n["id"], n["reason"]) for n in report.notes if n["id"] == 1]
    assert noted == [("api_transaction", 1, reason) for reason in lost]


def test_names_are_kept_like_all_text_and_what_was_lost_is_listed(
    old_path: Path, store: LedgerStore
) -> None:
    change(old_path, "ALTER TABLE api_category RENAME COLUMN name TO title")
    change(old_path, "UPDATE api_category SET title = ? WHERE id = 1", "c" * 120)
    change(old_path, "UPDATE api_category SET title = ? WHERE id = 3", "cafe\u0301")
    change(old_path, "UPDATE api_category SET title = ? WHERE id = 4", "\u200c")
    change(
        old_path,
        "UPDATE accounts_appuser SET first_name = ?, last_name = CAST(? AS TEXT) WHERE id = 1",
        *("f" * 101, b"\xff"),
    )
    with closing(OldFile(old_path)) as old:
        report = moved(old, store)
        again = moved(old, store)
    noted = {(n["table"], n["id"], n["reason"]) for n in report.notes if n["id"] in (1, 3, 4)}
    assert {note for note in noted if note[0] != "api_budgeting"} == {
        ("accounts_appuser", 1, "first_name: cut from 101 characters to 100"),
        ("accounts_appuser", 1, "last_name: not UTF-8; what was not is \ufffd now"),
        ("api_category", 1, "title: cut from 120 characters to 95"),
        ("api_category", 4, "renamed"),
    }
    names = {category.name for category in ledger(store, "+989121234567").categories.values()}
    assert {"c" * 95, "café", "بدون نام"} <= names
    account = account_of(store, "+989121234567")
    assert (account.first_name, account.last_name) == ("f" * 100, "\ufffd")
    assert not [n for n in again.notes if n["table"] == "accounts_appuser" and n["id"] == 1]


def test_no_column_crashes_on_what_is_not_utf_8(old_path: Path, store: LedgerStore) -> None:
    for table, column in (
        *(("accounts_appuser", "phone_number"), ("api_category", "type")),
        *(("api_category", "color"), ("api_transaction", "date"), ("api_transaction", "amount")),
        *(("api_category", "default_amount"), ("api_budgeting", "start_date")),
    ):
        change(old_path, f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE id = 3", b"\xff1")
    with closing(OldFile(old_path)) as old:
        report = moved(old, store)
    assert json.loads(_as_json(report))["left_behind"] > 14
    assert "api_transaction 3: " in _as_text(report)


@pytest.mark.parametrize("value", ["inf", "nan", "-Infinity", "1e99999999", "9" * 40])
def test_an_amount_beyond_all_bounds_cannot_be_moved(value: str) -> None:
    with pytest.raises(Immovable):
        amount_of(value)


@pytest.mark.parametrize("value", ["9999-12-31 23:59:59", "0001-01-01 00:00:00", None, b"\x00", 1])
def test_a_date_beyond_all_bounds_cannot_be_moved(value: object) -> None:
    with pytest.raises(Immovable):
        day_of(value)
