"""Reading goals: what is saved, at what pace, and when that will be enough."""

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Final, Literal
from uuid import UUID

import msgspec

from domain.calendar import (
    FIRST_DAY,
    LAST_DAY,
    add_months,
    first_day,
    jalali_month,
    last_day,
    months_after,
    months_between,
)
from domain.ledger import Goal
from domain.store.database import Connection, as_record
from projections.paging import Page, decode_cursor, page_of
from projections.rounding import average, percent
from projections.statements import GOAL, GOAL_COLUMNS
from projections.sums import ONE_DAY, Wanted, sums_of

Status = Literal["reached", "on_track", "behind", "overdue", "no_date"]

MONTHS_OF_PACE: Final = 3
_ORDER: Final = "goal"


class GoalProgress(msgspec.Struct, frozen=True):
    """A goal, and how far it has come on a day. Amounts are Rials.

    `pace` is a month's, and so is `needed_per_month`, which is None without a date that is still
    to come. `forecast_date` is None where the pace never reaches the goal, and when it is reached.
    """

    goal: Goal
    saved: int
    remaining: int
    percent: float
    pace: int
    needed_per_month: int | None
    forecast_date: dt.date | None
    status: Status


def progress(goal: Goal, saved: int, pace: int, today: dt.date) -> GoalProgress:
    """How far a goal has come on a day, with so much saved, and so much a month."""
    remaining = max(goal.target_amount_rials - saved, 0)
    share = percent(saved, goal.target_amount_rials)
    assert share is not None
    forecast = _forecast_date(remaining, pace, today)
    return GoalProgress(
        goal=goal,
        saved=saved,
        remaining=remaining,
        percent=share,
        pace=pace,
        needed_per_month=_needed_per_month(goal, remaining, today),
        forecast_date=forecast,
        status=_status(goal, remaining, forecast, today),
    )


def _needed_per_month(goal: Goal, remaining: int, today: dt.date) -> int | None:
    """Rounded up; with less than a month left, what remains."""
    if goal.target_date is None or goal.target_date < today:
        return None
    return ceil(remaining / max(_months_until(goal.target_date, today), Fraction(1)))


def _months_until(day: dt.date, today: dt.date) -> Fraction:
    """Whole Jalali months from today, and of the one after them the share of its days."""
    months = months_between(jalali_month(today), jalali_month(day))
    if months_after(today, months) > day:
        months -= 1
    start, end = months_after(today, months), months_after(today, months + 1)
    return months + Fraction((day - start).days, (end - start).days)


def _forecast_date(remaining: int, pace: int, today: dt.date) -> dt.date | None:
    """The day on which the pace will have made up what is missing, counted like the months left."""
    if remaining == 0 or pace <= 0:
        return None
    months, rest = divmod(remaining, pace)
    if months > months_between(jalali_month(today), jalali_month(LAST_DAY)):
        return None
    start, end = months_after(today, months), months_after(today, months + 1)
    day = start + ceil(Fraction(rest, pace) * (end - start).days) * ONE_DAY
    return day if day <= LAST_DAY else None


def _status(goal: Goal, remaining: int, forecast: dt.date | None, today: dt.date) -> Status:
    if remaining == 0:
        return "reached"
    if goal.target_date is None:
        return "no_date"
    if goal.target_date < today:
        return "overdue"
    return "on_track" if forecast is not None and forecast <= goal.target_date else "behind"


def find_goal(
    connection: Connection, rows_id: UUID, goal_id: UUID, today: dt.date
) -> GoalProgress | None:
    """The goal with this id and how far it has come, or None."""
    row = connection.one(GOAL, ledger_id=rows_id, id=goal_id)
    if row is None:
        return None
    return with_progress(connection, rows_id, [as_record(row, Goal)], today)[0]


def list_goals(
    connection: Connection,
    rows_id: UUID,
    *,
    category_id: UUID | None = None,
    today: dt.date,
    limit: int,
    cursor: str | None = None,
) -> Page[GoalProgress]:
    """A page of goals, oldest first. Raises `InvalidCursor`."""
    after = 0 if cursor is None else decode_cursor(cursor, _ORDER, [int])[0]
    sql = f"SELECT {GOAL_COLUMNS} FROM goals WHERE ledger_id = :ledger_id"
    sql += " AND NOT is_removed AND created_version > :after"
    sql += "" if category_id is None else " AND category_id = :category_id"
    sql += " ORDER BY created_version LIMIT :rows"
    rows = connection.all(
        sql, ledger_id=rows_id, after=after, category_id=category_id, rows=limit + 1
    )
    goals = with_progress(connection, rows_id, [as_record(row, Goal) for row in rows], today)
    return page_of(goals, limit, _ORDER, lambda found: [found.goal.created_version])


def with_progress(
    connection: Connection, rows_id: UUID, goals: Sequence[Goal], today: dt.date
) -> list[GoalProgress]:
    """Goals with how far each has come: all of them are added up at once.

    Saved is what is dated up to today. The pace is the average of the last three full Jalali
    months, those without an entry too.
    """
    month = jalali_month(today)
    first = max(first_day(add_months(month, -MONTHS_OF_PACE)), FIRST_DAY)
    last = last_day(add_months(month, -1))
    wanted = [Wanted(goal.category_id, FIRST_DAY, today) for goal in goals]
    wanted += [Wanted(goal.category_id, first, last) for goal in goals]
    sums = sums_of(connection, rows_id, wanted)
    return [
        progress(goal, saved, average(of_months, MONTHS_OF_PACE), today)
        for goal, saved, of_months in zip(
            goals, sums[: len(goals)], sums[len(goals) :], strict=True
        )
    ]
