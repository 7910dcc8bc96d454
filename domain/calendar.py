"""The Jalali calendar at the edges of a ledger, and the day it is in Tehran."""

import datetime as dt
import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import jdatetime

from domain.text import ascii_digits

TEHRAN: Final = ZoneInfo("Asia/Tehran")
FIRST_YEAR: Final = 1300
LAST_YEAR: Final = 1500

MONTH_NAMES: Final = {
    "fa": (
        *("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور"),
        *("مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"),
    ),
    "en": (
        *("Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar"),
        *("Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"),
    ),
}

_JALALI: Final = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})")


def today_in_tehran(now: dt.datetime) -> dt.date:
    """The calendar day in Tehran at an instant."""
    return now.astimezone(TEHRAN).date()


@lru_cache(maxsize=4096)
def jalali_parts(day: dt.date) -> tuple[int, int, int]:
    """A day's Jalali year, month and day of the month."""
    jalali = jdatetime.date.fromgregorian(date=day)
    return jalali.year, jalali.month, jalali.day


@lru_cache(maxsize=4096)
def from_jalali(year: int, month: int, day: int) -> dt.date:
    """The day with a Jalali year, month and day; ValueError where there is none."""
    gregorian: dt.date = jdatetime.date(year, month, day).togregorian()
    return gregorian


def parse_jalali(text: str) -> dt.date:
    """Read `1405-09-02` or `1405/9/2`, Persian and Arabic digits too.

    Raises ValueError for anything else, for days that do not exist, and for years outside
    1300 to 1500.
    """
    match = _JALALI.fullmatch(ascii_digits(text))
    if match is None:
        raise ValueError(f"not a Jalali date: {text!r}")
    year, month, day = map(int, match.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"year outside {FIRST_YEAR} to {LAST_YEAR}: {year}")
    return from_jalali(year, month, day)


@lru_cache(maxsize=4096)
def format_jalali(day: dt.date) -> str:
    """A day as `1405-09-02`."""
    return "{:04}-{:02}-{:02}".format(*jalali_parts(day))


def jalali_month(day: dt.date) -> int:
    """A day's Jalali month as one number: 140509."""
    year, month, _ = jalali_parts(day)
    return year * 100 + month


def month_number(year: int, month: int) -> int:
    """Year and month as one number that sorts: 1405 and 9 are 140509."""
    return year * 100 + month


def add_months(month: int, count: int) -> int:
    """The month `count` months after (before, when negative) a month such as 140509."""
    year, index = divmod(month // 100 * 12 + month % 100 - 1 + count, 12)
    return month_number(year, index + 1)


def months_between(month: int, later: int) -> int:
    """How many months after a month such as 140509 another one is."""
    return (later // 100 - month // 100) * 12 + later % 100 - month % 100


def format_month(month: int) -> str:
    """A month such as 140509 as `1405-09`."""
    return f"{month // 100:04}-{month % 100:02}"


@lru_cache(maxsize=4096)
def months_after(day: dt.date, count: int) -> dt.date:
    """The same day of the month `count` months later; the month's last day where it has none."""
    year, month, number = jalali_parts(day)
    return day_of_month(add_months(month_number(year, month), count), number)


def day_of_month(month: int, number: int) -> dt.date:
    """A day of a month such as 140509; its last day where it has none with this number."""
    return first_day(month) + dt.timedelta(days=min(number, days_in_month(month)) - 1)


# Of 200 years there are 2,400 months, which are all remembered, and too many days for that.
@lru_cache(maxsize=4096)
def first_day(month: int) -> dt.date:
    """The first day of a month such as 140509."""
    return from_jalali(month // 100, month % 100, 1)


def last_day(month: int) -> dt.date:
    """The last day of a month such as 140509."""
    return first_day(add_months(month, 1)) - dt.timedelta(days=1)


@lru_cache(maxsize=4096)
def days_in_month(month: int) -> int:
    """29, 30 or 31."""
    return (last_day(month) - first_day(month)).days + 1


def weekday(day: dt.date) -> int:
    """A day's place in its week: 0 is Saturday, 6 is Friday."""
    return (day.weekday() + 2) % 7


FIRST_DAY: Final = from_jalali(FIRST_YEAR, 1, 1)
LAST_DAY: Final = last_day(month_number(LAST_YEAR, 12))
