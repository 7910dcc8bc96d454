"""What no command records: asked of a history from elsewhere, never of one that is here."""

from domain.base import Event
from domain.budgets import BudgetRevised, BudgetSet, BudgetTerms
from domain.calendar import FIRST_DAY, LAST_DAY
from domain.goals import GoalRevised, GoalSet, GoalTerms
from domain.recurrences import RecurrenceRevised, RecurrenceSet
from domain.recurring_plans import RecurrenceTerms


def require_plausible(event: Event) -> None:
    """Raise ValueError for an event of which nothing could be reckoned, or that never ends.

    Evolving does not ask: what is recorded here is not judged again.
    """
    match event:
        case BudgetSet(terms=terms) | BudgetRevised(after=terms):
            _require_countable(terms)
        case GoalSet(terms=terms) | GoalRevised(after=terms):
            _require_reachable(terms)
        case RecurrenceSet(terms=terms) | RecurrenceRevised(after=terms):
            _require_progress(terms)


def _require_countable(terms: BudgetTerms) -> None:
    is_limited = terms.max_amount_rials is not None
    rolls = terms.rollover != "none"
    if not is_limited and (rolls or terms.min_amount_rials is None):
        raise ValueError("a budget has an amount, and a maximum where it rolls over")
    if rolls and terms.repeat == "none":
        raise ValueError("nothing rolls over into no other period")
    if not FIRST_DAY <= terms.start <= terms.end <= LAST_DAY:
        raise ValueError("a budget has days, of years that are counted")


def _require_reachable(terms: GoalTerms) -> None:
    if terms.target_amount_rials < 1:
        raise ValueError("a goal has an amount")
    if terms.target_date is not None and not FIRST_DAY <= terms.target_date <= LAST_DAY:
        raise ValueError("a goal has a day of years that are counted")


def _require_progress(terms: RecurrenceTerms) -> None:
    if terms.interval < 1 or (terms.period == "week" and not terms.weekdays):
        raise ValueError("what recurs goes on to another day")
