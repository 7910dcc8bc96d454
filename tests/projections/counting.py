"""Counting by hand: what entries come to, whatever the rows and totals say."""

from collections.abc import Iterable
from contextlib import suppress

from hypothesis import strategies as st

from domain.base import Command, Refusal
from domain.ledger import LedgerState, Transaction
from domain.store.ledgers import Bracket
from projections.sums import KindSums
from tests.books import Book
from tests.projections.histories import HOUSEHOLD, commands

lives = st.lists(commands, min_size=15, max_size=30)


def live(book: Book, life: Iterable[Command]) -> LedgerState:
    """Record what a household asks for, as far as it may; the fold of it all."""

    def work(bracket: Bracket) -> None:
        for command in (*HOUSEHOLD, *life):
            with suppress(Refusal):
                bracket.record(command)

    book.store.transact(book.ledger_id, "a-test", work)
    return book.state()


def counted(entries: Iterable[Transaction]) -> KindSums:
    """What anybody would add up by hand."""
    sums = {"income": 0, "expense": 0, "savings": 0}
    count = 0
    for entry in entries:
        sign = -1 if entry.direction == "withdraw" else 1
        sums[entry.kind] += sign * entry.amount_rials
        count += 1
    return KindSums(**sums, count=count)


def live_entries(state: LedgerState) -> list[Transaction]:
    """What was not voided."""
    return [entry for entry in state.transactions.values() if not entry.is_voided]
