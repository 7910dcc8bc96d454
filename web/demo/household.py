"""A household: what comes in, what goes out and what is put aside, month by Jalali month."""

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from domain.calendar import days_in_month, from_jalali, months_between
from domain.money import Direction, Kind

SEED: Final = "خانهٔ نمونه"
FIRST_MONTH: Final = 140301
"""Prices are those of this month, in Toman, and rise from there."""

MONTHLY_INFLATION: Final = 0.024
RIALS_PER_TOMAN: Final = 10
FARVARDIN, MORDAD, SHAHRIVAR, MEHR, AZAR, ESFAND = 1, 5, 6, 7, 9, 12

CATEGORIES: Final[dict[str, Kind]] = {
    "حقوق": "income",
    "درآمد جانبی": "income",
    "یارانه": "income",
    "خوراک": "expense",
    "مسکن و اجاره": "expense",
    "قبض‌ها": "expense",
    "رفت‌وآمد": "expense",
    "پوشاک": "expense",
    "سلامت و درمان": "expense",
    "آموزش": "expense",
    "تفریح و سفر": "expense",
    "هدیه و مهمانی": "expense",
    "اقساط": "expense",
    "پس‌انداز": "savings",
}
BUDGETS_TOMAN: Final = {
    "خوراک": 8_200_000,
    "رفت‌وآمد": 1_600_000,
    "تفریح و سفر": 2_400_000,
    "پوشاک": 1_500_000,
}

REPEATING_BUDGET_TOMAN: Final = ("هدیه و مهمانی", 2_000_000)
"""One that is set once, and carries over from month to month: gifts come all at once."""


class Entry(NamedTuple):
    """Something that happened. `typed_rials` is what was recorded first, by mistake."""

    date: dt.date
    category: str
    amount_rials: int
    description: str
    direction: Direction | None = None
    typed_rials: int | None = None
    is_twice: bool = False


class Habit(NamedTuple):
    """What recurs: how often a month, and from how much to how much in Toman."""

    category: str
    descriptions: tuple[str, ...]
    times: tuple[int, int]
    toman: tuple[int, int]


HABITS: Final = (
    Habit("خوراک", ("نان سنگک", "نان بربری", "نان تافتون"), (8, 11), (15_000, 45_000)),
    Habit("خوراک", ("میوه و سبزی", "تره‌بار", "سبزی خوردن"), (6, 8), (120_000, 420_000)),
    Habit("خوراک", ("سوپرمارکت", "لبنیات", "تخم‌مرغ و پنیر", "حبوبات"), (9, 12), (90_000, 480_000)),
    Habit("خوراک", ("گوشت گوسفندی", "مرغ", "ماهی"), (3, 4), (350_000, 850_000)),
    Habit("خوراک", ("برنج و روغن", "خرید ماهانه"), (1, 2), (600_000, 1_300_000)),
    Habit("رفت‌وآمد", ("اسنپ", "تپسی", "تاکسی"), (7, 10), (35_000, 140_000)),
    Habit("رفت‌وآمد", ("شارژ کارت مترو",), (1, 2), (50_000, 100_000)),
    Habit("رفت‌وآمد", ("بنزین",), (2, 3), (90_000, 180_000)),
    Habit("تفریح و سفر", ("رستوران", "کافه", "سینما", "پارک با بچه‌ها"), (3, 5), (150_000, 650_000)),
    Habit(
        "سلامت و درمان",
        ("داروخانه", "ویزیت پزشک", "آزمایش", "دندان‌پزشکی"),
        (0, 2),
        (80_000, 900_000),
    ),
    Habit("پوشاک", ("لباس بچه‌ها", "کفش", "مانتو", "پیراهن"), (0, 2), (350_000, 1_200_000)),
    Habit(
        "هدیه و مهمانی", ("هدیهٔ تولد", "شیرینی برای مهمانی", "دسته‌گل"), (0, 2), (150_000, 600_000)
    ),
    Habit("درآمد جانبی", ("ترجمه", "تدریس خصوصی", "پروژهٔ طراحی"), (0, 1), (1_500_000, 4_500_000)),
)


def month_of_entries(month: int) -> list[Entry]:
    """Everything that happens in a month such as 140508, in order of days; always the same."""
    random = Random(f"{SEED}:{month}")  # noqa: S311  # a story, not a secret
    found = [*_fixed(month), *_habits(month, random), *_occasions(month, random)]
    return _with_slips(sorted(found, key=lambda entry: entry.date), month, random)


def budgets_of_month(month: int) -> dict[str, int]:
    """The most to be spent in a month, in Rials, by category."""
    return {name: _priced(month, toman) for name, toman in BUDGETS_TOMAN.items()}


def repeating_budget(month: int) -> tuple[str, int]:
    """A category, and the most to be spent on it in this month and in each after it, in Rials."""
    name, toman = REPEATING_BUDGET_TOMAN
    return name, _priced(month, toman)


def _fixed(month: int) -> Iterator[Entry]:
    """What comes every month on its day."""
    year, number = divmod(month, 100)
    yield _on(month, 1, "حقوق", 38_000_000, "حقوق ماهانه")
    yield _on(month, 2, "پس‌انداز", 2_500_000, "کنار گذاشتن اول ماه", "deposit")
    yield _on(month, 5, "مسکن و اجاره", 11_000_000, "اجارهٔ خانه")
    yield _on(month, 5, "مسکن و اجاره", 650_000, "شارژ ساختمان")
    # An instalment is the same for as long as it is paid.
    day = from_jalali(year, number, 10)
    yield Entry(day, "اقساط", 28_500_000, "قسط وام بانک")
    yield Entry(from_jalali(year, number, 25), "یارانه", 9_000_000, "یارانهٔ نقدی")
    yield _on(month, 12, "قبض‌ها", 320_000, "اینترنت خانه")
    yield _on(month, 18, "قبض‌ها", 240_000, "قبض تلفن همراه")
    bill = ("قبض برق", 480_000) if number % 2 else ("قبض گاز", 390_000)
    yield _on(month, 15, "قبض‌ها", bill[1], bill[0])
    if number % 3 == 0:
        yield _on(month, 20, "قبض‌ها", 210_000, "قبض آب")


def _occasions(month: int, random: Random) -> Iterator[Entry]:
    """What comes once a year."""
    number = month % 100
    if number == FARVARDIN:
        for day, whom in enumerate(("پدر و مادر", "خواهرزاده‌ها", "بچه‌های عمو", "همسایه"), 1):
            amount = random.randrange(300_000, 1_500_000, 50_000)
            yield _on(month, day, "هدیه و مهمانی", amount, f"عیدی {whom}")
        yield _on(month, 6, "تفریح و سفر", 6_500_000, "سفر نوروزی به شیراز")
        yield _on(month, 13, "تفریح و سفر", 900_000, "سیزده‌به‌در")
    if number == MORDAD:
        yield _on(month, 14, "تفریح و سفر", 4_800_000, "سفر شمال")
    if number == SHAHRIVAR:
        yield _on(month, 24, "آموزش", 2_900_000, "لوازم مدرسه")
        yield _on(month, 26, "پس‌انداز", 2_000_000, "برداشت برای شهریه", "withdraw")
    if number == MEHR:
        yield _on(month, 3, "آموزش", 5_200_000, "شهریهٔ کلاس زبان")
    if number == AZAR:
        yield _on(month, 30, "هدیه و مهمانی", 1_700_000, "شب یلدا: آجیل و هندوانه و انار")
    if number == ESFAND:
        yield _on(month, 20, "حقوق", 46_000_000, "عیدی و پاداش پایان سال")
        yield _on(month, 22, "پوشاک", 6_800_000, "خرید لباس عید")
        yield _on(month, 25, "هدیه و مهمانی", 2_100_000, "آجیل و شیرینی عید")
        yield _on(month, 27, "خوراک", 450_000, "سفرهٔ هفت‌سین")


def _habits(month: int, random: Random) -> Iterator[Entry]:
    year, number = divmod(month, 100)
    for habit in HABITS:
        for _ in range(random.randint(*habit.times)):
            day = from_jalali(year, number, random.randint(1, days_in_month(month)))
            amount = _priced(month, random.randint(*habit.toman))
            yield Entry(day, habit.category, amount, random.choice(habit.descriptions))


def _with_slips(entries: list[Entry], month: int, random: Random) -> list[Entry]:
    """Now and then somebody types a zero too many, or the same thing twice."""
    places = [n for n, entry in enumerate(entries) if entry.category == "خوراک"]
    if month % 3 == 1:
        place = random.choice(places)
        entry = entries[place]
        entries[place] = entry._replace(typed_rials=entry.amount_rials * 10)
    if month % 6 == 2:
        place = random.choice(places)
        entries.insert(place + 1, entries[place]._replace(typed_rials=None, is_twice=True))
    return entries


def _on(
    month: int,
    day: int,
    category: str,
    toman: int,
    description: str,
    direction: Direction | None = None,
) -> Entry:
    date = from_jalali(month // 100, month % 100, min(day, days_in_month(month)))
    return Entry(date, category, _priced(month, toman), description, direction)


def _priced(month: int, toman: int) -> int:
    """Rials at a month's prices, rounded to a thousand Toman."""
    risen = toman * (1 + MONTHLY_INFLATION) ** months_between(FIRST_MONTH, month)
    return max(1, round(risen / 1000)) * 1000 * RIALS_PER_TOMAN
