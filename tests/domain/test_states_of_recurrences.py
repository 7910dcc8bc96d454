"""Every command against every state that a recurrence or a draft can be in: one table each."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import pytest

from domain.base import Command, Event
from domain.categories import RemoveCategory
from domain.drafts import ConfirmDraft, DismissDraft
from domain.occurrences import RecordDue
from domain.recurrences import RemoveRecurrence, ReviseRecurrence, SetRecurrence
from domain.transactions import RecordTransaction
from tests.domain.examples import (
    confirmed,
    groceries,
    happened,
    let_go,
    opened,
    recurred,
    recurrence,
    recurrence_removed,
    rent,
    rerevised,
    retired,
    salary,
    voided,
)
from tests.domain.given import TODAY, given
from tests.domain.test_every_state import cells, outcome

# "-" records nothing; otherwise the classes of the events, or that of the refusal.

RECURRENCE_TABLE: Final = """
monthly rent:     | set                 | happened            | a draft is open     | over                | category inactive   | removed             | never set
set it again      | -                   | -                   | -                   | -                   | -                   | IdTaken             | RecurrenceSet
its id, not it    | IdTaken             | IdTaken             | IdTaken             | IdTaken             | IdTaken             | IdTaken             | RecurrenceSet
revise it         | RecurrenceRevised   | RecurrenceRevised   | RecurrenceRevised   | RecurrenceRevised   | RecurrenceRevised   | RecurrenceNotFound  | RecurrenceNotFound
as it first was   | -                   | -                   | -                   | -                   | -                   | RecurrenceNotFound  | RecurrenceNotFound
split what is left| CountMissing        | CountMissing        | CountMissing        | CountMissing        | CountMissing        | RecurrenceNotFound  | RecurrenceNotFound
move it           | RecurrenceRevised   | RecurrenceRevised   | RecurrenceRevised   | RecurrenceRevised   | RecurrenceRevised   | RecurrenceNotFound  | RecurrenceNotFound
move it to income | KindMismatch        | KindMismatch        | KindMismatch        | KindMismatch        | KindMismatch        | RecurrenceNotFound  | RecurrenceNotFound
what is due       | ExpenseRecorded, RecurrenceHappened | - | -                   | -                   | RecurrenceHappened  | -                   | -
remove it         | RecurrenceRemoved   | RecurrenceRemoved   | DraftDismissed, RecurrenceRemoved | RecurrenceRemoved | RecurrenceRemoved | RecurrenceNotFound | RecurrenceNotFound
remove category   | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryRemoved     | CategoryRemoved
"""  # noqa: E501

DRAFT_TABLE: Final = """
a draft:          | open                | confirmed           | dismissed           | category inactive   | recurrence removed  | recurrence moved on | never held
confirm it        | ExpenseRecorded, DraftConfirmed | -       | DraftNotFound       | CategoryInactive    | DraftNotFound       | ExpenseRecorded, DraftConfirmed | DraftNotFound
with less         | ExpenseRecorded, DraftConfirmed | DraftIsConfirmed | DraftNotFound | CategoryInactive | DraftNotFound       | ExpenseRecorded, DraftConfirmed | DraftNotFound
dismiss it        | DraftDismissed      | DraftIsConfirmed    | DraftNotFound       | DraftDismissed      | DraftNotFound       | DraftDismissed      | DraftNotFound
its id, not it    | IdTaken             | IdTaken             | IdTaken             | IdTaken             | IdTaken             | IdTaken             | ExpenseRecorded
remove category   | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryInUse       | CategoryRemoved     | CategoryInUse       | CategoryInUse
"""  # noqa: E501

month_later = dt.date(2026, 12, 23)
monthly = recurrence(1, TODAY)
set_monthly = SetRecurrence(
    id=monthly.recurrence_id,
    category_id=rent.category_id,
    amount_rials=100,
    description="اجاره",
    period="month",
    start=TODAY,
)
first_rent = happened(monthly, 1, TODAY, month_later)
held_rent = happened(monthly, 1, TODAY, month_later, is_draft=True)
RECURRENCE_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "set": (monthly,),
    "happened": (monthly, recurred(first_rent), first_rent, voided(recurred(first_rent))),
    "a draft is open": (monthly, held_rent),
    "over": (monthly, happened(monthly, 1, TODAY, None)),
    "category inactive": (monthly, retired(rent)),
    "removed": (monthly, recurrence_removed(monthly)),
    "never set": (),
}
RECURRENCE_COMMANDS: Final[Mapping[str, Command]] = {
    "set it again": set_monthly,
    "its id, not it": msgspec.structs.replace(set_monthly, amount_rials=9),
    "revise it": ReviseRecurrence(recurrence_id=monthly.recurrence_id, amount_rials=9),
    "as it first was": ReviseRecurrence(recurrence_id=monthly.recurrence_id, amount_rials=100),
    "split what is left": ReviseRecurrence(
        recurrence_id=monthly.recurrence_id, remaining_amount_rials=100
    ),
    "move it": ReviseRecurrence(
        recurrence_id=monthly.recurrence_id, category_id=groceries.category_id
    ),
    "move it to income": ReviseRecurrence(
        recurrence_id=monthly.recurrence_id, category_id=salary.category_id
    ),
    "what is due": RecordDue(),
    "remove it": RemoveRecurrence(recurrence_id=monthly.recurrence_id),
    "remove category": RemoveCategory(category_id=rent.category_id),
}

DRAFT_STATES: Final[Mapping[str, Sequence[Event]]] = {
    "open": (held_rent,),
    "confirmed": (held_rent, recurred(held_rent), confirmed(held_rent)),
    "dismissed": (held_rent, let_go(held_rent)),
    "category inactive": (held_rent, retired(rent)),
    "recurrence removed": (held_rent, let_go(held_rent), recurrence_removed(monthly)),
    "recurrence moved on": (held_rent, rerevised(monthly, category_id=groceries.category_id)),
    "never held": (),
}
DRAFT_COMMANDS: Final[Mapping[str, Command]] = {
    "confirm it": ConfirmDraft(draft_id=held_rent.transaction_id),
    "with less": ConfirmDraft(draft_id=held_rent.transaction_id, amount_rials=99),
    "dismiss it": DismissDraft(draft_id=held_rent.transaction_id),
    "its id, not it": RecordTransaction(
        id=held_rent.transaction_id, category_id=groceries.category_id, amount_rials=5
    ),
    "remove category": RemoveCategory(category_id=rent.category_id),
}


@pytest.mark.parametrize(("command", "state", "expected"), cells(RECURRENCE_TABLE))
def test_recurrences(command: str, state: str, expected: str) -> None:
    past = given(opened, salary, groceries, rent, *RECURRENCE_STATES[state])
    assert outcome(past, RECURRENCE_COMMANDS[command]) == expected


@pytest.mark.parametrize(("command", "state", "expected"), cells(DRAFT_TABLE))
def test_drafts(command: str, state: str, expected: str) -> None:
    past = given(opened, groceries, rent, monthly, *DRAFT_STATES[state])
    assert outcome(past, DRAFT_COMMANDS[command]) == expected


@pytest.mark.parametrize(
    ("table", "commands", "states"),
    [
        (RECURRENCE_TABLE, RECURRENCE_COMMANDS, RECURRENCE_STATES),
        (DRAFT_TABLE, DRAFT_COMMANDS, DRAFT_STATES),
    ],
)
def test_no_cell_is_missing(
    table: str, commands: Mapping[str, Command], states: Mapping[str, Sequence[Event]]
) -> None:
    assert {(command, state) for command, state, _ in cells(table)} == {
        (command, state) for command in commands for state in states
    }
