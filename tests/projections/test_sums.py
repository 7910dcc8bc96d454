"""Sums: any stretch of days is whole months and edge days, each day once."""

import datetime as dt
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import FIRST_DAY, LAST_DAY, add_months, first_day, last_day
from domain.store.database import Database
from projections.sums import Stretch, monthly_of, stretch

DAYS = st.dates(FIRST_DAY, LAST_DAY)


def _days(start: dt.date, end: dt.date) -> list[dt.date]:
    return [start + dt.timedelta(days) for days in range((end - start).days + 1)]


def _covered(parts: Stretch) -> list[dt.date]:
    days = [*_days(parts.head_start, parts.head_end), *_days(parts.tail_start, parts.tail_end)]
    month = parts.first_month
    while month <= parts.last_month:
        days += _days(first_day(month), last_day(month))
        month = add_months(month, 1)
    return sorted(days)


@given(DAYS, st.integers(0, 800))
def test_every_day_is_covered_once(start: dt.date, length: int) -> None:
    end = min(start + dt.timedelta(days=length), LAST_DAY)
    assert _covered(stretch(start, end)) == _days(start, end)


@given(DAYS, DAYS)
def test_edges_are_never_longer_than_two_months(start: dt.date, end: dt.date) -> None:
    parts = stretch(start, end)
    edges = _days(parts.head_start, parts.head_end) + _days(parts.tail_start, parts.tail_end)
    assert len(edges) <= 60


@given(DAYS, st.integers(1, 800))
def test_a_stretch_that_ends_before_it_starts_is_empty(start: dt.date, length: int) -> None:
    end = max(start - dt.timedelta(days=length), FIRST_DAY)
    assert end == start or _covered(stretch(start, end)) == []


@pytest.mark.parametrize("months", [1, 12])
def test_whole_months_have_no_edges(months: int) -> None:
    parts = stretch(first_day(140501), last_day(add_months(140501, months - 1)))
    assert (parts.first_month, parts.last_month) == (140501, 140500 + months)
    assert parts.head_end < parts.head_start
    assert parts.tail_end < parts.tail_start


def test_all_of_time_has_no_edges() -> None:
    parts = stretch(FIRST_DAY, LAST_DAY)
    assert (parts.first_month, parts.last_month) == (130001, 150012)
    assert parts.tail_end < parts.tail_start


@pytest.mark.parametrize("day", [1, 31])
def test_more_categories_than_a_statement_takes(database: Database, day: int) -> None:
    ids = {uuid4() for _ in range(70_000)}
    assert database.read(lambda c: monthly_of(c, uuid4(), ids, 140501, 140502, day)) == {}
