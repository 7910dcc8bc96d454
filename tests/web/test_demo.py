"""The demo account: believable, the same every time, and never told twice."""

import datetime as dt
import json
from uuid import uuid4

import pytest

from domain.calendar import add_months, jalali_month, parse_jalali
from domain.categories import ChangeCategory
from domain.store.accounts import Account
from domain.store.database import Database
from domain.transactions import CorrectTransaction
from projections.balances import balance_as_of
from projections.readings import RowsReading
from projections.verify import differences, facts_of_rows, facts_of_state
from tests.books import NOON, Book
from tests.web.test_operator import flask
from web.demo.household import CATEGORIES, month_of_entries
from web.demo.telling import Told, months_up_to_today, tell


def told(book: Book) -> Told:
    """Tell the story up to today."""
    account = Account(book.account_id, "+989120000000", "person", book.ledger_id, NOON)
    parts = list(tell(book.store, account, months_up_to_today(book.store)))
    return Told(sum(part.entries for part in parts), sum(part.budgets for part in parts))


def test_two_years_are_told_once(database: Database) -> None:
    book = Book(database)
    first = told(book)
    assert 1_300 < first.entries < 1_700
    assert first.budgets == 4 * 25 + 1
    version = book.head().version
    assert told(book) == Told(0, 0)
    assert book.head().version == version

    book.clock.now += dt.timedelta(days=3)
    assert 0 < told(book).entries < 20


def test_the_story_is_believable(database: Database) -> None:
    book = Book(database)
    told(book)
    state = book.state()
    assert {category.name for category in state.categories.values()} == set(CATEGORIES)
    assert {entry.direction for entry in state.transactions.values()} == {
        *(None, "deposit", "withdraw"),
    }
    assert sum(entry.is_voided for entry in state.transactions.values()) in (4, 5)
    assert len(state.changes) > 8
    days = [entry.date for entry in state.transactions.values()]
    assert (min(days), max(days)) == (parse_jalali("1403-09-01"), parse_jalali("1405-09-02"))
    with database.reading() as connection:
        assert differences(facts_of_rows(connection, book.ledger_id), facts_of_state(state)) == []
        for month in range(25):
            day = parse_jalali("1403-09-28") + dt.timedelta(days=30 * month)
            assert (
                balance_as_of(RowsReading(connection, book.rows_id), book.head(), day).balance > 0
            )
    assert state.totals.savings > 0


@pytest.mark.parametrize("start", [140301, 140511, 141012])
def test_any_two_years_can_be_told(start: int) -> None:
    for count in range(24):
        month = add_months(start, count)
        entries = month_of_entries(month)
        assert entries == month_of_entries(month)
        assert {jalali_month(entry.date) for entry in entries} == {month}
        assert {entry.category for entry in entries} <= set(CATEGORIES)
        assert all(entry.amount_rials > 0 for entry in entries)


def test_the_story_gives_way_to_its_owner(database: Database) -> None:
    book = Book(database)
    told(book)
    food = next(c for c in book.state().categories.values() if c.name == "خوراک")
    entry = next(t for t in book.state().transactions.values() if t.category_id == food.id)
    book.record(CorrectTransaction(transaction_id=entry.id, description="چیز دیگر"))
    book.record(ChangeCategory(category_id=food.id, name="خوردنی", is_active=False))
    version = book.head().version
    assert told(book) == Told(0, 0)
    assert book.head().version == version


@pytest.mark.slow
def test_the_command_says_how_to_sign_in(environ: dict[str, str]) -> None:
    first = flask("demo", **environ)
    assert first.returncode == 0, first.stderr
    assert "09120000000" in first.stdout
    assert environ["OTP_OUTBOX"] in first.stdout
    again = flask("demo", "--json", **environ)
    assert json.loads(again.stdout) == {"phone": "09120000000", "entries": 0, "budgets": 0}


@pytest.mark.slow
def test_production_has_no_demo_account(environ: dict[str, str]) -> None:
    secrets = {"JWT_SECRET_KEY": uuid4().hex, "OTP_PEPPER": uuid4().hex}
    sender = {"OTP_SENDER": "webhook", "OTP_WEBHOOK_URL": "https://sms.example/send"}
    answer = flask("demo", **{**environ, **secrets, **sender, "APP_ENV": "production"})
    assert answer.returncode != 0
