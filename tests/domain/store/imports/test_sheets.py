"""Sheets: the same rows from every encoding and format, and no file that fails a worker."""

import io
import zipfile
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from domain.store.imports.columns import BadColumns
from domain.store.imports.lines import Line, measure, read_lines
from domain.store.imports.options import Options
from domain.store.imports.sheets import MOST_ROWS, BadFile, read_rows

LEDGER = UUID("7d0e8c5a-5f63-4f8e-9f0e-2f6f4c1a9b01")
ROWS: list[tuple[Any, ...]] = [
    ("تاريخ", "مبلغ", "دسته", "شرح"),
    ("1405/09/02", "1,250", "خوراك", "نان\nو پنير"),
    (),
    ("1405/09/03", "900", "خوراك", 'شير "كم چرب"'),
]


def as_csv(rows: list[tuple[Any, ...]], delimiter: str = ",") -> str:
    """The rows as a spreadsheet would save them."""

    def cell(value: object) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    return "".join(delimiter.join(map(cell, row)) + "\r\n" for row in rows)


def as_xlsx(rows: list[tuple[Any, ...]]) -> bytes:
    """The rows as a workbook."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def lines(content: bytes, options: Options | None = None) -> list[Line]:
    """What a file asks for."""
    return list(read_lines(io.BytesIO(content), options or Options(), LEDGER))


def refused(content: bytes) -> str:
    """Why a file cannot be read."""
    with pytest.raises(BadFile) as found:
        measure(io.BytesIO(content), Options())
    return found.value.code


FILES = {
    **{
        f"{encoding} {delimiter!r}": as_csv(ROWS, delimiter).encode(encoding)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1256")
        for delimiter in ",;\t|"
    },
    "sep": b"sep=;\r\n" + as_csv(ROWS, ";").encode(),
    "xlsx": as_xlsx(ROWS),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_every_encoding_and_format_says_the_same(content: bytes) -> None:
    found = lines(content)
    shift = 1 if content.startswith(b"sep") else 0
    assert [line.row - shift for line in found] == [2, 4]
    assert [line.id for line in found] == [line.id for line in lines(FILES["utf-8 ','"])]
    drafts = [line.draft for line in found if line.draft is not None]
    assert [(d.amount_rials, d.category, d.description) for d in drafts] == [
        (1250, "خوراك", "نان\nو پنير"),
        (900, "خوراك", 'شير "كم چرب"'),
    ]
    assert measure(io.BytesIO(content), Options()) in (2, 3)


def test_a_longer_file_gives_the_same_ids_again() -> None:
    twice = [*ROWS, ROWS[1], ROWS[1]]
    short, long = lines(as_csv(twice).encode()), lines(as_csv([*twice, ROWS[3]]).encode())
    assert [line.id for line in long][:-1] == [line.id for line in short]
    assert len({line.id for line in long}) == len(long)


def test_another_unit_or_calendar_is_the_same_entry() -> None:
    rows = [
        ("date", "مبلغ (تومان)", "category", "note"),
        ("2026-11-23", 125, "خوراک", "نان\nو پنير"),
    ]
    said = lines(as_csv(ROWS).encode())[0]
    assert lines(as_xlsx(rows))[0].id == said.id


def test_a_file_may_name_its_own_ids() -> None:
    own = uuid4()
    header = ("date", "amount", "category", "id")
    row = ("1405-09-02", "5", "x")
    found = lines(
        as_csv(
            [header, (*row, own), (*row, "17"), (*row, "17"), ("1405-09-03", "5", "x", "17")]
        ).encode()
    )
    assert found[0].id == own
    assert found[1].id == found[2].id
    assert [flaw.code for flaw in found[3].flaws] == ["id_taken"]


def test_columns_can_be_said_by_name_and_by_position() -> None:
    content = b"when;how much;what;date\n1405-09-02;5;x;1405-01-01\n"
    options = Options(columns={"date": "When", "amount": 2, "category": 3})
    [line] = lines(content, options)
    assert line.draft is not None
    assert line.draft.date.isoformat() == "2026-11-23"
    headless = Options(columns={"date": 1, "amount": 2, "category": 3}, has_header=False)
    assert [line.row for line in lines(content.split(b"\n", 1)[1], headless)] == [1]


def test_columns_that_are_not_there_are_named() -> None:
    options = Options(columns={"date": "nope", "amount": 9})
    with pytest.raises(BadColumns) as found:
        measure(io.BytesIO(b"a,b\n1,2\n"), options)
    assert found.value.codes == {
        "date": "column_not_found",
        "amount": "column_not_found",
        "category": "column_missing",
    }


def test_an_empty_file_is_refused() -> None:
    for content in (b"", b"\n\n", b"\xef\xbb\xbf", as_csv(ROWS[:1]).encode(), as_xlsx(ROWS[:1])):
        assert refused(content) == "file_empty"


def packed(**members: bytes) -> bytes:
    """A ZIP archive with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


WORKBOOK = as_xlsx(ROWS)
NOT_TABLES = {
    "png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
    "zip of something": packed(a_xml=b"<a/>"),
    "half a workbook": WORKBOOK[: len(WORKBOOK) // 2],
    "damaged workbook": WORKBOOK[:400] + b"\x00" * 200 + WORKBOOK[600:],
    "old xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
    "quote that is never closed": b'date,amount,category\n1405/9/1,1,"a\n1405/9/2,2,b\n',
    "utf-8 with one wrong byte": (as_csv(ROWS) * 5).encode() + b"\xff",
    "endless quote": b'date,amount,category\n"' + b"x" * 200_000,
    "bomb": packed(xl__workbook_xml=b"<a/>", xl__sharedStrings_xml=b" " * (65 * 2**20)),
}


@pytest.mark.parametrize("content", NOT_TABLES.values(), ids=NOT_TABLES.keys())
def test_what_is_no_table_is_refused(content: bytes) -> None:
    assert refused(content) == "file_unreadable"


def replaced(workbook: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """A workbook with something else in one of its members."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(file, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            assert member != name or old in content
            target.writestr(member, content.replace(old, new) if member == name else content)
    return file.getvalue()


def test_what_nobody_reads_may_be_as_large_as_it_is() -> None:
    file = io.BytesIO(WORKBOOK)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(range(256)) * 8192)
        archive.writestr("xl/calcChain.xml", b"<c r='F2' i='1'/>" * 100_000)
    assert list(read_rows(file)) == list(read_rows(io.BytesIO(WORKBOOK)))


def test_entities_and_absurd_row_numbers_are_refused() -> None:
    sheet = "xl/worksheets/sheet1.xml"
    lol = b'<!DOCTYPE lolz [<!ENTITY lol "lol">]><worksheet'
    far = replaced(WORKBOOK, sheet, b'<row r="4"', b'<row r="99999999999"')
    for content in (replaced(WORKBOOK, sheet, b"<worksheet", lol), far):
        with pytest.raises(BadFile):
            list(read_rows(io.BytesIO(content)))


SHEET = "xl/worksheets/sheet1.xml"
FLOODS = {
    "cells of one row": replaced(WORKBOOK, SHEET, b'<row r="4"', b"<row>" + b"<c/>" * 100_000),
    "rows": replaced(WORKBOOK, SHEET, b'<row r="4"', b"<row/>" * 1_100_000 + b"<row"),
    "nothing after the rows": replaced(WORKBOOK, SHEET, b"</worksheet>", b" " * 300_000),
    "styles": replaced(WORKBOOK, "xl/styles.xml", b"</styleSheet>", b"<xf/>" * 300_000),
}


@pytest.mark.parametrize("content", FLOODS.values(), ids=FLOODS.keys())
def test_what_would_flood_the_memory_is_refused(content: bytes) -> None:
    assert refused(content) == "file_unreadable"


def test_a_member_that_was_packed_too_well_is_refused() -> None:
    texts = packed(xl__workbook_xml=b"<a/>", xl__sharedStrings_xml=b"<si/>" * 100_000)
    assert refused(texts) == "file_unreadable"


def test_a_header_of_brackets_alone_is_read_like_any_other() -> None:
    # It would take hours if brackets were looked for in all of it.
    header = "(" * 130_000 + ",amount,category,date\n"
    assert measure(io.BytesIO(f"{header}x,1,y,1405-09-02\n".encode()), Options()) == 1


def test_a_wrong_dimension_hides_nothing() -> None:
    lying = replaced(WORKBOOK, "xl/worksheets/sheet1.xml", b'ref="A1:D4"', b'ref="A1"')
    assert [line.row for line in lines(lying)] == [2, 4]


def test_a_file_has_a_last_row() -> None:
    header = b"date,amount,category\n"
    content = header + b"1405-09-02,1,x\n" * MOST_ROWS
    assert measure(io.BytesIO(content), Options()) == MOST_ROWS
    assert refused(content + b"1405-09-02,1,x\n") == "too_many_rows"


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda b: b"PK\x03\x04" + b)))
@settings(max_examples=300)
def test_no_bytes_fail_but_by_a_code(content: bytes) -> None:
    try:
        measure(io.BytesIO(content), Options())
    except (BadFile, BadColumns):
        pass


@given(st.data())
@settings(max_examples=100)
def test_no_damage_to_a_workbook_fails_but_by_a_code(data: st.DataObject) -> None:
    damaged = bytearray(WORKBOOK)
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        lines(bytes(damaged))
    except (BadFile, BadColumns):
        pass
