"""CSV: one line per entry, which our own import reads back to the letter."""

import codecs
import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import IO
from uuid import UUID

from domain.calendar import format_jalali
from domain.ledger import Transaction
from domain.store.portable import CSV_HEADER, guarded
from projections.picture import Picture


def write_csv(picture: Picture, entries: Iterable[Transaction], file: IO[bytes]) -> None:
    """UTF-8 with a mark at the beginning, without which Excel takes it for Windows' letters."""
    file.write(codecs.BOM_UTF8)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_HEADER)
    names = {one.id: guarded(one.name) for one in picture.categories.values()}
    writer.writerows(_row(entry, names[entry.category_id]) for entry in in_bearable_order(entries))
    text.detach()


def _row(entry: Transaction, category: str) -> tuple[object, ...]:
    return (
        entry.id,
        format_jalali(entry.date),
        entry.date,
        entry.kind,
        category,
        entry.amount_rials,
        entry.direction,
        guarded(entry.description),
        str(entry.is_voided).lower(),
        entry.recorded_at.isoformat(),
        entry.updated_at.isoformat(),
        entry.version,
    )


def in_bearable_order(entries: Iterable[Transaction]) -> Iterator[Transaction]:
    """The same entries, so that savings cover each withdrawal when it is recorded again.

    They come as they were recorded, but a deposit may have been corrected since to less than was
    withdrawn after it: such withdrawals wait until the end.
    """
    saved: defaultdict[UUID, int] = defaultdict(int)
    waiting: list[Transaction] = []
    for entry in entries:
        if entry.direction == "withdraw" and entry.amount_rials > saved[entry.category_id]:
            waiting.append(entry)
            continue
        if entry.kind == "savings" and not entry.is_voided:
            is_deposit = entry.direction == "deposit"
            saved[entry.category_id] += entry.amount_rials if is_deposit else -entry.amount_rials
        yield entry
    yield from waiting
