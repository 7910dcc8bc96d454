"""Reading budgets, their periods, and how far each is used."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Final, Literal
from uuid import UUID

import msgspec

from domain.calendar import add_months, jalali_month, jalali_parts, months_between
from domain.ledger import Budget
from domain.periods import (
    MONTHS,
    ONE_DAY,
    Period,
    carried_over,
    ended_between,
    period,
    period_at,
    touching,
)
from domain.store.database import Connection, as_record
from projections.paging import MAX_LIMIT, Page, decode_cursor, page_of
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
_ORDER_OF_PERIODS: Final = "period"


class Limits(msgspec.Struct, frozen=True):
    """A period of a budget, with what holds in it.

    The maximum is the budget's and what was `carried` over, Rials: it may be below the minimum,
    or below zero.
    """

    number: int
    start: dt.date
    end: dt.date
    carried: int
    min_amount_rials: int | None
    max_amount_rials: int | None


class Utilisation(msgspec.Struct, frozen=True):
    """How far a budget is used in a period, on a day. Amounts are Rials.

    `percent` is None where a maximum of zero or less leaves nothing to have a share of.
    """

    used: int
    remaining: int | None
    percent: float | None
    min_met: bool | None
    expected_by_now: int
    status: Status


class UsedBudget(msgspec.Struct, frozen=True):
    """A budget with one of its periods, and how far it is used in that."""

    budget: Budget
    period: Limits
    utilisation: Utilisation


def utilisation(limits: Limits, used: int, today: dt.date) -> Utilisation:
    """What has been used of a budget in a period, as it looks on a day.

    The elapsed share counts that day as elapsed: on the first of ten days it is 1/10.
    """
    least, most = limits.min_amount_rials, limits.max_amount_rials
    target = least if most is None else max(most, 0)
    assert target is not None
    return Utilisation(
        used=used,
        remaining=None if most is None else most - used,
        percent=percent(used, target),
        min_met=None if least is None else used >= least,
        expected_by_now=round(target * elapsed_share(limits, today)),
        status=_status(limits, used, today),
    )


def elapsed_share(limits: Limits, today: dt.date) -> Fraction:
    """The share of a period's days that has gone by at the end of a day, 0 to 1."""
    days = (limits.end - limits.start).days + 1
    elapsed = (today - limits.start).days + 1
    return Fraction(min(max(elapsed, 0), days), days)


def _status(limits: Limits, used: int, today: dt.date) -> Status:
    least, most = limits.min_amount_rials, limits.max_amount_rials
    # Without a minimum nothing is under it: savings used can be negative, net of withdrawals.
    is_under = least is not None and used < least * elapsed_share(limits, today)
    is_over = most is not None and used > most
    if today < limits.start:
        return "not_started"
    if today > limits.end:
        return "ended_over" if is_over else "ended_under" if is_under else "ended_ok"
    if is_over:
        return "over_limit"
    if most is not None and used * 100 >= most * (NEAR_LIMIT_PERCENT if most > 0 else 100):
        return "near_limit"
    return "under_minimum" if is_under else "on_track"


def find_budget(
    connection: Connection, rows_id: UUID, budget_id: UUID, today: dt.date
) -> UsedBudget | None:
    """The budget with this id and how far it is used, or None."""
    budget = _budget(connection, rows_id, budget_id)
    if budget is None:
        return None
    return with_use(RowsReading(connection, rows_id), [budget], today)[0]


def _budget(connection: Connection, rows_id: UUID, budget_id: UUID) -> Budget | None:
    row = connection.one(BUDGET, ledger_id=rows_id, id=budget_id)
    return None if row is None else as_record(row, Budget)


def list_budgets(
    reading: Reading,
    *,
    category_id: UUID | None = None,
    active_on: dt.date | None = None,
    today: dt.date,
    limit: int,
    cursor: str | None = None,
) -> Page[UsedBudget]:
    """A page of budgets, oldest first, in the period that holds `active_on`, or else `today`.

    Raises `InvalidCursor`.
    """
    after = 0 if cursor is None else decode_cursor(cursor, _ORDER, [int])[0]
    budgets = reading.budgets(category_id, active_on, after=after, limit=limit + 1)
    used = with_use(reading, budgets, today, on=active_on)
    return page_of(used, limit, _ORDER, lambda found: [found.budget.created_version])


def list_periods(
    connection: Connection,
    rows_id: UUID,
    budget_id: UUID,
    *,
    today: dt.date,
    limit: int,
    cursor: str | None = None,
) -> Page[UsedBudget] | None:
    """A page of a budget's periods, from the one that holds `today`, or the last, to the first.

    None where there is no such budget. Raises `InvalidCursor`.
    """
    budget = _budget(connection, rows_id, budget_id)
    if budget is None:
        return None
    newest = period_at(budget, today).number
    if cursor is not None:
        [before] = decode_cursor(cursor, _ORDER_OF_PERIODS, [int])
        newest = min(newest, before - 1)
    numbers = range(newest, max(newest - limit - 1, 0), -1)
    asked = [(budget, period(budget, number)) for number in numbers]
    used = used_in(RowsReading(connection, rows_id), asked, today)
    return page_of(used, limit, _ORDER_OF_PERIODS, lambda found: [found.period.number])


def budgets_on(
    reading: Reading, day: dt.date, category_ids: Collection[UUID] | None, today: dt.date
) -> list[UsedBudget]:
    """Every budget of these categories, or of all, that a day falls into, in its period then."""
    budgets = [
        found
        for found in _every_budget(reading, day)
        if category_ids is None or found.category_id in category_ids
    ]
    return with_use(reading, budgets, today, on=day)


def periods_ended(reading: Reading, start: dt.date, end: dt.date) -> list[UsedBudget]:
    """Every period of every budget whose last day is one of these, as it looks after them."""
    asked = [
        (budget, ended)
        for budget in _every_budget(reading)
        for ended in ended_between(budget, start, end)
    ]
    return used_in(reading, asked, end + ONE_DAY)


def periods_touching(
    reading: Reading, start: dt.date, end: dt.date, today: dt.date
) -> list[UsedBudget]:
    """Every period of every budget with a day among these, as it looks on a day."""
    asked = [
        (budget, of) for budget in _every_budget(reading) for of in touching(budget, start, end)
    ]
    # A few at a time: a statement takes only so many parameters.
    some = (asked[at : at + MAX_LIMIT] for at in range(0, len(asked), MAX_LIMIT))
    return [used for few in some for used in used_in(reading, few, today)]


def _every_budget(reading: Reading, active_on: dt.date | None = None) -> Iterator[Budget]:
    after = 0
    while found := reading.budgets(active_on=active_on, after=after, limit=MAX_LIMIT):
        yield from found
        if len(found) < MAX_LIMIT:
            return
        after = found[-1].created_version


def with_use(
    reading: Reading, budgets: Sequence[Budget], today: dt.date, *, on: dt.date | None = None
) -> list[UsedBudget]:
    """Budgets in the period that holds a day, or else `today`; the first or last if none does."""
    day = on or today
    return used_in(reading, [(budget, period_at(budget, day)) for budget in budgets], today)


def used_in(
    reading: Reading, asked: Sequence[tuple[Budget, Period]], today: dt.date
) -> list[UsedBudget]:
    """Budgets in periods of theirs, with how far each is used: all are added up at once.

    Where something rolls over, that takes every period before too: it is kept nowhere, so that
    whatever is corrected in the past is right at once.
    """
    alone = [(budget, of) for budget, of in asked if budget.rollover == "none"]
    wanted = [Wanted(budget.category_id, of.start, of.end) for budget, of in alone]
    sums = iter(reading.sums_of(wanted))
    rolling = _rolling(reading, [(budget, of) for budget, of in asked if budget.rollover != "none"])
    found = []
    for budget, of in asked:
        carried, used = next(rolling) if budget.rollover != "none" else (0, next(sums))
        limits = _limits(budget, of, carried)
        found.append(UsedBudget(budget, limits, utilisation(limits, used, today)))
    return found


def _limits(budget: Budget, of: Period, carried: int) -> Limits:
    most = budget.max_amount_rials
    return Limits(
        number=of.number,
        start=of.start,
        end=of.end,
        carried=carried,
        min_amount_rials=budget.min_amount_rials,
        max_amount_rials=None if most is None else most + carried,
    )


def _rolling(reading: Reading, asked: Sequence[tuple[Budget, Period]]) -> Iterator[tuple[int, int]]:
    """What is carried into each period, and what is used in it, in Rials."""
    latest: dict[UUID, tuple[Budget, Period]] = {}
    for budget, of in asked:
        if budget.id not in latest or latest[budget.id][1].number < of.number:
            latest[budget.id] = (budget, of)
    used = _used_by_period(reading, list(latest.values()))
    carried = {}
    for budget, of in latest.values():
        most = budget.max_amount_rials
        assert most is not None, "nothing rolls over without a maximum"
        over = carried_over(most, budget.rollover, used[budget.id])
        carried[budget.id] = list(islice(over, of.number))
    for budget, of in asked:
        yield carried[budget.id][of.number - 1], used[budget.id].get(of.number, 0)


def _used_by_period(
    reading: Reading, asked: Sequence[tuple[Budget, Period]]
) -> dict[UUID, dict[int, int]]:
    """What was used of each budget in each period up to the one that is asked, in Rials.

    One statement for all that begin on the same day of a month, however many and long they are.
    """
    found = {}
    alike: dict[int, list[tuple[Budget, Period]]] = {}
    for budget, of in asked:
        alike.setdefault(jalali_parts(budget.start)[2], []).append((budget, of))
    for day, some in alike.items():
        first = min(jalali_month(budget.start) for budget, _ in some)
        last = max(_last_month(budget, of) for budget, of in some)
        category_ids = {budget.category_id for budget, _ in some}
        months = reading.monthly_of(category_ids, first, last, day)
        for budget, _ in some:
            found[budget.id] = _by_period(budget, months.get(budget.category_id, {}))
    return found


def _last_month(budget: Budget, of: Period) -> int:
    return add_months(jalali_month(budget.start), of.number * MONTHS[budget.repeat] - 1)


def _by_period(budget: Budget, amounts: Mapping[int, int]) -> dict[int, int]:
    first, length = jalali_month(budget.start), MONTHS[budget.repeat]
    found: dict[int, int] = {}
    for month, amount_rials in amounts.items():
        if month >= first:
            number = months_between(first, month) // length + 1
            found[number] = found.get(number, 0) + amount_rials
    return found
