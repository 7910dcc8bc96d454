"""Lines: what each row of a file asks to record, or why it cannot be read."""

import datetime as dt
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import IO, Any, Final
from uuid import UUID, uuid5

import msgspec

from domain.money import Direction, Kind
from domain.store.imports.cells import (
    BadCell,
    Cell,
    read_amount,
    read_day,
    read_direction,
    read_exact_text,
    read_flag,
    read_kind,
    read_text,
    unit_named_in,
)
from domain.store.imports.columns import Columns, find_columns
from domain.store.imports.options import Field, Options, Unit
from domain.store.imports.sheets import BadFile, Row, count_rows, read_rows
from domain.store.portable import CSV_HEADER
from domain.text import fold, is_blank

MOST_IN_DESCRIPTION: Final = 1000
MOST_IN_CATEGORY: Final = 100
MOST_IN_ID: Final = 255


class Flaw(msgspec.Struct, frozen=True):
    """Why a row is refused: the field at fault, a stable code, and what fills its message."""

    field: str
    code: str
    details: dict[str, Any]


class Draft(msgspec.Struct, frozen=True):
    """An entry as a row tells it. `amount_rials` is negative where the row's is."""

    category: str
    kind: Kind | None
    direction: Direction | None
    amount_rials: int | None
    date: dt.date
    description: str
    is_voided: bool = False


class Line(msgspec.Struct, frozen=True):
    """One row: a draft and its id, or flaws. `has_own_id` when the file names the id itself."""

    row: int
    draft: Draft | None
    id: UUID | None
    has_own_id: bool
    flaws: tuple[Flaw, ...]


class Layout(msgspec.Struct, frozen=True):
    """Where a file's fields are, the unit of its amounts, and which row is its header.

    Text in a file that this service made `is_exact`: nothing around it is anybody's slip.
    """

    columns: Columns
    unit: Unit
    header_row: int
    is_exact: bool


def measure(file: IO[bytes], options: Options) -> int:
    """How many rows of data a file has. Raises `BadFile` and `BadColumns`."""
    _layout(read_rows(file), options)
    count = count_rows(file) - (1 if options.has_header else 0)
    if count <= 0:
        raise BadFile("file_empty")
    return count


def read_lines(file: IO[bytes], options: Options, ledger_id: UUID) -> Iterator[Line]:
    """What each row of data asks for, in order.

    Its id is made of the ledger, of what the row says and of how often the file said so
    before, or is the file's own: the same file, or a longer one, gives the same ids again.
    """
    rows = read_rows(file)
    layout = _layout(rows, options)
    namer = _Namer(ledger_id)
    if not layout.header_row:
        rows = read_rows(file)
    for number, row in rows:
        yield _line(number, row, layout, options, namer)


def _layout(rows: Iterator[tuple[int, Row]], options: Options) -> Layout:
    number, first = next(rows, (0, ()))
    if not number:
        raise BadFile("file_empty")
    header = ["" if cell is None else str(cell) for cell in first]
    columns = find_columns(header, options)
    named = unit_named_in(header[columns["amount"]]) if options.has_header else None
    return Layout(
        columns,
        options.unit or named or "rial",
        number if options.has_header else 0,
        is_exact=tuple(header) == CSV_HEADER,
    )


def _line(number: int, row: Row, layout: Layout, options: Options, namer: "_Namer") -> Line:
    flaws: list[Flaw] = []

    def read(field: Field, reader: Callable[[Cell], Any], *, required: bool = False) -> Any:
        index = layout.columns.get(field)
        cell = None if index is None or index >= len(row) else row[index]
        try:
            value = reader(cell)
        except BadCell as error:
            flaws.append(Flaw(field, error.code, error.details))
            return None
        if required and (value is None or (isinstance(value, str) and is_blank(value))):
            flaws.append(Flaw(field, "required", {}))
        return value

    text = read_exact_text if layout.is_exact else read_text
    draft = Draft(
        category=read("category", lambda cell: text(cell, MOST_IN_CATEGORY), required=True),
        kind=read("kind", read_kind),
        direction=read("direction", read_direction),
        amount_rials=read("amount", lambda cell: read_amount(cell, layout.unit)),
        date=read("date", lambda cell: read_day(cell, options.calendar), required=True),
        description=read("description", lambda cell: text(cell, MOST_IN_DESCRIPTION)),
        is_voided=bool(read("voided", read_flag)),
    )
    own_id = read("id", lambda cell: read_text(cell, MOST_IN_ID))
    if flaws:
        return Line(number, None, None, False, tuple(flaws))
    return namer.named(number, draft, own_id)


class _Namer:
    """Gives rows their ids, and remembers 8 bytes of what each said: at most 200,000 times."""

    def __init__(self, ledger_id: UUID) -> None:
        self._ledger_id = ledger_id
        self._times: dict[int, int] = {}
        self._own: dict[int, int] = {}

    def named(self, row: int, draft: Draft, own_id: str) -> Line:
        said = _what_is_said(draft)
        mark = _mark(said)
        if own_id:
            found = _as_uuid(own_id) or uuid5(self._ledger_id, f"import-id:{own_id}")
            if self._own.setdefault(_mark(found.hex), mark) != mark:
                flaw = Flaw("id", "id_taken", {"id": own_id})
                return Line(row, None, None, True, (flaw,))
            return Line(row, draft, found, True, ())
        times = self._times[mark] = self._times.get(mark, 0) + 1
        return Line(row, draft, uuid5(self._ledger_id, f"import:{times}:{said}"), False, ())


def _what_is_said(draft: Draft) -> str:
    """The same for one entry, however its file writes digits, dates and units."""
    amount, day = draft.amount_rials, draft.date.isoformat()
    words = (fold(draft.category), amount, day, draft.direction or "", draft.description)
    return msgspec.json.encode(words).decode()


def _mark(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
