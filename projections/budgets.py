"""Reading budgets and how far they are used."""

import datetime as dt
from fractions import Fraction
from typing import Final, Literal
from uuid import UUID

import msgspec

from domain.ledger import Budget
from domain.store.database import Connection, as_record
from projections.paging import Page, decode_cursor, page_of
from projections.readings import Reading, RowsReading
from projections.rounding import percent
from projections.statements import BUDGET
from projections.sums import Wanted

Status = Literal[
    "not_started",
    "under_minimum",
    "on_track",
    "near_limit",
    "over_limit",
    "ended_ok",
    "ended_under",
    "ended_over",
]

NEAR_LIMIT_PERCENT: Final = 80
_ORDER: Final = "budget"


class Utilisation(msgspec.Struct, frozen=True):
    """How far a budget is used on a day. Amounts are Rials."""

    used: int
    remaining: int | None
    percent: float
    min_met: bool | None
    expected_by_now: int
    status: Status


class UsedBudget(msgspec.Struct, frozen=True):
    """A budget with its utilisation."""

    budget: Budget
    utilisation: Utilisation


def utilisation(budget: Budget, used: int, today: dt.date) -> Utilisation:
    """What has been used of a budget, as it looks on a day.

    The elapsed share counts that day as elapsed: on the first of ten days it is 1/10.
    """
    target = budget.max_amount_rials or budget.min_amount_rials
    assert target is not None
    least = budget.min_amount_rials
    used_percent = percent(used, target)
    assert used_percent is not None
    return Utilisation(
        used=used,
        remaining=None if budget.max_amount_rials is None else budget.max_amount_rials - used,
        percent=used_percent,
        min_met=None if least is None else used >= least,
        expected_by_now=round(target * elapsed_share(budget, today)),
        status=_status(budget, used, today),
    )


def elapsed_share(budget: Budget, today: dt.date) -> Fraction:
    """The share of a budget's days that has gone by at the end of a day, 0 to 1."""
    days = (budget.end - budget.start).days + 1
    elapsed = (today - budget.start).days + 1
    return Fraction(min(max(elapsed, 0), days), days)


def _status(budget: Budget, used: int, today: dt.date) -> Status:
    least, most = budget.min_amount_rials, budget.max_amount_rials
    # Without a minimum nothing is under it: savings used can be negative, net of withdrawals.
    is_under = least is not None and used < least * elapsed_share(budget, today)
    is_over = most is not None and used > most
    if today < budget.start:
        return "not_started"
    if today > budget.end:
        return "ended_over" if is_over else "ended_under" if is_under else "ended_ok"
    if is_over:
        return "over_limit"
    if most is not None and used * 100 >= most * NEAR_LIMIT_PERCENT:
        return "near_limit"
    return "under_minimum" if is_under else "on_track"


def find_budget(
    connection: Connection, rows_id: UUID, budget_id: UUID, today: dt.date
) -> UsedBudget | None:
    """The budget with this id and how far it is used, or None."""
    row = connection.one(BUDGET, ledger_id=rows_id, id=budget_id)
    if row is None:
        return None
    return with_use(RowsReading(connection, rows_id), [as_record(row, Budget)], today)[0]


def list_budgets(
    reading: Reading,
    *,
    category_id: UUID | None = None,
    active_on: dt.date | None = None,
    today: dt.date,
    limit: int,
    cursor: str | None = None,
) -> Page[UsedBudget]:
    """A page of budgets, oldest first. Raises `InvalidCursor`."""
    after = 0 if cursor is None else decode_cursor(cursor, _ORDER, [int])[0]
    budgets = reading.budgets(category_id, active_on, after=after, limit=limit + 1)
    used = with_use(reading, budgets, today)
    return page_of(used, limit, _ORDER, lambda found: [found.budget.created_version])


def with_use(reading: Reading, budgets: list[Budget], today: dt.date) -> list[UsedBudget]:
    """Budgets with how far each is used: all of them are added up at once."""
    wanted = [Wanted(budget.category_id, budget.start, budget.end) for budget in budgets]
    sums = reading.sums_of(wanted)
    return [
        UsedBudget(budget, utilisation(budget, used, today))
        for budget, used in zip(budgets, sums, strict=True)
    ]
