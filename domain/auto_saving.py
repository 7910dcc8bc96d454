"""Automatic saving: what is left over when a Jalali month has ended, put aside by itself."""

from uuid import UUID

import msgspec

from domain.base import Command, Event, RecordedEvent
from domain.calendar import jalali_month, last_day
from domain.categories import require_category
from domain.creation import Circumstances
from domain.ledger import Ledger, LedgerState, SavingPolicy
from domain.refusals import CategoryInactive, KindMismatch
from domain.savings import SurplusSaved, put_surplus_aside


class SetAutoSaving(Command, frozen=True, kw_only=True):
    """Save at the end of each month, keeping `keep_rials` at hand; or save no more."""

    is_enabled: bool
    keep_rials: int
    category_id: UUID | None = None


class SaveMonth(Command, frozen=True, kw_only=True):
    """Save what was left over in the next month that has ended and is not done yet."""


class AutoSavingTerms(msgspec.Struct, frozen=True, gc=False):
    """All that can be said about automatic saving. No month before `from_month` is saved."""

    is_enabled: bool
    keep_rials: int
    category_id: UUID | None
    from_month: int | None


class AutoSavingSet(Event, frozen=True):
    """Automatic saving was begun, changed or stopped; both sides are whole."""

    before: AutoSavingTerms
    after: AutoSavingTerms


class AutoSavingDone(Event, frozen=True):
    """A month was saved, and never is again; of one without a surplus, nothing was.

    The deposit is an event of its own, just before this one.
    """

    month: int
    amount_rials: int
    transaction_id: UUID | None


def set_auto_saving(command: SetAutoSaving, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Begin, change or stop automatic saving; nothing is recorded when nothing changes.

    The month in which it begins is the first to be saved; changing it leaves that as it is.
    """
    before = terms_of(ledger.saving_policy)
    if command.category_id is not None and command.category_id != before.category_id:
        _refuse_unsuitable(ledger, command.category_id)
    from_month = before.from_month or jalali_month(given.today)
    after = AutoSavingTerms(
        command.is_enabled,
        command.keep_rials,
        command.category_id,
        from_month if command.is_enabled else None,
    )
    return [] if after == before else [AutoSavingSet(before, after)]


def _refuse_unsuitable(ledger: Ledger, category_id: UUID) -> None:
    category = require_category(ledger, category_id)
    if category.kind != "savings":
        raise KindMismatch("category_id", name=category.name)
    if not category.is_active:
        raise CategoryInactive("category_id", name=category.name)


def save_month(command: SaveMonth, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Do the oldest month that is due: its last day's surplus put aside, and the month marked.

    The mark is what keeps a month from being saved twice, whoever asks and however often.
    """
    policy = ledger.saving_policy
    month = policy.next_month
    if month is None or month >= jalali_month(given.today):
        return []
    saved = put_surplus_aside(ledger, given, last_day(month), policy.keep_rials)
    if not saved:
        return [AutoSavingDone(month, 0, None)]
    deposit = saved[-1]
    assert isinstance(deposit, SurplusSaved)
    return [*saved, AutoSavingDone(month, deposit.amount_rials, deposit.transaction_id)]


def terms_of(policy: SavingPolicy) -> AutoSavingTerms:
    """All that can be said about automatic saving, as it stands."""
    return AutoSavingTerms(
        policy.is_enabled, policy.keep_rials, policy.category_id, policy.from_month
    )


def policy_after(
    policy: SavingPolicy, recorded: RecordedEvent, event: AutoSavingSet | AutoSavingDone
) -> SavingPolicy:
    """The policy as it stands after one more event."""
    if isinstance(event, AutoSavingSet):
        changed = msgspec.structs.asdict(event.after)
    else:
        changed = {
            "last_month": event.month,
            "last_amount_rials": event.amount_rials,
            "last_transaction_id": event.transaction_id,
        }
    return msgspec.structs.replace(policy, **changed, version=recorded.version)


def auto_saving_changed(
    ledger: LedgerState, recorded: RecordedEvent, event: AutoSavingSet | AutoSavingDone
) -> None:
    """The policy as it is after."""
    ledger.saving_policy = policy_after(ledger.saving_policy, recorded, event)
