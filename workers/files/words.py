"""What a statement says, in Persian and in English: its words, numbers, days and colours."""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection
from typing import Final, NamedTuple

from domain.calendar import MONTH_NAMES, format_jalali
from domain.money import RIALS_PER_TOMAN, Direction, Kind
from domain.store.exports import Language
from domain.store.sentences import message
from projections.budgets import Status

MOST_CHARACTERS: Final = 200
MOST_OF_A_NAME: Final = 60
LONGEST_WORD: Final = 24
"""A longer one is broken after so many, or it would not fit in its column."""

BOX: Final = "□"
MOST_CHANGE_PERCENT: Final = 10_000

_PERSIAN: Final = str.maketrans("0123456789,.%", "۰۱۲۳۴۵۶۷۸۹٬٫٪")
_MINUS: Final = "\N{MINUS SIGN}"
# Before a sign, which a line from right to left would set at the number's other end.
_LEFT_TO_RIGHT: Final = "\N{LEFT-TO-RIGHT MARK}"
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_MARKS: Final = f"{_JOINERS}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}\N{ARABIC LETTER MARK}"
# They shape Arabic letters: elsewhere nothing shows them.
_IDLE_JOINER: Final = re.compile(f"(?<![\u0600-\u08ff])[{_JOINERS}]")
_WORD: Final = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


class Words(NamedTuple):
    """Everything a statement says in one language; `{0}` and `{1}` are filled in."""

    brand: str
    title: str
    facts: tuple[str, str, str, str]
    seal: str
    page: str
    cards: dict[str, str]
    sum: str
    change: str
    rial: str
    toman: str
    daily: str
    daily_alt: str
    daily_panels: tuple[str, str]
    day: str
    spent: str
    spent_alt: str
    nothing_spent: str
    other: str
    no_entries: str
    kinds: dict[Kind, str]
    categories: str
    category_header: tuple[str, ...]
    budgets: str
    budget_header: tuple[str, ...]
    least: str
    most: str
    entries: str
    entry_header: tuple[str, ...]
    directions: dict[Direction, str]
    left_out: str
    more: str
    units: tuple[str, str, str, str]


WORDS: Final[dict[Language, Words]] = {
    "fa": Words(
        brand="دخل و خرج",
        title="صورت‌حساب {0}",
        facts=("نام", "تاریخ تهیه", "نسخهٔ دفتر", "مهر دفتر"),
        seal="نسخهٔ {0}، مهر {1}",
        page="صفحهٔ {0} از {1}",
        cards={
            "income": "درآمد",
            "expense": "هزینه",
            "savings": "پس‌انداز",
            "opening": "ماندهٔ آغاز ماه",
            "net": "خالص",
            "closing": "ماندهٔ پایان ماه",
        },
        sum="خالص = درآمد − هزینه؛ ماندهٔ پایان ماه = ماندهٔ آغاز ماه + خالص − پس‌انداز",
        change="{0} نسبت به {1}",
        rial="ریال",
        toman="{0} تومان",
        daily="روز به روز",
        daily_alt="نمودار درآمد و هزینهٔ هر روز؛ بیشترین درآمد روز {0} و بیشترین هزینه {1} ریال",
        daily_panels=("درآمد روزانه (ریال)", "هزینهٔ روزانه (ریال)"),
        day="روز",
        spent="هزینه‌ها به کجا رفت",
        spent_alt="نمودار سهم هر دسته از هزینه‌ها، از بزرگ‌ترین: {0}",
        nothing_spent="در این ماه هزینه‌ای ثبت نشده است.",
        other="دسته‌های دیگر",
        no_entries="در این ماه تراکنشی ثبت نشده است.",
        kinds={"income": "درآمد", "expense": "هزینه", "savings": "پس‌انداز"},
        categories="دسته‌ها",
        category_header=("نوع", "دسته", "تعداد", "مبلغ (ریال)", "سهم"),
        budgets="بودجه‌ها",
        budget_header=("دسته و دوره", "کمینه و بیشینه (ریال)", "مصرف (ریال)", "وضعیت"),
        least="از {0}",
        most="تا {0}",
        entries="تراکنش‌ها",
        entry_header=("تاریخ", "دسته", "شرح", "مبلغ (ریال)"),
        directions={"deposit": "واریز", "withdraw": "برداشت"},
        left_out="{0} تراکنش دیگر این ماه در این فهرست نیامده است؛ خروجی CSV همه را دارد. "
        "جمع‌ها و نمودارها همه را در بر می‌گیرند.",
        more="{0} سطر دیگر در این فهرست نیامده است.",
        units=("تریلیون", "میلیارد", "میلیون", "هزار"),
    ),
    "en": Words(
        brand="Dakhl-o-Kharj",
        title="Statement of {0}",
        facts=("Name", "Made on", "Ledger version", "Seal"),
        seal="Version {0}, seal {1}",
        page="Page {0} of {1}",
        cards={
            "income": "Income",
            "expense": "Expense",
            "savings": "Savings",
            "opening": "Opening balance",
            "net": "Net",
            "closing": "Closing balance",
        },
        sum="Net = income − expense; closing balance = opening balance + net − savings",
        change="{0} against {1}",
        rial="Rials",
        toman="{0} Toman",
        daily="Day by day",
        daily_alt="Chart of each day's income and expense; the most in a day was {0} and {1}",
        daily_panels=("Daily income (Rials)", "Daily expense (Rials)"),
        day="Day",
        spent="Where it went",
        spent_alt="Chart of each category's share of expenses, largest first: {0}",
        nothing_spent="No expense was recorded in this month.",
        other="Other categories",
        no_entries="No transaction was recorded in this month.",
        kinds={"income": "income", "expense": "expense", "savings": "savings"},
        categories="Categories",
        category_header=("Kind", "Category", "Count", "Amount (Rials)", "Share"),
        budgets="Budgets",
        budget_header=("Category and period", "Least and most (Rials)", "Used (Rials)", "Status"),
        least="from {0}",
        most="up to {0}",
        entries="Transactions",
        entry_header=("Date", "Category", "Description", "Amount (Rials)"),
        directions={"deposit": "deposit", "withdraw": "withdrawal"},
        left_out="{0} more transactions of this month are left out of this list; the CSV export "
        "has them all. Sums and charts count all of them.",
        more="{0} more lines are left out of this list.",
        units=("T", "B", "M", "K"),
    ),
}


class Speech:
    """How things are said in one language, with boxes for what our fonts have no shape for."""

    def __init__(self, language: Language, shapeless: Collection[str] = ()) -> None:
        self.language = language
        self._shapeless = shapeless
        self.words = WORDS[language]

    def number(self, value: float, *, signed: bool = False) -> str:
        """A number, grouped, with one decimal where it is not whole; `signed` shows a plus too."""
        digits = f"{abs(value):,.1f}".removesuffix(".0") if value % 1 else f"{abs(int(value)):,}"
        sign = _MINUS if value < 0 else "+" if signed and value > 0 else ""
        return (_LEFT_TO_RIGHT if sign else "") + sign + self._own(digits)

    def toman(self, rials: int) -> str:
        """An amount of Rials in Toman, exact."""
        whole, rest = divmod(abs(rials), RIALS_PER_TOMAN)
        digits = f"{whole:,}.{rest}" if rest else f"{whole:,}"
        sign = _LEFT_TO_RIGHT + _MINUS if rials < 0 else ""
        return self.words.toman.format(sign + self._own(digits))

    def percent(self, value: float | None, *, signed: bool = False) -> str:
        """A percentage with at most one decimal; nothing for None."""
        return "" if value is None else self.number(value, signed=signed) + self._own("%")

    def change(self, value: float | None, month: int) -> str:
        """A change against a month before; nothing where a percentage says nothing."""
        if value is None or abs(value) >= MOST_CHANGE_PERCENT:
            return ""
        name = MONTH_NAMES[self.language][month % 100 - 1]
        return self.words.change.format(self.percent(value, signed=True), name)

    def short(self, rials: float) -> str:
        """About how much an amount is: `12.5 M`."""
        for power, unit in zip((12, 9, 6, 3), self.words.units, strict=True):
            if rials >= 10**power:
                return f"{self.number(round(rials / 10**power, 1))} {unit}"
        return self.number(rials)

    def day(self, day: dt.date) -> str:
        """A Jalali day."""
        return self._own(format_jalali(day).replace("-", "/"))

    def month(self, month: int) -> str:
        """A Jalali month with its year."""
        return f"{MONTH_NAMES[self.language][month % 100 - 1]} {self._own(str(month // 100))}"

    def status(self, status: Status) -> str:
        """How a budget stands."""
        return message(f"budget_{status}", self.language, {})

    def name(self, text: str) -> str:
        """A name, in a line with others."""
        return shortened(boxed(showable(text), self._shapeless), MOST_OF_A_NAME)

    def theirs(self, text: str) -> dict[str, object]:
        """People's own text: what can be shown of it, and whether it runs against the page."""
        shown = shortened(boxed(showable(text), self._shapeless))
        breakable = _WORD.sub(lambda word: _breakable(word.group()), shown)
        begins = next((d for d in map(unicodedata.bidirectional, shown) if d in "LRAL"), None)
        against = begins == "L" if self.language == "fa" else begins in ("R", "AL")
        return {"text": breakable, "against": against}

    def _own(self, digits: str) -> str:
        return digits.translate(_PERSIAN) if self.language == "fa" else digits


def showable(text: str) -> str:
    """Text on one line, without what has no shape: controls, embeddings, what is no character."""
    kept = "".join(one for one in " ".join(text.split()) if _has_shape(one))
    return _IDLE_JOINER.sub("", kept)


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """Text of at most so many characters, an ellipsis among them; no letter loses its marks."""
    if len(text) <= most:
        return text
    end = most - 1
    while end > most // 2 and _clings(text[end]):
        end -= 1
    return text[:end].rstrip() + "…"


def letters_of(text: str) -> list[str]:
    """Its distinct characters that stand by themselves, but for ASCII's, which every font has."""
    return sorted(
        one for one in set(text) if one.isprintable() and not one.isascii() and not _clings(one)
    )


def boxed(text: str, shapeless: Collection[str]) -> str:
    """Text with one box for each run of letters without a shape, and without such marks."""
    shown: list[str] = []
    for one in text:
        is_box = bool(shown) and shown[-1] == BOX
        if _clings(one):
            if not is_box and one not in shapeless:
                shown.append(one)
        elif one not in shapeless:
            shown.append(one)
        elif not is_box:
            while shown and shown[-1] in _JOINERS:
                shown.pop()
            shown.append(BOX)
    return "".join(shown)


def to_blame(texts: Collection[str]) -> set[str]:
    """Of texts without a shape, what to do without first: marks that make letters shapeless."""
    every = set("".join(texts))
    marks = {one for one in every if _clings(one)}
    return marks or {one for one in every if not one.isascii()} or every


def _has_shape(one: str) -> bool:
    return one in _MARKS or unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Cn", "Co")


def _breakable(word: str) -> str:
    parts, part = [], ""
    for one in word:
        if len(part) >= LONGEST_WORD and not _clings(one):
            parts.append(part)
            part = ""
        part += one
    return "\N{ZERO WIDTH SPACE}".join([*parts, part])


def _clings(one: str) -> bool:
    return one in _JOINERS or unicodedata.category(one) in ("Mn", "Mc", "Me")
