"""Values of the old file, as Django wrote them into SQLite."""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from domain.calendar import FIRST_DAY, LAST_DAY, today_in_tehran
from domain.money import Kind
from domain.store.imports.cells import BadCell, read_kind

_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_LETTERS: Final[Mapping[str, Kind]] = {"i": "income", "e": "expense", "s": "savings"}
_IN_ORDER: Final[tuple[Kind, ...]] = ("income", "expense", "savings")


class Immovable(Exception):
    """A value that cannot be moved; the message says why."""


MOST_DIGITS: Final = 18


def amount_of(value: object) -> int | None:
    """Whole Rials, perhaps negative; None for NULL."""
    if value is None:
        return None
    try:
        number = Decimal(str(value).strip())
        if not number.is_finite() or number.adjusted() > MOST_DIGITS:
            raise Immovable(f"the amount {value!r} is out of range")
        if number != number.to_integral_value():
            raise Immovable(f"the amount {value!r} is not whole")
    except InvalidOperation as error:
        raise Immovable(f"{value!r} is not an amount") from error
    return int(number)


def limit_of(value: object) -> int | None:
    """A budget's minimum or maximum; zero means that there is none."""
    return amount_of(value) or None


def day_of(value: object) -> dt.date:
    """A day; of an instant, which Django keeps in UTC, the day it was in Tehran."""
    text = str(value).strip()
    try:
        day = dt.date.fromisoformat(text) if len(text) == 10 else _day_of_instant(text)
    except (ValueError, OverflowError) as error:
        raise Immovable(f"{value!r} is not a date") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Immovable(f"the date {value!r} is outside the Jalali years 1300 to 1500")
    return day


def _day_of_instant(text: str) -> dt.date:
    instant = dt.datetime.fromisoformat(text)
    return today_in_tehran(instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC))


def colour_of(value: object) -> str | None:
    """A colour such as `#1E88E5`, or None."""
    text = str(value or "").strip()
    return text if _COLOUR.fullmatch(text) else None


def kinds_of(values: Collection[object]) -> dict[object, Kind]:
    """What each value of the kind's column means; those nobody knows are left out.

    Numbers stand for income, expense and savings in this order, from 0 where there is a 0,
    otherwise from 1.
    """
    numbers = {int(str(value)) for value in values if str(value).isdecimal()}
    first = 0 if 0 in numbers else 1
    found: dict[object, Kind] = {}
    for value in values:
        text = str(value).strip()
        if text.isdecimal():
            place = int(text) - first
            found |= {value: _IN_ORDER[place]} if 0 <= place < 3 else {}
        elif text.lower() in _LETTERS:
            found[value] = _LETTERS[text.lower()]
        elif (kind := _worded(text)) is not None:
            found[value] = kind
    return found


def _worded(text: str) -> Kind | None:
    try:
        return read_kind(text)
    except BadCell:
        return None
