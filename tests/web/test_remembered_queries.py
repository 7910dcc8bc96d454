"""Remembered queries: what was read once is not read again, nor is anybody's search kept."""

from typing import Any

import pytest
from flask import Flask

from web.body import REMEMBERED_QUERIES, query_reader
from web.errors import Problem
from web.transactions import TransactionQuery


class Counted(TransactionQuery):
    """A schema that counts how often it is asked."""

    times = 0

    def load(self, data: Any, **options: Any) -> Any:
        """The checked values."""
        self.times += 1
        return super().load(data, **options)


@pytest.fixture
def schema() -> Counted:
    """A query's shape."""
    return Counted()


@pytest.fixture
def ask(schema: Counted) -> Any:
    """Reads a query string as a view does."""
    app, read = Flask(__name__), query_reader(schema)

    def asked(query: str) -> Any:
        with app.test_request_context(f"/?{query}"):
            return read()

    return asked


def test_a_query_is_read_once(ask: Any, schema: Counted) -> None:
    for query in ("", "limit=5&from=1405-09-01"):
        first = ask(query)
        assert ask(query) == first
    assert schema.times == 2


def test_views_may_change_what_they_are_handed(ask: Any) -> None:
    ask("limit=5").clear()
    assert ask("limit=5")["limit"] == 5


def test_no_refusal_is_remembered(ask: Any, schema: Counted) -> None:
    for times in (1, 2):
        with pytest.raises(Problem):
            ask("limit=0")
        assert schema.times == times


@pytest.mark.parametrize(
    "query", ["q=x", "limit=5&q=x", "%71=x", "category_id=%30", f"cursor={'x' * 100}"]
)
def test_neither_searches_nor_long_queries_are_kept(ask: Any, schema: Counted, query: str) -> None:
    for _ in range(2):
        try:
            ask(query)
        except Problem:
            assert query.startswith("category_id")
    assert schema.times == 2


def test_memory_has_an_end(ask: Any, schema: Counted) -> None:
    many = [f"min_amount={number}" for number in range(REMEMBERED_QUERIES + 1)]
    for query in many:
        ask(query)
    ask(many[-1])
    assert schema.times == len(many)
    ask(many[0])
    assert schema.times == len(many) + 1
