"""Columns: which of a file's columns is which of our fields."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from domain.store.imports.options import FIELDS, REQUIRED_FIELDS, Field, Options
from domain.text import fold

MOST_COLUMNS: Final = 100
LONGEST_HEADER: Final = 100

HEADERS: Final[Mapping[Field, tuple[str, ...]]] = {
    "date": (
        *("date", "تاریخ", "روز", "تاریخ تراکنش", "تاریخ ثبت", "transaction date", "day"),
        *("jalali date", "تاریخ شمسی", "date gregorian", "تاریخ میلادی"),
    ),
    "amount": (
        *("amount", "مبلغ", "مقدار", "مبلغ تراکنش", "value", "price", "قیمت"),
        *("amount rials", "مبلغ ریال", "مبلغ به ریال", "amount toman", "مبلغ تومان"),
        *("مبلغ به تومان", "ریال", "تومان"),
    ),
    "category": (
        *("category", "دسته", "دسته‌بندی", "دسته بندی", "گروه", "سرفصل", "category name"),
        *("نام دسته", "عنوان دسته"),
    ),
    "kind": ("kind", "type", "نوع", "نوع تراکنش", "category kind", "category type"),
    "description": (
        *("description", "شرح", "توضیح", "توضیحات", "یادداشت", "note", "notes", "memo"),
        *("بابت", "details"),
    ),
    "direction": ("direction", "جهت", "واریز/برداشت", "واریز یا برداشت"),
    "voided": ("voided", "باطل", "باطل شده"),
    "id": ("id", "شناسه", "شناسه تراکنش", "transaction id", "uuid"),
}
"""Headers that are known without being told, the likeliest first."""

Columns = Mapping[Field, int]
"""The index of each field's column, from 0."""


class BadColumns(Exception):
    """Fields whose column is missing or not found, each with its code."""

    def __init__(self, codes: Mapping[Field, str]) -> None:
        super().__init__(codes)
        self.codes = codes


def find_columns(header: Sequence[str], options: Options) -> Columns:
    """Where each field is. Raises `BadColumns`.

    What the person named goes first; among the rest, the likeliest header that is still free.
    """
    names = [_normal(name) for name in header] if options.has_header else []
    codes: dict[Field, str] = {}
    found: dict[Field, int] = {}
    for field, asked in options.columns.items():
        index = None if asked is None else _named(asked, names, len(header))
        if index is not None:
            found[field] = index
        elif asked is not None:
            codes[field] = "column_not_found"
    for field in FIELDS:
        if field not in options.columns:
            index = _likeliest(field, names, set(found.values()))
            found |= {} if index is None else {field: index}
    missing = {f: "column_missing" for f in REQUIRED_FIELDS if f not in found and f not in codes}
    if codes or missing:
        raise BadColumns({**codes, **missing})
    return found


def _named(asked: str | int, names: Sequence[str], width: int) -> int | None:
    if isinstance(asked, int):
        return asked - 1 if 1 <= asked <= width else None
    wanted = _normal(asked)
    return names.index(wanted) if wanted in names else None


def _likeliest(field: Field, names: Sequence[str], taken: set[int]) -> int | None:
    for known in map(_normal, HEADERS[field]):
        for index, name in enumerate(names):
            if name == known and index not in taken:
                return index
    return None


def _normal(header: str) -> str:
    """A header as it is compared: `Amount_(IRR) *` is `amount`."""
    # Cut, and nothing in brackets that is a bracket: a header of brackets alone costs no time.
    short = fold(header[:LONGEST_HEADER].replace("_", " "))
    plain = re.sub(r"[(\[][^()\[\]]*[)\]]|[:*]", " ", short)
    return " ".join(plain.split())
