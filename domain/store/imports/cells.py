"""Cells as people fill them in: amounts, days and words, in Persian or in English."""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal, TypeVar

from domain.calendar import FIRST_DAY, FIRST_YEAR, LAST_DAY, LAST_YEAR, MONTH_NAMES, from_jalali
from domain.money import MAX_AMOUNT_RIALS, RIALS_PER_TOMAN, Direction, Kind
from domain.store.imports.options import Calendar, Unit
from domain.store.portable import unguarded
from domain.text import ascii_digits, fold

Cell = str | int | float | dt.datetime | dt.date | dt.time | dt.timedelta | None
"""What a file holds: text in CSV, and whatever a spreadsheet's cell is."""

Flag = Literal["yes", "no"]
Word = TypeVar("Word", Kind, Direction, Flag)

EXCEL_EPOCH: Final = dt.date(1899, 12, 30)
EXCEL_SERIALS: Final = range(7_000, 90_000)
"""Days since the epoch that fall in the years we take; 14050902 is not one of them."""

_INVISIBLE: Final = dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
)
_NUMBER_SIGNS: Final = str.maketrans(
    {
        **dict.fromkeys("٬،’'\u00a0\u2009\u202f ", ","),
        **dict.fromkeys("−–\ufe63\uff0d", "-"),
        "٫": ".",
    }
)
_AMOUNT: Final = re.compile(
    r"(?P<open>\()?(?P<sign>[-+])?"
    r"(?P<whole>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.0*)?"
    r"(?P<late>-)?(?P<close>\))?"
)
_THOUSANDS_OR_DECIMALS: Final = re.compile(r"[-+(]*[0-9]{1,3}\.0{3}[-)]*")
_UNIT_WORD: Final = re.compile(r"(?P<number>.*[0-9)\-])\s*(?P<word>[^\W\d_]+\.?|﷼)")
_UNITS: Final[Mapping[str, Unit]] = {
    **dict.fromkeys(map(fold, ("ریال", "﷼", "rial", "rials", "irr")), "rial"),
    **dict.fromkeys(map(fold, ("تومان", "تومن", "toman", "tomans", "irt")), "toman"),
}
_TIME: Final = r"(?:[ T,]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})" + _TIME)
_YEAR_LAST: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})" + _TIME)
_EIGHT_DIGITS: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_IN_WORDS: Final = re.compile(r"([0-9]{1,2}) (\D+) ([0-9]{4})")
_MONTHS: Final = {
    fold(name): number for names in MONTH_NAMES.values() for number, name in enumerate(names, 1)
}
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(map(fold, ("income", "درآمد", "دریافت", "دریافتی")), "income"),
    **dict.fromkeys(map(fold, ("expense", "هزینه", "خرج", "پرداخت", "مخارج")), "expense"),
    **dict.fromkeys(map(fold, ("savings", "saving", "پس‌انداز", "پس انداز", "ذخیره")), "savings"),
}
_DIRECTIONS: Final[Mapping[str, Direction]] = {
    **dict.fromkeys(map(fold, ("deposit", "واریز", "+")), "deposit"),
    **dict.fromkeys(map(fold, ("withdraw", "withdrawal", "برداشت", "-")), "withdraw"),
}
_FLAGS: Final[Mapping[str, Flag]] = {
    **dict.fromkeys(map(fold, ("true", "yes", "بله", "1")), "yes"),
    **dict.fromkeys(map(fold, ("false", "no", "خیر", "نه", "0")), "no"),
}


class BadCell(Exception):
    """A cell that cannot be read: a stable code, and what fills its message."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def unit_named_in(text: str) -> Unit | None:
    """The unit that a header such as `مبلغ (تومان)` speaks of."""
    words = re.findall(r"[^\W\d_]+|﷼", fold(text))
    return next((_UNITS[word] for word in words if word in _UNITS), None)


def read_text(cell: Cell, maximum: int) -> str:
    """Text without the spaces and the invisible marks around it, in NFC."""
    return _allowed(_as_text(cell), maximum)


def read_exact_text(cell: Cell, maximum: int) -> str:
    """Text to the letter, as our own export guarded it."""
    return _allowed(unguarded(unicodedata.normalize("NFC", str(cell or ""))), maximum)


def _allowed(text: str, maximum: int) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadCell("invalid_text")
    if len(text) > maximum:
        raise BadCell("too_long", maximum=maximum)
    return text


def read_amount(cell: Cell, unit: Unit) -> int | None:
    """Rials, negative where the cell is; None for a blank one.

    A word in the cell (`۵۰٬۰۰۰ تومان`) wins over `unit`. Separators must stand between groups
    of three, so that `1,50` is refused instead of becoming 150, and so is `150.000`, which is
    150 to some and 150,000 to others.
    """
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | None):
        raise BadCell("not_an_integer")
    if isinstance(cell, float):
        if not math.isfinite(cell) or not cell.is_integer():
            raise BadCell("not_an_integer")
        cell = int(cell)
    text = ascii_digits(_as_text(cell)).strip()
    if not text:
        return None
    if (worded := _UNIT_WORD.fullmatch(text)) is not None:
        named = unit_named_in(worded["word"])
        if named is None:
            raise BadCell("not_an_integer")
        text, unit = worded["number"].strip(), named
    return _in_rials(_signed(text), unit)


def _signed(text: str) -> int:
    plain = text.translate(_NUMBER_SIGNS)
    match = _AMOUNT.fullmatch(plain)
    if match is None or (match["open"] is None) != (match["close"] is None):
        raise BadCell("not_an_integer")
    if _THOUSANDS_OR_DECIMALS.fullmatch(plain) is not None:
        raise BadCell("not_an_integer")
    minus = [match["open"], match["sign"] == "-" or None, match["late"]]
    if sum(mark is not None for mark in minus) > 1:
        raise BadCell("not_an_integer")
    digits = match["whole"].replace(",", "").lstrip("0") or "0"
    # Longer ones are out of range whatever they are, and slow to compute.
    amount = int(digits[:20])
    return -amount if any(mark is not None for mark in minus) else amount


def _in_rials(amount: int, unit: Unit) -> int:
    factor = RIALS_PER_TOMAN if unit == "toman" else 1
    if not 1 <= abs(amount) * factor <= MAX_AMOUNT_RIALS:
        raise BadCell("out_of_range", minimum=1, maximum=MAX_AMOUNT_RIALS // factor)
    return amount * factor


def read_day(cell: Cell, calendar: Calendar | None) -> dt.date | None:
    """A calendar day; None for a blank cell.

    `1405/09/02`, `02/09/1405`, `14050902`, `۲ آذر ۱۴۰۵`, `2026-11-23`, each with or without a
    time of day, and a spreadsheet's own days. The day comes last, or first before a Jalali
    year: `03/04/2026` could be two days, and is refused.
    """
    if isinstance(cell, dt.date):
        # Some programs keep 1405/09/02 as a day of the Gregorian year 1405.
        return _day(cell.year, cell.month, cell.day, calendar if cell.year <= LAST_YEAR else None)
    # Compared and not looked for: a range goes through all its numbers for a float.
    if isinstance(cell, int | float) and EXCEL_SERIALS.start <= cell < EXCEL_SERIALS.stop:
        return EXCEL_EPOCH + dt.timedelta(days=int(cell))
    text = ascii_digits(_as_text(cell))
    if not text:
        return None
    return _day(*_year_month_day(text), calendar)


def _year_month_day(text: str) -> tuple[int, int, int]:
    if (match := _YEAR_FIRST.fullmatch(text)) is not None:
        return int(match[1]), int(match[3]), int(match[4])
    if (match := _EIGHT_DIGITS.fullmatch(text)) is not None:
        return int(match[1]), int(match[2]), int(match[3])
    if (match := _YEAR_LAST.fullmatch(text)) is not None and _is_jalali(int(match[4])):
        return int(match[4]), int(match[3]), int(match[1])
    if (match := _IN_WORDS.fullmatch(text)) is not None:
        month = _MONTHS.get(fold(match[2]))
        if month is not None and _is_jalali(int(match[3])):
            return int(match[3]), month, int(match[1])
    raise BadCell("invalid_date")


def _day(year: int, month: int, day: int, calendar: Calendar | None) -> dt.date:
    if calendar is not None and _is_jalali(year) != (calendar == "jalali"):
        raise BadCell("invalid_date")
    try:
        found = from_jalali(year, month, day) if _is_jalali(year) else dt.date(year, month, day)
    except ValueError as error:
        raise BadCell("invalid_date") from error
    if not FIRST_DAY <= found <= LAST_DAY:
        raise BadCell("invalid_date")
    return found


def _is_jalali(year: int) -> bool:
    """The years of the two calendars that we take do not meet: 1300 to 1500, 1921 to 2122."""
    return FIRST_YEAR <= year <= LAST_YEAR


def read_kind(cell: Cell) -> Kind | None:
    """The kind a word means; None for a blank cell."""
    return _word(cell, _KINDS)


def read_direction(cell: Cell) -> Direction | None:
    """The direction a word means; None for a blank cell."""
    return _word(cell, _DIRECTIONS)


def read_flag(cell: Cell) -> bool:
    """Whether a word means yes; a blank cell does not."""
    return _word(cell, _FLAGS) == "yes"


def _word(cell: Cell, words: Mapping[str, Word]) -> Word | None:
    text = fold(_as_text(cell))
    if not text:
        return None
    if text not in words:
        raise BadCell("invalid_choice", choices=", ".join(sorted(set(words.values()))))
    return words[text]


def _as_text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    return text.strip()
