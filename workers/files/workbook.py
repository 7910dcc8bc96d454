"""XLSX: sheets of entries that read from right to left in Persian, and one that sums them up."""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import IO, Any, Final, NamedTuple

from domain.calendar import MONTH_NAMES, TEHRAN, format_jalali, jalali_month
from domain.ledger import Transaction
from domain.money import Totals
from domain.store.exports import Language
from domain.transactions import entry_of
from projections.picture import Picture
from workers.files.tables import in_bearable_order

MOST_SHEET_ROWS: Final = 1_048_576
SCRATCH: Final = "dakhl-o-kharj-sheets-"
LEFT_BEHIND_SECONDS: Final = 2 * 3600
"""Longer than a worker may take."""

# No document of XML 1.0 has a place for them (section 2.2).
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MONEY: Final = "#,##0"
_DAY: Final = "yyyy-mm-dd"
_INSTANT: Final = "yyyy-mm-dd hh:mm:ss"
_TEXT: Final = "@"
_FORMATS: Final = (*(_TEXT, _TEXT, _DAY, _TEXT, _TEXT, _MONEY, _TEXT, _TEXT, _TEXT, _INSTANT, "0"),)
_WIDTHS: Final = (38, 12, 12, 10, 24, 20, 10, 48, 8, 20, 9)


class _Words(NamedTuple):
    header: tuple[str, ...]
    kinds: dict[str, str]
    directions: dict[str | None, str]
    voided: str
    entries: str
    summary: str
    balance: tuple[str, ...]
    month: str
    facts: tuple[str, str, str]


_WORDS: Final[dict[Language, _Words]] = {
    "fa": _Words(
        header=(
            *("شناسه", "تاریخ", "تاریخ میلادی", "نوع", "دسته", "مبلغ (ریال)", "جهت", "شرح"),
            *("باطل", "زمان ثبت (تهران)", "نسخه"),
        ),
        kinds={"income": "درآمد", "expense": "هزینه", "savings": "پس‌انداز"},
        directions={"deposit": "واریز", "withdraw": "برداشت", None: ""},
        voided="بله",
        entries="تراکنش‌ها",
        summary="خلاصه",
        balance=("درآمد", "هزینه", "پس‌انداز", "مانده"),
        month="ماه",
        facts=("شناسهٔ دفتر", "نسخهٔ دفتر", "از تا"),
    ),
    "en": _Words(
        header=(
            *("id", "date", "date gregorian", "kind", "category", "amount (rials)", "direction"),
            *("description", "voided", "recorded at (Tehran)", "version"),
        ),
        kinds={"income": "income", "expense": "expense", "savings": "savings"},
        directions={"deposit": "deposit", "withdraw": "withdraw", None: ""},
        voided="yes",
        entries="Transactions",
        summary="Summary",
        balance=("income", "expense", "savings", "balance"),
        month="month",
        facts=("ledger", "ledger version", "from, to"),
    ),
}


def write_xlsx(
    picture: Picture, entries: Iterable[Transaction], file: IO[bytes], language: Language
) -> None:
    """A workbook whose rows wait on disk, a sheet's worth of entries on each sheet.

    Entries come first, since our import reads the first sheet; the summary is what opens.
    """
    remove_left_behind()
    with TemporaryDirectory(prefix=SCRATCH) as home:
        book, sums = _Book(Path(home), language), _Sums()
        rest = sums.counting(in_bearable_order(entries))
        for number, first in enumerate(chain([None], rest)):
            some = islice(rest, MOST_SHEET_ROWS - 1 - (first is not None))
            _write_entries(book, picture, chain([first] if first else [], some), number)
        _write_summary(book, picture, sums)
        book.save(file)


def remove_left_behind() -> None:
    """Remove the sheets of workers that were killed: they tell of people."""
    long_ago = time.time() - LEFT_BEHIND_SECONDS
    for path in Path(gettempdir()).glob(f"{SCRATCH}*"):
        if path.stat().st_mtime < long_ago:
            rmtree(path, ignore_errors=True)


class _Book:
    """A workbook whose sheets wait in a directory of ours, where they are found again."""

    def __init__(self, home: Path, language: Language) -> None:
        # It takes a fifth of a second to import, and most processes never write a workbook.
        from openpyxl import Workbook  # noqa: PLC0415

        self.language = language
        self.words = _WORDS[language]
        self._home = home
        self._book = Workbook(write_only=True)

    def new_sheet(self, title: str, widths: Sequence[int], freeze: str | None = None) -> Any:
        """A sheet to append rows to."""
        from openpyxl.worksheet._writer import ALL_TEMP_FILES, WorksheetWriter  # noqa: PLC0415

        sheet = self._book.create_sheet(title)
        sheet.sheet_view.rightToLeft = self.language == "fa"
        sheet.freeze_panes = freeze
        for letter, width in zip("ABCDEFGHIJK", widths, strict=False):
            sheet.column_dimensions[letter].width = width
        path = str(self._home / str(len(self._book.worksheets)))
        # It forgets the file when the sheet is in the workbook, and insists on having known it.
        ALL_TEMP_FILES.append(path)
        sheet._writer = WorksheetWriter(sheet, path)
        sheet._writer.write_top()
        return sheet

    def save(self, file: IO[bytes]) -> None:
        """Write everything; the last sheet is the one that opens."""
        self._book.active = len(self._book.worksheets) - 1
        self._book.save(file)


class _Sums:
    """What entries that go by add up to, by Jalali month."""

    def __init__(self) -> None:
        self.months: defaultdict[int, Totals] = defaultdict(Totals)

    def counting(self, entries: Iterable[Transaction]) -> Iterator[Transaction]:
        """The same entries; voided ones do not count."""
        for entry in entries:
            if not entry.is_voided:
                month = jalali_month(entry.date)
                posting = entry_of(entry).posting(entry.kind, 1)
                self.months[month] = self.months[month].plus(posting)
            yield entry


class _Row:
    """Cells that are made once and written many times, since each is written when it is added.

    Text is text, whatever it begins with: a formula would be run by whoever opens the file.
    """

    def __init__(self, sheet: Any, formats: Sequence[str]) -> None:
        from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

        self._sheet = sheet
        self._cells = [WriteOnlyCell(sheet) for _ in formats]
        for cell, number_format in zip(self._cells, formats, strict=True):
            cell.number_format = number_format

    def write(self, values: Sequence[object]) -> None:
        """Add a row."""
        for cell, value in zip(self._cells, values, strict=False):
            if isinstance(value, str):
                cell.value = _UNWRITABLE.sub("", value)
                cell.data_type = "s"
            else:
                cell.value = value
        self._sheet.append(self._cells[: len(values)])


def _write_entries(
    book: _Book, picture: Picture, entries: Iterable[Transaction], number: int
) -> None:
    words = book.words
    title = words.entries if number == 0 else f"{words.entries} {number + 1}"
    sheet = book.new_sheet(title, _WIDTHS, freeze="A2")
    sheet.append(words.header)
    row, rows = _Row(sheet, _FORMATS), 1
    for entry in entries:
        row.write(_values(entry, picture.categories[entry.category_id].name, words))
        rows += 1
    sheet.auto_filter.ref = f"A1:K{rows}"


def _values(entry: Transaction, category: str, words: _Words) -> tuple[object, ...]:
    return (
        str(entry.id),
        format_jalali(entry.date),
        entry.date,
        words.kinds[entry.kind],
        category,
        entry.amount_rials,
        words.directions[entry.direction],
        entry.description,
        words.voided if entry.is_voided else "",
        entry.recorded_at.astimezone(TEHRAN).replace(tzinfo=None),
        entry.version,
    )


def _write_summary(book: _Book, picture: Picture, sums: _Sums) -> None:
    words = book.words
    sheet = book.new_sheet(words.summary, (24, 22, 22, 22, 22))
    facts = _Row(sheet, (_TEXT, "0", _TEXT))
    ledger, version, period = words.facts
    facts.write((ledger, str(picture.head.ledger_id)))
    facts.write((version, picture.head.version))
    facts.write((period, *_period(picture)))
    row = _Row(sheet, (_TEXT, _MONEY, _MONEY, _MONEY, _MONEY))
    row.write((words.month, *words.balance))
    whole = Totals()
    for month in sorted(sums.months):
        totals = sums.months[month]
        whole = Totals(*(getattr(whole, n) + getattr(totals, n) for n in Totals.__struct_fields__))
        row.write((_month(month, book.language), *_amounts(totals)))
    row.write(("", *_amounts(whole)))


def _period(picture: Picture) -> tuple[str, str]:
    if picture.is_whole:
        return "", ""
    return format_jalali(picture.start), format_jalali(picture.end)


def _month(month: int, language: Language) -> str:
    return f"{month // 100:04}-{month % 100:02} {MONTH_NAMES[language][month % 100 - 1]}"


def _amounts(totals: Totals) -> tuple[int, int, int, int]:
    return totals.income, totals.expense, totals.savings, totals.balance
