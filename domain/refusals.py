"""Every reason a ledger has to turn a command down."""

from domain.base import Refusal


class CategoryNotFound(Refusal):
    """The ledger has no such category."""

    code = "category_not_found"


class CategoryInactive(Refusal):
    """An inactive category takes no new entries."""

    code = "category_inactive"


class CategoryNameTaken(Refusal):
    """Another category has this name, after folding."""

    code = "category_name_taken"


class CategoryInUse(Refusal):
    """Transactions (voided too), budgets, a goal, the policy, recurrences or drafts name it."""

    code = "category_in_use"


class TransactionNotFound(Refusal):
    """The ledger has no such transaction."""

    code = "transaction_not_found"


class TransactionIsVoided(Refusal):
    """A voided transaction is restored before it is corrected."""

    code = "transaction_voided"


class AmountMissing(Refusal):
    """No amount was said, and the category has no default."""

    code = "amount_missing"


class DirectionNotAllowed(Refusal):
    """Only savings are deposited and withdrawn."""

    code = "direction_not_allowed"


class KindMismatch(Refusal):
    """Money of one kind is not put where another kind belongs."""

    code = "kind_mismatch"


class SavingsTooLow(Refusal):
    """More would be withdrawn from a savings category than was deposited in it."""

    code = "savings_too_low"


class BudgetNotFound(Refusal):
    """The ledger has no such budget."""

    code = "budget_not_found"


class BudgetExists(Refusal):
    """The category already has a budget with exactly this first period."""

    code = "budget_exists"


class BudgetAmountMissing(Refusal):
    """A budget has a minimum, a maximum, or both."""

    code = "budget_amount_missing"


class BudgetAmountsReversed(Refusal):
    """A budget's minimum is less than its maximum."""

    code = "budget_amounts_reversed"


class BudgetPeriodReversed(Refusal):
    """A budget starts before it ends."""

    code = "budget_period_reversed"


class BudgetPeriodUneven(Refusal):
    """A budget that repeats is for exactly one Jalali month, or one year, at first."""

    code = "budget_period_uneven"


class BudgetRepeatMissing(Refusal):
    """Only a budget that repeats can roll over, or have a last period."""

    code = "budget_repeat_missing"


class BudgetRolloverUnlimited(Refusal):
    """Only a budget with a maximum has something to roll over."""

    code = "budget_rollover_unlimited"


class BudgetUntilTooEarly(Refusal):
    """A budget's first period begins before it stops repeating."""

    code = "budget_until_too_early"


class RecurrenceNotFound(Refusal):
    """The ledger has no such recurrence."""

    code = "recurrence_not_found"


class AmountSaidTwice(Refusal):
    """What recurs has an amount each time, or an amount in all."""

    code = "amount_said_twice"


class EndSaidTwice(Refusal):
    """What recurs ends on a day, or after so many times."""

    code = "end_said_twice"


class CountMissing(Refusal):
    """An amount in all is split over a count of times that are still to come."""

    code = "count_missing"


class SplitTooSmall(Refusal):
    """An amount in all leaves at least one Rial for each time."""

    code = "split_too_small"


class WeekdaysNotAllowed(Refusal):
    """Only what recurs every so many weeks keeps to days of the week."""

    code = "weekdays_not_allowed"


class NeverHappens(Refusal):
    """What recurs has a day to come."""

    code = "never_happens"


class TooManyPast(Refusal):
    """What begins in the past has so many times behind it that it looks like a mistake."""

    code = "too_many_past"


class DraftNotFound(Refusal):
    """The ledger has no such draft, or it was dismissed."""

    code = "draft_not_found"


class DraftIsConfirmed(Refusal):
    """A confirmed draft is a transaction: it is corrected or voided as one."""

    code = "draft_confirmed"


class GoalNotFound(Refusal):
    """The ledger has no such goal."""

    code = "goal_not_found"


class GoalExists(Refusal):
    """The category already has a goal."""

    code = "goal_exists"


class IdTaken(Refusal):
    """The id belongs to something else that this ledger recorded."""

    code = "id_taken"


class TotalTooLarge(Refusal):
    """A running total would pass 2^53 - 1 Rials."""

    code = "total_too_large"
