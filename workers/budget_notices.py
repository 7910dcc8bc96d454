"""Notices of budgets: nearly used, used, and a minimum that was missed."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from domain.base import Event
from domain.budgets import BudgetRevised, BudgetSet
from domain.calendar import format_jalali, today_in_tehran
from domain.periods import ONE_DAY
from domain.store.database import Connection
from domain.store.notices import Kind, tell, told_keys
from projections.budgets import NEAR_LIMIT_PERCENT, UsedBudget, budgets_on, periods_ended
from projections.categories import find_category
from projections.readings import RowsReading
from workers.following import Act, News

_HIGHER: Final[dict[Kind, tuple[Kind, ...]]] = {
    "budget_near": ("budget_near", "budget_reached"),
    "budget_reached": ("budget_reached",),
}
"""Who was told one of these need not be told the first: all of it is more than most of it."""


class _Found(NamedTuple):
    kind: Kind
    key: str
    data: dict[str, object]


def follow_budgets(connection: Connection, news: News) -> Act:
    """Tell of what the news did to budgets, today; and of minimums missed when days ended."""
    found = [*_use(connection, news), *_missed_minimums(connection, news)]
    return lambda writing: [
        task for one in found for task in tell(writing, news.head.ledger_id, *one, news.now)
    ]


def _use(connection: Connection, news: News) -> Iterator[_Found]:
    touched = {category_id for sealed in news.events for category_id in _categories(sealed.event)}
    is_new_day = news.over_day > news.seen_day
    if not touched and not is_new_day:
        return
    today = today_in_tehran(news.now)
    reading = RowsReading(connection, news.head.rows_id)
    found = {
        _key(used): (used, kind)
        for used in budgets_on(reading, today, None if is_new_day else touched, today)
        # Of a period that has just begun, what was entered ahead counts too.
        if used.budget.category_id in touched or used.period.start > news.seen_day
        if (kind := _kind(used)) is not None
    }
    keys = [f"{kind}:{key}" for key in found for kind in _HIGHER]
    told = told_keys(connection, news.head.ledger_id, keys)
    for key, (used, kind) in found.items():
        if not any(f"{higher}:{key}" in told for higher in _HIGHER[kind]):
            yield _as_found(connection, news, used, kind, key)


def _missed_minimums(connection: Connection, news: News) -> Iterator[_Found]:
    if news.over_day == news.seen_day:
        return
    reading = RowsReading(connection, news.head.rows_id)
    for used in periods_ended(reading, news.seen_day + ONE_DAY, news.over_day):
        if used.utilisation.min_met is False:
            key = f"{used.budget.id}:{used.period.start}"
            yield _as_found(connection, news, used, "budget_missed", key)


def _categories(event: Event) -> Iterator[UUID]:
    """Those whose budgets may look different after it."""
    for posting in event.postings():
        yield posting.category_id
    if isinstance(event, BudgetSet):
        yield event.terms.category_id
    if isinstance(event, BudgetRevised):
        yield event.after.category_id


def _kind(used: UsedBudget) -> Kind | None:
    most, so_far = used.period.max_amount_rials, used.utilisation.used
    if most is None:
        return None
    if so_far >= most:
        return "budget_reached"
    return "budget_near" if so_far * 100 >= most * NEAR_LIMIT_PERCENT else None


def _key(used: UsedBudget) -> str:
    """Of a budget's period and the maximum that was set, whatever has rolled over into it."""
    return f"{used.budget.id}:{used.period.start}:{used.budget.max_amount_rials}"


def _as_found(connection: Connection, news: News, used: UsedBudget, kind: Kind, key: str) -> _Found:
    category_id, percent = used.budget.category_id, used.utilisation.percent
    category = find_category(connection, news.head.rows_id, category_id)
    data = {
        "budget_id": str(used.budget.id),
        "category_id": str(category_id),
        "category": "" if category is None else category.name,
        "start": format_jalali(used.period.start),
        "end": format_jalali(used.period.end),
        "used": used.utilisation.used,
        "min_amount": used.period.min_amount_rials,
        "max_amount": used.period.max_amount_rials,
        "percent": None if percent is None else int(percent),
    }
    return _Found(kind, key, data)
