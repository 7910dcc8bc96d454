"""Notices of what the clock did: a month's surplus put aside, entries held as drafts.

They are told in the transaction that does it, and with its other rows: many ledgers share one.
"""

from collections.abc import Sequence

from domain.auto_saving import AutoSavingDone
from domain.base import RecordedEvent
from domain.calendar import format_jalali
from domain.occurrences import RecurrenceHappened
from domain.store.ledgers import Bracket
from domain.store.notices import tell_later


def tell_of_savings(bracket: Bracket, recorded: Sequence[RecordedEvent]) -> None:
    """Tell of the surplus of a month, where there was one."""
    for sealed in recorded:
        done = sealed.event
        if isinstance(done, AutoSavingDone) and done.amount_rials:
            month = "{:04}-{:02}".format(*divmod(done.month, 100))
            data = {
                "transaction_id": str(done.transaction_id),
                "amount": done.amount_rials,
                "month": month,
            }
            now = sealed.recorded_at
            tell_later(bracket.connection, bracket.ledger_id, "surplus_saved", month, data, now)


def tell_of_drafts(bracket: Bracket, recorded: Sequence[RecordedEvent]) -> None:
    """Tell, in one notice, of all that is held for its person to confirm."""
    held = [
        (sealed, sealed.event)
        for sealed in recorded
        if isinstance(sealed.event, RecurrenceHappened) and sealed.event.outcome == "drafted"
    ]
    if not held:
        return
    sealed, first = held[0]
    category = bracket.ledger.category(first.entry.category_id)
    data = {
        "count": len(held),
        "draft_id": str(first.transaction_id),
        "category": "" if category is None else category.name,
        "amount": first.entry.amount_rials,
        "date": format_jalali(first.entry.date),
    }
    key, now = str(first.transaction_id), sealed.recorded_at
    tell_later(bracket.connection, bracket.ledger_id, "draft_waiting", key, data, now)
