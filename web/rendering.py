"""How the things of a ledger look to clients: the names and shapes of the HTTP contract."""

import datetime as dt
from typing import Any

import msgspec

from domain.calendar import format_jalali, format_month, jalali_parts
from domain.ledger import Category, Draft, Recurrence, SavingPolicy, Transaction
from domain.recurring_days import weekdays_in
from domain.recurring_plans import Occurrence, amount_of, remaining
from projections.balances import Balance
from projections.budgets import Limits, UsedBudget
from projections.goals import GoalProgress
from projections.history import StoredRow, readable
from web.messages import Language, month_name, preferred_language, say


def show_category(category: Category) -> dict[str, Any]:
    """A category; amounts are Rials."""
    return {
        "id": category.id,
        "name": category.name,
        "kind": category.kind,
        "color": category.color,
        "default_amount": category.default_amount_rials,
        "is_active": category.is_active,
        "version": category.version,
        "created_at": category.created_at,
        "updated_at": category.updated_at,
    }


def show_transaction(
    transaction: Transaction, category_name: str, language: Language | None = None
) -> dict[str, Any]:
    """A transaction with its Jalali date taken apart; `amount` is Rials.

    Whoever shows many says in which language: each would look for it in the request.
    """
    year, month, day = jalali_parts(transaction.date)
    return {
        "id": transaction.id,
        "category_id": transaction.category_id,
        "category_name": category_name,
        "kind": transaction.kind,
        "direction": transaction.direction,
        "amount": transaction.amount_rials,
        "description": transaction.description,
        "date": format_jalali(transaction.date),
        "date_gregorian": transaction.date,
        "jalali": {
            "year": year,
            "month": month,
            "day": day,
            "month_name": month_name(month, language or preferred_language()),
        },
        "version": transaction.version,
        "recorded_at": transaction.recorded_at,
        "updated_at": transaction.updated_at,
        "voided": transaction.is_voided,
    }


def show_budget(used: UsedBudget) -> dict[str, Any]:
    """A budget and how far it is used; amounts are Rials."""
    budget = used.budget
    return {
        "id": budget.id,
        "category_id": budget.category_id,
        "min_amount": budget.min_amount_rials,
        "max_amount": budget.max_amount_rials,
        **_day("start", budget.start),
        **_day("end", budget.end),
        "repeat": budget.repeat,
        "rollover": budget.rollover,
        **_day("until", budget.until),
        "version": budget.version,
        "period": _limits(used.period),
        "utilisation": _utilisation(used),
    }


def show_period(used: UsedBudget) -> dict[str, Any]:
    """A period of a budget and how far that is used in it."""
    return {**_limits(used.period), "utilisation": _utilisation(used)}


def _limits(period: Limits) -> dict[str, Any]:
    return {
        "number": period.number,
        **_day("start", period.start),
        **_day("end", period.end),
        "carried": period.carried,
        "min_amount": period.min_amount_rials,
        "max_amount": period.max_amount_rials,
    }


def _utilisation(used: UsedBudget) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(used.utilisation),
        "status_name": say(f"budget_{used.utilisation.status}"),
    }


def show_goal(found: GoalProgress) -> dict[str, Any]:
    """A goal and how far it has come; amounts are Rials."""
    goal = found.goal
    return {
        "id": goal.id,
        "category_id": goal.category_id,
        "name": goal.name,
        "target_amount": goal.target_amount_rials,
        **_day("target_date", goal.target_date),
        "saved": found.saved,
        "remaining": found.remaining,
        "percent": found.percent,
        "pace": found.pace,
        "needed_per_month": found.needed_per_month,
        **_day("forecast_date", found.forecast_date),
        "status": found.status,
        "status_name": say(f"goal_{found.status}"),
        "version": goal.version,
    }


def show_balance(balance: Balance) -> dict[str, Any]:
    """Totals in Rials, and what they come to in words."""
    left = balance.balance
    status = "positive" if left > 0 else "negative" if left < 0 else "zero"
    return {
        "income": balance.income,
        "expense": balance.expense,
        "savings": balance.savings,
        "balance": left,
        "status": status,
        "message": say(f"balance_{status}", amount=abs(left)),
        "version": balance.version,
    }


def show_saving_policy(policy: SavingPolicy) -> dict[str, Any]:
    """What is saved by itself; amounts are Rials."""
    last = None
    if policy.last_month is not None:
        last = {
            "month": format_month(policy.last_month),
            "amount": policy.last_amount_rials,
            "transaction_id": policy.last_transaction_id,
        }
    return {
        "enabled": policy.is_enabled,
        "keep": policy.keep_rials,
        "category_id": policy.category_id,
        "from_month": _month(policy.from_month),
        "next_month": _month(policy.next_month),
        "last": last,
        "version": policy.version,
    }


def show_recurrence(recurrence: Recurrence) -> dict[str, Any]:
    """A recurrence, what comes next, and what is left of it; amounts are Rials."""
    left, date, number = remaining(recurrence), recurrence.next_date, recurrence.next_number
    return {
        "id": recurrence.id,
        "category_id": recurrence.category_id,
        "direction": recurrence.direction,
        "amount": recurrence.amount_rials,
        "last_amount": recurrence.last_amount_rials,
        "description": recurrence.description,
        "period": recurrence.period,
        "interval": recurrence.interval,
        "weekdays": weekdays_in(recurrence.weekdays),
        **_day("start", recurrence.start),
        **_day("until", recurrence.until),
        "count": recurrence.count,
        "mode": recurrence.mode,
        "next_number": None if date is None else number,
        **_day("next_date", date),
        "next_amount": None if date is None else amount_of(recurrence, number),
        "remaining_count": None if left is None else left.times,
        "remaining_amount": None if left is None else left.amount_rials,
        **_day("last_date", None if left is None else left.last_date),
        "version": recurrence.version,
        "created_at": recurrence.created_at,
        "updated_at": recurrence.updated_at,
    }


def show_occurrence(occurrence: Occurrence) -> dict[str, Any]:
    """One time that something recurs; its amount is Rials."""
    return {
        "number": occurrence.number,
        **_day("date", occurrence.date),
        "amount": occurrence.amount_rials,
    }


def show_draft(draft: Draft) -> dict[str, Any]:
    """What waits to be confirmed; its amount is Rials."""
    return {
        "id": draft.id,
        "recurrence_id": draft.recurrence_id,
        "number": draft.number,
        "category_id": draft.category_id,
        "direction": draft.direction,
        "amount": draft.amount_rials,
        "description": draft.description,
        **_day("date", draft.date),
        "reason": draft.reason,
        "version": draft.version,
        "created_at": draft.created_at,
    }


def show_event(row: StoredRow) -> dict[str, Any]:
    """An event of one's own ledger, sealed by its digest."""
    event = readable(row)
    return {
        "version": event.version,
        "topic": event.topic,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
        "digest": row.digest,
        "data": event.data,
    }


def _month(month: int | None) -> str | None:
    return None if month is None else format_month(month)


def _day(name: str, day: dt.date | None) -> dict[str, Any]:
    return {name: None if day is None else format_jalali(day), f"{name}_gregorian": day}
