"""Workbooks: the first sheet of an XLSX file, row by row, whatever the file really holds."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException

from domain.store.imports.columns import MOST_COLUMNS

MOST_MEMBERS: Final = 1000
MOST_BYTES_OF_SHEETS: Final = 256 * 1024 * 1024
MOST_BYTES_OF_TEXTS: Final = 32 * 1024 * 1024
MOST_BYTES_OF_ANOTHER: Final = 1024 * 1024
"""Styles and the like, which openpyxl reads whole. Shared texts too; sheets row by row."""

MOST_TIMES_SMALLER: Final = 100
SMALL_BYTES: Final = 64 * 1024
MOST_XML_ROWS: Final = 1_048_576
MOST_BYTES_OF_A_ROW: Final = 256 * 1024

_ROW: Final = re.compile(rb"<(?:\w{1,20}:)?row[\s/>]")
_LONGEST_MATCH: Final = 26
_PIECE_BYTES: Final = 256 * 1024

_NOT_OURS: Final = (
    *(zipfile.BadZipFile, ParseError, DefusedXmlException),
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError),
    *(NotImplementedError, EOFError, RuntimeError, zlib.error),
)
"""What openpyxl and zipfile raise about a file that is not what it says it is."""


class BadWorkbook(Exception):
    """Not a workbook, or one that unpacks to more than anybody fills in by hand."""


def workbook_rows(file: IO[bytes]) -> Iterator[Sequence[Any]]:
    """The rows of the first sheet that can be seen. Raises `BadWorkbook`."""
    with _readable(), _first_sheet(file) as sheet:
        # What a file says about its own size is often wrong.
        sheet.reset_dimensions()
        yield from sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True)


def count_workbook_rows(file: IO[bytes]) -> int:
    """How many rows that sheet has, formatted empty ones too: many times faster than reading
    them, since the XML is searched and not parsed. Raises `BadWorkbook`.
    """
    with _readable(), _first_sheet(file) as sheet:
        path: str = sheet._worksheet_path  # openpyxl has no public name for it
        with _Guarded(file) as archive, archive.open(path) as xml:
            return _rows_and_widest(xml)[0]


def _rows_and_widest(xml: IO[bytes]) -> tuple[int, int]:
    """How many rows begin in a sheet, and the most bytes from where one begins to the next."""
    count = widest = last = position = 0
    rest = b""
    while piece := xml.read(_PIECE_BYTES):
        text = rest + piece
        start, position = position - len(rest), position + len(piece)
        for end in (start + match.end() for match in _ROW.finditer(text)):
            if end > last:
                count, widest, last = count + 1, max(widest, end - last), end
        rest = text[-_LONGEST_MATCH:]
    return count, max(widest, position - last)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except _NOT_OURS as error:
        raise BadWorkbook from error


@contextmanager
def _first_sheet(file: IO[bytes]) -> Iterator[Any]:
    # It takes a fifth of a second to import, and most processes never read a workbook.
    from openpyxl.reader.excel import ExcelReader  # noqa: PLC0415

    _refuse_bomb(file)
    with warnings.catch_warnings():
        # openpyxl tells of extensions and styles that it leaves out; nobody here can act on it.
        warnings.simplefilter("ignore")
        reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        reader.archive.close()
        reader.archive = _Guarded(file)
        reader.read()
    book = reader.wb
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise BadWorkbook
        yield sheets[0]
    finally:
        book.close()


class _Guarded(zipfile.ZipFile):
    """Hands out no member that unpacks to too much. Pictures, caches of pivot tables and the like
    may be as large as they are: nobody reads them.
    """

    def open(self, name: str | zipfile.ZipInfo, *args: Any, **kwargs: Any) -> IO[bytes]:
        if _is_suspect(self.getinfo(name) if isinstance(name, str) else name):
            raise BadWorkbook
        return super().open(name, *args, **kwargs)


def _refuse_bomb(file: IO[bytes]) -> None:
    """Nothing that unpacks to more than anybody fills in by hand gets as far as openpyxl.

    zipfile reads no more of a member than its size in the directory says.
    """
    with _Guarded(file) as archive:
        members = archive.infolist()
        sheets = [member for member in members if _is_sheet(member)]
        bytes_of_sheets = sum(sheet.file_size for sheet in sheets)
        if len(members) > MOST_MEMBERS or bytes_of_sheets > MOST_BYTES_OF_SHEETS:
            raise BadWorkbook
        for sheet in sheets:
            with archive.open(sheet) as xml:
                rows, widest = _rows_and_widest(xml)
            if rows > MOST_XML_ROWS or widest > MOST_BYTES_OF_A_ROW:
                raise BadWorkbook


def _is_sheet(member: zipfile.ZipInfo) -> bool:
    return member.filename.startswith("xl/worksheets/sheet")


def _is_suspect(member: zipfile.ZipInfo) -> bool:
    if member.file_size > max(SMALL_BYTES, MOST_TIMES_SMALLER * member.compress_size):
        return True
    if _is_sheet(member):
        return False
    is_texts = member.filename == "xl/sharedStrings.xml"
    return member.file_size > (MOST_BYTES_OF_TEXTS if is_texts else MOST_BYTES_OF_ANOTHER)
