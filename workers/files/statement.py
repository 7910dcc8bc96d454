"""PDF: a month's statement, as people show it, set by Typst from `statement.typ`."""

import datetime as dt
import math
import re
from collections.abc import Iterable, Sized
from heapq import nsmallest
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from domain.calendar import add_months, today_in_tehran
from domain.ledger import Transaction
from domain.store.exports import Language
from domain.transactions import entry_of
from projections.budgets import Limits, Status, UsedBudget
from projections.monthly import Statement
from projections.reports import CategoryLine
from projections.rounding import percent
from projections.sums import ONE_DAY, KindSums
from workers.files.words import Speech, letters_of, to_blame

MOST_ENTRIES: Final = 2000
"""Of a list. What sets the pages holds some 100 KiB for each, and nobody reads 60 pages."""

MOST_LINES: Final = 500
"""Of categories, and of budgets: they cost as much as entries do, and nobody limits how many."""

MOST_SLICES: Final = 7
SEAL_DIGITS: Final = 16

_SHAPELESS: Final = re.compile(r'the text `"(.+?)"` could not be displayed')
_ESCAPED: Final = re.compile(r"\\u\{([0-9a-f]+)\}")

TEMPLATE: Final = Path(__file__).with_name("statement.typ")
LETTERS: Final = TEMPLATE.with_name("letters.typ")
FONTS: Final = TEMPLATE.with_name("fonts")

_INCOME, _EXPENSE, _OTHER = "#0b7a75", "#c2571a", "#9aa5b1"
# Categories have their kind's colour unless somebody chose another: then a slice takes one of
# these (Okabe and Ito's, told apart by the colour-blind too).
_PALETTE: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
_STATUS_COLOURS: Final[dict[Status, str]] = {
    "near_limit": "#b7791f",
    "over_limit": "#b3261e",
    "ended_over": "#b3261e",
}


class _Shapeless(Exception):
    """Letters that no font of ours has; none when something else was wrong."""

    def __init__(self, letters: set[str]) -> None:
        super().__init__(letters)
        self.letters = letters


def write_statement(
    statement: Statement,
    entries: Iterable[Transaction],
    file: IO[bytes],
    language: Language,
) -> None:
    """The same statement gives the same file, to the byte."""
    # Their order by date is not the order in which they come; only so many are ever held.
    first = nsmallest(
        MOST_ENTRIES,
        (entry for entry in entries if not entry.is_voided),
        key=lambda entry: (entry.date, entry.created_version),
    )
    told = _Told(statement, Speech(language)).everything(first)
    shapeless = _shapeless_among(letters_of(str(told)), statement.made_at)
    while True:
        told = _Told(statement, Speech(language, shapeless)).everything(first)
        try:
            written = _set(TEMPLATE, told, statement.made_at)
        except _Shapeless as error:
            if error.letters <= shapeless:
                raise
            shapeless |= error.letters
        else:
            file.write(written)
            return


def _shapeless_among(letters: list[str], made_at: dt.datetime) -> set[str]:
    """Those that no font of ours has, found without setting a whole statement for it."""
    try:
        _set(LETTERS, letters, made_at)
    except _Shapeless as error:
        if not error.letters:
            raise
        return error.letters
    return set()


def _set(template: Path, told: object, made_at: dt.datetime) -> bytes:
    """A PDF that conforms to PDF/UA-1, which has no place for a letter that no font of ours has.

    Only setting it tells which those are: raises `_Shapeless` with all of them.
    """
    # Most processes never write a statement.
    import typst  # noqa: PLC0415

    try:
        return typst.compile(
            str(template),
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
            sys_inputs={"told": msgspec.json.encode(told).decode()},
            pdf_standards="ua-1",
            timestamp=int(made_at.timestamp()),
        )
    except typst.TypstError as error:
        raise _Shapeless(_without_shape(error.diagnostic)) from error


def _without_shape(diagnostic: str) -> set[str]:
    return to_blame(
        [
            _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
            for text in _SHAPELESS.findall(diagnostic)
        ]
    )


class _Told:
    """What the template is told; see there for what becomes of it."""

    def __init__(self, statement: Statement, speech: Speech) -> None:
        self.statement = statement
        self.speech = speech
        self.words = speech.words

    def everything(self, entries: list[Transaction]) -> dict[str, object]:
        """All of it; `entries` are those that are listed."""
        heading = self.words.title.format(self.speech.month(self.statement.month))
        slices = self._slices()
        names = [f"{one['name']['text']} {one['share']}" for one in slices]
        left_out = self.statement.report.sums.count - len(entries)
        categories, budgets = self.statement.report.categories, self.statement.budgets
        return {
            "language": self.speech.language,
            "words": self.words._asdict(),
            "title": f"{self.words.brand} — {heading}",
            "heading": heading,
            "person": self._person(),
            "facts": self._facts(),
            "seal": self.words.seal.format(*self._seal()),
            "cards": self._cards(),
            "daily": self._daily(),
            "slices": slices,
            "spent_alt": self.words.spent_alt.format(" · ".join(names)),
            "spent_short": self.speech.short(self.statement.report.sums.expense),
            "categories": [self._category(line) for line in categories[:MOST_LINES]],
            "more_categories": self._more(categories),
            "budgets": [self._budget(used) for used in budgets[:MOST_LINES]],
            "more_budgets": self._more(budgets),
            "entries": [self._entry(entry) for entry in entries],
            "left_out": self.words.left_out.format(self.speech.number(left_out))
            if left_out
            else None,
        }

    def _more(self, lines: Sized) -> str | None:
        over = len(lines) - MOST_LINES
        return self.words.more.format(self.speech.number(over)) if over > 0 else None

    def _person(self) -> str:
        return self.speech.name(self.statement.person)

    def _seal(self) -> tuple[str, str]:
        head = self.statement.picture.head
        return self.speech.number(head.version), head.digest.hex()[:SEAL_DIGITS]

    def _facts(self) -> list[tuple[str, str]]:
        made_on = self.speech.day(today_in_tehran(self.statement.made_at))
        values = (self._person(), made_on, *self._seal())
        facts = zip(self.words.facts, values, strict=True)
        return [(label, value) for label, value in facts if value]

    def _cards(self) -> list[dict[str, object]]:
        report, change = self.statement.report, self.statement.report.change
        amounts = {
            "income": (report.sums.income, change.income),
            "expense": (report.sums.expense, change.expense),
            "savings": (report.sums.savings, change.savings),
            "opening": (self.statement.opening_rials, None),
            "net": (report.sums.net, change.net),
            "closing": (self.statement.closing_rials, None),
        }
        before = add_months(self.statement.month, -1)
        return [
            {
                "label": self.words.cards[name],
                "rials": self.speech.number(rials),
                "toman": self.speech.toman(rials),
                "change": self.speech.change(changed, before),
                "strong": name in ("opening", "closing"),
            }
            for name, (rials, changed) in amounts.items()
        ]

    def _daily(self) -> dict[str, object]:
        sums = [self.statement.days.get(day, KindSums()) for day in self._month_days()]
        income, expense = [day.income for day in sums], [day.expense for day in sums]
        return {
            "alt": self.words.daily_alt.format(
                *map(self.speech.number, (max(income), max(expense)))
            ),
            "labels": [self.speech.number(day) for day in range(1, len(sums) + 1)],
            "panels": [
                self._panel(self.words.daily_panels[0], income, _INCOME, 20),
                self._panel(self.words.daily_panels[1], expense, _EXPENSE, 38),
            ],
        }

    def _month_days(self) -> list[dt.date]:
        first = self.statement.picture.start
        return [first + number * ONE_DAY for number in range(self.statement.report.days)]

    def _panel(self, title: str, days: list[int], colour: str, height: int) -> dict[str, object]:
        most = _round_up(max(days))
        return {
            "title": title,
            "colour": colour,
            "height": height,
            "most": self.speech.short(most) if any(days) else "",
            "half": self.speech.short(most / 2) if any(days) else "",
            "bars": [amount / most for amount in days],
        }

    def _slices(self) -> list[dict[str, Any]]:
        """Expenses by category, largest first; those beyond the first few together."""
        lines = [one for one in self.statement.report.categories if one.kind == "expense"]
        lines = [one for one in lines if one.amount > 0]
        whole, known = sum(one.amount for one in lines), self.statement.picture.categories
        colours = _distinct([known[one.category_id].color.lower() for one in lines[:MOST_SLICES]])
        parts = [
            (self.speech.theirs(one.name), one.amount, colour)
            for one, colour in zip(lines, colours, strict=False)
        ]
        if rest := sum(one.amount for one in lines[MOST_SLICES:]):
            parts.append(({"text": self.words.other, "against": False}, rest, _OTHER))
        told, until = [], 0
        for number, (name, amount, colour) in enumerate(parts, start=1):
            told.append(
                {
                    "number": self.speech.number(number),
                    "name": name,
                    "amount": self.speech.number(amount),
                    "share": self.speech.percent(percent(amount, whole)),
                    "colour": colour,
                    "text": _readable_on(colour),
                    "from": until / whole,
                    "to": (until + amount) / whole,
                }
            )
            until += amount
        return told

    def _category(self, line: CategoryLine) -> dict[str, object]:
        return {
            "kind": self.words.kinds[line.kind],
            "name": self.speech.theirs(line.name),
            "count": self.speech.number(line.count),
            "amount": self.speech.number(line.amount),
            "share": self.speech.percent(line.share),
        }

    def _budget(self, used: UsedBudget) -> dict[str, object]:
        period, use = used.period, used.utilisation
        return {
            "name": self.speech.theirs(
                self.statement.picture.categories[used.budget.category_id].name
            ),
            "period": f"{self.speech.day(period.start)} – {self.speech.day(period.end)}",
            "limits": self._limits(period),
            "used": self.speech.number(use.used),
            "percent": self.speech.percent(use.percent),
            "share": float(use.used > 0)
            if use.percent is None
            else min(max(use.percent / 100, 0), 1),
            "status": self.speech.status(use.status),
            "colour": _STATUS_COLOURS.get(use.status, _INCOME),
        }

    def _limits(self, period: Limits) -> list[str]:
        least, most = period.min_amount_rials, period.max_amount_rials
        said = (
            None if least is None else self.words.least.format(self.speech.number(least)),
            None if most is None else self.words.most.format(self.speech.number(most)),
        )
        return [one for one in said if one]

    def _entry(self, entry: Transaction) -> dict[str, object]:
        name = self.statement.picture.categories[entry.category_id].name
        if entry.direction:
            name = f"{name} ({self.words.directions[entry.direction]})"
        return {
            "date": self.speech.day(entry.date),
            "category": self.speech.theirs(name),
            "description": self.speech.theirs(entry.description),
            "amount": self.speech.number(_effect(entry), signed=True),
        }


def _effect(entry: Transaction) -> int:
    """What an entry changes the balance by, in Rials."""
    net = entry_of(entry).posting(entry.kind, 1).net_rials
    return net if entry.kind == "income" else -net


def _round_up(amount: int) -> int:
    """The next round number, for an axis to end with."""
    power = 10 ** math.floor(math.log10(amount)) if amount > 1 else 1
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= amount)


def _distinct(colours: list[str]) -> list[str]:
    """The same colours, but another one for each that was there before."""
    free = [one for one in _PALETTE if one not in colours]
    return [
        free.pop(0) if colour in colours[:place] else colour for place, colour in enumerate(colours)
    ]


def _readable_on(colour: str) -> str:
    """Black or white: what contrasts more (WCAG 2.2's relative luminance, its gamma rounded)."""
    red, green, blue = ((int(colour[at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5))
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"
