"""Sheets: a CSV or XLSX file as rows, a few in memory at a time."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, Final

from domain.store.imports.cells import Cell
from domain.store.imports.columns import MOST_COLUMNS
from domain.store.imports.workbooks import BadWorkbook, count_workbook_rows, workbook_rows

Row = Sequence[Cell]

MOST_ROWS: Final = 200_000
MOST_GAPS: Final = 1_048_576
"""A sheet's last possible row number: beyond it, empty rows are a trick."""

_DELIMITERS: Final = ",;\t|"
_LOOK_BYTES: Final = 64 * 1024
_ZIP: Final = b"PK\x03\x04"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_END: Final = "\x1a\x00"
"""A line behind the last, which a quote that is still open takes in."""

_CONTROL: Final = frozenset(range(32)) - set(b"\t\n\r\f\x1a")


class BadFile(Exception):
    """A file that cannot be read as a table; `code` says why."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def read_rows(file: IO[bytes]) -> Iterator[tuple[int, Row]]:
    """Every row that holds something, with its number in the file, from 1. Raises `BadFile`."""
    file.seek(0)
    rows = workbook_rows if file.read(4) == _ZIP else _csv_rows
    file.seek(0)
    found = 0
    try:
        for number, row in enumerate(rows(file), 1):
            if number > MOST_GAPS:
                raise BadFile("file_unreadable")
            if any(cell not in (None, "") for cell in row):
                found += 1
                # One more than the rows of data: the header.
                if found > MOST_ROWS + 1:
                    raise BadFile("too_many_rows", maximum=MOST_ROWS)
                yield number, row[:MOST_COLUMNS]
    except (csv.Error, UnicodeError, BadWorkbook) as error:
        raise BadFile("file_unreadable") from error


def count_rows(file: IO[bytes]) -> int:
    """How many rows there are to read; of a workbook, perhaps with empty ones. Raises `BadFile`."""
    file.seek(0)
    if file.read(4) != _ZIP:
        return sum(1 for _ in read_rows(file))
    try:
        count = count_workbook_rows(file)
    except BadWorkbook as error:
        raise BadFile("file_unreadable") from error
    if count > MOST_ROWS + 1:
        raise BadFile("too_many_rows", maximum=MOST_ROWS)
    return count


def _csv_rows(file: IO[bytes]) -> Iterator[Row]:
    encoding = _encoding(file)
    file.seek(0)
    # It is handed back open: TextIOWrapper would close it when it goes.
    text = io.TextIOWrapper(io.BufferedReader(_Borrowed(file)), encoding=encoding, newline="")
    head = text.read(_LOOK_BYTES)
    # What begins with a mark is text, whatever people put into it.
    if encoding != "utf-8-sig" and any(ord(character) in _CONTROL for character in head):
        raise BadFile("file_unreadable")
    delimiter = _delimiter(head)
    text.seek(0)
    for number, row in enumerate(csv.reader(chain(text, [_END]), delimiter=delimiter)):
        if row == [_END]:
            return
        # Excel's own note to itself, on the first line of some exports.
        if number == 0 and row and row[0].lower().startswith("sep="):
            yield ()
        elif row and row[-1].endswith(_END):
            # A quote was opened and never closed: the rows behind it are not its cell's text.
            raise BadFile("file_unreadable")
        else:
            yield row


class _Borrowed(io.RawIOBase):
    """A file that is read through, and never closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _encoding(file: IO[bytes]) -> str:
    """What the bytes say: a mark at the beginning, UTF-8 where it fits, or Windows-1256.

    Raises `BadFile` for UTF-8 with a few wrong bytes: every letter of it would be another.
    """
    head = file.read(_LOOK_BYTES)
    if not head:
        raise BadFile("file_empty")
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    # Without a mark: in UTF-16, every other byte of ASCII commas and digits is zero.
    for zeros, encoding in ((head[1::2], "utf-16-le"), (head[0::2], "utf-16-be")):
        if zeros.count(0) * 10 > len(zeros):
            return encoding
    if _is_utf8(head, file.read):
        return "utf-8"
    file.seek(0)
    if _is_mostly_utf8(file):
        raise BadFile("file_unreadable")
    return "cp1256"


def _is_utf8(head: bytes, read: Callable[[int], bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
        while piece := read(_LOOK_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    wrong = beyond_ascii = 0
    while piece := file.read(_LOOK_BYTES):
        text = decoder.decode(piece)
        wrong += text.count("\ufffd")
        beyond_ascii += len(text) - len(text.encode("ascii", "ignore"))
    return wrong * 2 < beyond_ascii


def _delimiter(head: str) -> str:
    """The one that makes the most of the first line, as Excel's note on it says, or a comma."""
    first = head.lstrip("\ufeff\r\n")[:1000].split("\n", 1)[0]
    if first.lower().startswith("sep=") and first[4:5] in _DELIMITERS:
        return first[4]
    widths = {mark: _width(head, mark) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: widths[mark])


def _width(head: str, delimiter: str) -> int:
    try:
        rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        return next((len(row) for row in rows if any(row)), 0)
    except csv.Error:
        return 0
