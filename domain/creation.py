"""What a rule is handed beside the ledger, and how a repeated creation is known again."""

import datetime as dt
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Event
from domain.ledger import Ledger
from domain.refusals import IdTaken

T = TypeVar("T")


class Circumstances(msgspec.Struct, frozen=True):
    """Today's date in Tehran, and a source of ids that nobody has used."""

    today: dt.date
    new_id: Callable[[], UUID]


def was_said(value: T | UnsetType, otherwise: T) -> T:
    """A field's value, or another where the person said nothing."""
    return otherwise if value is UNSET else value


def is_repeated(
    chosen_id: UUID | None, ledger: Ledger, is_as_said: Callable[[Event], bool]
) -> bool:
    """Whether a creation with a chosen id was recorded before, with everything as said now.

    Raises `IdTaken` when the id is something else's, or what it named was removed.
    """
    created = None if chosen_id is None else ledger.creation(chosen_id)
    if created is None or chosen_id is None:
        return False
    is_there = (
        ledger.category(chosen_id)
        or ledger.transaction(chosen_id)
        or ledger.budget(chosen_id)
        or ledger.recurrence(chosen_id)
        or ledger.goal(chosen_id)
    )
    if is_there is None or not is_as_said(created):
        raise IdTaken("id", id=str(chosen_id))
    return True
