"""Cells: what people write, in every way they write it, and nothing that only looks like it."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import FIRST_DAY, LAST_DAY, format_jalali, jalali_parts
from domain.money import MAX_AMOUNT_RIALS
from domain.store.imports.cells import (
    BadCell,
    Cell,
    read_amount,
    read_day,
    read_direction,
    read_kind,
    read_text,
    unit_named_in,
)

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
DAY = dt.date(2026, 11, 23)

amounts = st.integers(1, MAX_AMOUNT_RIALS)
days = st.dates(FIRST_DAY, LAST_DAY)
cells = st.one_of(
    *(st.text(), st.integers(), st.floats(), st.none(), st.dates(), st.datetimes(), st.times()),
    *(st.timedeltas(), st.from_regex(r"[-+(]?[0-9٬,./ ]{1,20}[)]?( ?(ریال|تومان))?")),
)


def code_of(reader: Any, *arguments: Any) -> str:
    """Why the cell is refused."""
    with pytest.raises(BadCell) as refused:
        reader(*arguments)
    return refused.value.code


@given(
    amounts, st.sampled_from(["{:d}", "{:,}", "{:_}", " {:,} ", "\u200f{:,}", "+{:d}", "{:d}.00"])
)
def test_an_amount_is_read_however_it_is_written(amount: int, form: str) -> None:
    written = form.format(amount).replace("_", "٬")
    for text in (written, written.translate(PERSIAN), written.translate(ARABIC)):
        assert read_amount(text, "rial") == amount
        assert read_amount(text.replace(",", "،"), "rial") == amount


@given(st.integers(1, MAX_AMOUNT_RIALS // 10))
def test_tomans_are_ten_rials(amount: int) -> None:
    assert read_amount(amount, "toman") == amount * 10
    assert read_amount(f"{amount:,} تومان".translate(PERSIAN), "rial") == amount * 10
    assert read_amount(f"{amount} ریال", "toman") == amount


@given(amounts)
def test_a_minus_may_stand_before_behind_or_around(amount: int) -> None:
    for text in (f"-{amount}", f"−{amount}", f"{amount}-", f"({amount})", f"({amount:,})"):
        assert read_amount(text, "rial") == -amount
    assert read_amount(-amount, "rial") == -amount


@given(amounts)
def test_a_spreadsheet_number_is_its_whole_value(amount: int) -> None:
    if Decimal(float(amount)) == amount:
        assert read_amount(float(amount), "rial") == amount


@pytest.mark.parametrize(
    "cell",
    [
        *("1,50", "1.5", "1.250", "12,34,567", "1,250,00", "1e6", "x", "-", "--5", "(5", "-5-"),
        *("5 dollars", "1,250 000.5", True, 1.5, float("nan"), float("inf"), DAY, "1/2"),
        *("150.000", "۱۵۰٫۰۰۰ تومان", "-1.000", "(20.000)"),
    ],
)
def test_what_could_be_another_amount_is_refused(cell: Cell) -> None:
    assert code_of(read_amount, cell, "rial") == "not_an_integer"


@pytest.mark.parametrize("cell", ["0", "۰", 0, "-0", MAX_AMOUNT_RIALS + 1, "9" * 5000, 1e300])
def test_amounts_have_bounds(cell: Cell) -> None:
    assert code_of(read_amount, cell, "rial") == "out_of_range"


@pytest.mark.parametrize("cell", [None, "", "  ", "\u200f"])
def test_a_blank_cell_says_nothing(cell: Cell) -> None:
    assert read_amount(cell, "rial") is None
    assert read_day(cell, None) is None
    assert read_kind(cell) is None
    assert read_direction(cell) is None
    assert read_text(cell, 5) == ""


@given(days)
def test_a_day_is_read_however_it_is_written(day: dt.date) -> None:
    year, month, number = jalali_parts(day)
    jalali = [f"{year}/{month}/{number}", f"{number:02}/{month:02}/{year}", format_jalali(day)]
    jalali += [f"{year}{month:02}{number:02}", f"{format_jalali(day)} 14:30"]
    for text in jalali:
        assert read_day(text, None) == read_day(text.translate(PERSIAN), "jalali") == day
    for gregorian in (day, dt.datetime.combine(day, dt.time(23)), day.isoformat()):
        assert read_day(gregorian, None) == read_day(gregorian, "gregorian") == day


@pytest.mark.parametrize(
    "cell",
    [
        "۲ آذر ۱۴۰۵",
        "2 Azar 1405",
        14050902,
        14050902.0,
        46349,
        46349.75,
        dt.date(1405, 9, 2),
        "1405.9.2",
    ],
)
def test_days_in_words_and_numbers(cell: Cell) -> None:
    assert read_day(cell, None) == DAY


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "1404/12/30",
            "1405/13/01",
            "05/09/02",
            "03/04/2026",
            "2026-02-30",
            "1299/01/01",
            "2 x 1405",
        ),
        *("1700-01-01", "1405-09/02", "yesterday", 12, 1.5, True, dt.time(3), "2026-11-23T22:00Z"),
    ],
)
def test_no_day_is_refused(cell: Cell) -> None:
    assert code_of(read_day, cell, None) == "invalid_date"


def test_a_calendar_that_was_said_is_the_only_one() -> None:
    assert code_of(read_day, "2026-11-23", "jalali") == "invalid_date"
    assert code_of(read_day, "1405-09-02", "gregorian") == "invalid_date"


def test_words_are_read_in_both_languages() -> None:
    assert [read_kind(word) for word in ("هزینه", "Income", "پس‌انداز")] == [
        *("expense", "income", "savings")
    ]
    assert read_direction("برداشت") == read_direction("withdrawal") == "withdraw"
    assert code_of(read_kind, "loan") == "invalid_choice"


def test_a_header_tells_its_unit() -> None:
    assert unit_named_in("مبلغ (تومان)") == "toman"
    assert unit_named_in("Amount_Rial".replace("_", " ")) == "rial"
    assert unit_named_in("مبلغ") is None


def test_text_is_what_databases_can_hold() -> None:
    assert read_text(" \u200fنان\u00a0", 10) == "نان"
    assert code_of(read_text, "a\x00b", 10) == "invalid_text"
    assert code_of(read_text, "\ud800", 10) == "invalid_text"
    assert code_of(read_text, "abcdef", 5) == "too_long"


@given(cells)
def test_no_cell_fails_but_by_a_code(cell: Any) -> None:
    for reader in (
        *(lambda: read_amount(cell, "toman"), lambda: read_day(cell, None)),
        *(lambda: read_text(cell, 9), lambda: read_kind(cell), lambda: read_direction(cell)),
    ):
        try:
            reader()
        except BadCell:
            pass
