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
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from domain.store.imports.columns import MOST_COLUMNS

MOST_MEMBERS: Final = 1000
MOST_BYTES: Final = 1024 * 1024 * 1024
MOST_BYTES_IN_MEMORY: Final = 64 * 1024 * 1024
"""Of what openpyxl reads whole: shared texts, styles. Sheets are streamed."""

_ROW: Final = re.compile(rb"<(?:\w{1,20}:)?row[\s>]")
_LONGEST_MATCH: Final = 26
_PIECE_BYTES: Final = 256 * 1024

_NOT_OURS: Final = (
    *(zipfile.BadZipFile, InvalidFileException, ParseError, DefusedXmlException),
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
        with zipfile.ZipFile(file) as archive, archive.open(path) as xml:
            return _count_matches(_ROW, xml)


def _count_matches(pattern: re.Pattern[bytes], file: IO[bytes]) -> int:
    count, rest = 0, b""
    while piece := file.read(_PIECE_BYTES):
        text = rest + piece
        ends = [match.end() for match in pattern.finditer(text)]
        count += len(ends)
        rest = text[max(ends[-1] if ends else 0, len(text) - _LONGEST_MATCH) :]
    return count


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except _NOT_OURS as error:
        raise BadWorkbook from error


@contextmanager
def _first_sheet(file: IO[bytes]) -> Iterator[Any]:
    _refuse_bomb(file)
    with warnings.catch_warnings():
        # openpyxl tells of extensions and styles that it leaves out; nobody here can act on it.
        warnings.simplefilter("ignore")
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise BadWorkbook
        yield sheets[0]
    finally:
        book.close()


def _refuse_bomb(file: IO[bytes]) -> None:
    """zipfile reads no more of a member than its size in the directory says."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    sheets = sum(m.file_size for m in members if m.filename.startswith("xl/worksheets/"))
    others = sum(m.file_size for m in members) - sheets
    if len(members) > MOST_MEMBERS or sheets > MOST_BYTES or others > MOST_BYTES_IN_MEMORY:
        raise BadWorkbook
