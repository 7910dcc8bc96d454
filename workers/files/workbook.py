"""XLSX: sheets of entries that read from right to left in Persian, and one that sums them up."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import IO, Any, Final, NamedTuple

from domain.calendar import MONTH_NAMES, TEHRAN, format_jalali, jalali_month
from domain.ledger import Transaction
from domain.money import Totals
from domain.store.exports import Language
from domain.transactions import entry_of
from projections.picture import Picture
from workers.files.tables import in_bearable_order

MOST_SHEET_ROWS: Final = 1_048_576
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
    # It takes a fifth of a second to import, and most processes never write a workbook.
    from openpyxl import Workbook  # noqa: PLC0415

    book, sums = Workbook(write_only=True), _Sums()
    rest = sums.counting(in_bearable_order(entries))
    for number, first in enumerate(chain([None], rest)):
        some = islice(rest, MOST_SHEET_ROWS - 1 - (first is not None))
        _write_entries(book, picture, chain([first] if first else [], some), language, number)
    _write_summary(book, picture, sums, language)
    book.active = len(book.worksheets) - 1
    book.save(file)


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
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

        self._sheet = sheet
        self._without_controls = ILLEGAL_CHARACTERS_RE.sub
        self._cells = [WriteOnlyCell(sheet) for _ in formats]
        for cell, number_format in zip(self._cells, formats, strict=True):
            cell.number_format = number_format

    def write(self, values: Sequence[object]) -> None:
        """Add a row."""
        for cell, value in zip(self._cells, values, strict=False):
            if isinstance(value, str):
                cell.value = self._without_controls("", value)
                cell.data_type = "s"
            else:
                cell.value = value
        self._sheet.append(self._cells[: len(values)])


def _new_sheet(book: Any, title: str, language: Language, widths: Sequence[int]) -> Any:
    sheet = book.create_sheet(title)
    sheet.sheet_view.rightToLeft = language == "fa"
    for letter, width in zip("ABCDEFGHIJK", widths, strict=False):
        sheet.column_dimensions[letter].width = width
    return sheet


def _write_entries(
    book: Any, picture: Picture, entries: Iterable[Transaction], language: Language, number: int
) -> None:
    words = _WORDS[language]
    title = words.entries if number == 0 else f"{words.entries} {number + 1}"
    sheet = _new_sheet(book, title, language, _WIDTHS)
    sheet.freeze_panes = "A2"
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


def _write_summary(book: Any, picture: Picture, sums: _Sums, language: Language) -> None:
    words = _WORDS[language]
    sheet = _new_sheet(book, words.summary, language, (24, 22, 22, 22, 22))
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
        row.write((_month(month, language), *_amounts(totals)))
    row.write(("", *_amounts(whole)))


def _period(picture: Picture) -> tuple[str, str]:
    if picture.is_whole:
        return "", ""
    return format_jalali(picture.start), format_jalali(picture.end)


def _month(month: int, language: Language) -> str:
    return f"{month // 100:04}-{month % 100:02} {MONTH_NAMES[language][month % 100 - 1]}"


def _amounts(totals: Totals) -> tuple[int, int, int, int]:
    return totals.income, totals.expense, totals.savings, totals.balance
