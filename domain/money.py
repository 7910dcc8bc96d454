"""Money: whole Rials, the kinds they come in, and the totals they add up to."""

import datetime as dt
from typing import Final, Literal
from uuid import UUID

import msgspec

Kind = Literal["income", "expense", "savings"]
Direction = Literal["deposit", "withdraw"]

RIALS_PER_TOMAN: Final = 10
MAX_AMOUNT_RIALS: Final = 10**15
MAX_TOTAL_RIALS: Final = 2**53 - 1
"""The largest integer a JavaScript client can hold exactly (ECMAScript MAX_SAFE_INTEGER)."""


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One amount entering the totals of a kind, a category and a day, or leaving them."""

    kind: Kind
    direction: Direction | None
    category_id: UUID
    date: dt.date
    amount_rials: int
    sign: Literal[1, -1]

    @property
    def net_rials(self) -> int:
        """What the category's total changes by: withdrawals count against savings."""
        net = self.amount_rials * self.sign
        return -net if self.direction == "withdraw" else net


class Totals(msgspec.Struct, frozen=True, gc=False):
    """Gross sums in Rials; what people ask for is derived from them."""

    income: int = 0
    expense: int = 0
    deposits: int = 0
    withdrawals: int = 0

    @property
    def savings(self) -> int:
        """Deposits minus withdrawals."""
        return self.deposits - self.withdrawals

    @property
    def balance(self) -> int:
        """What is left to spend: income minus expense minus savings."""
        return self.income - self.expense - self.savings

    def plus(self, posting: Posting) -> "Totals":
        """These totals after one posting."""
        amount = posting.amount_rials * posting.sign
        # Written out, since a history is folded by it: `replace` takes twice as long.
        if posting.kind == "income":
            return Totals(self.income + amount, self.expense, self.deposits, self.withdrawals)
        if posting.kind == "expense":
            return Totals(self.income, self.expense + amount, self.deposits, self.withdrawals)
        if posting.direction == "withdraw":
            return Totals(self.income, self.expense, self.deposits, self.withdrawals + amount)
        return Totals(self.income, self.expense, self.deposits + amount, self.withdrawals)

    def is_within_bounds(self) -> bool:
        """Whether no total, over any stretch of dates, can pass `MAX_TOTAL_RIALS`.

        Money in (income and withdrawals) and money out (expense and deposits) bound every
        balance from above and from below, whatever dates are looked at.
        """
        money_in = self.income + self.withdrawals
        money_out = self.expense + self.deposits
        return money_in <= MAX_TOTAL_RIALS and money_out <= MAX_TOTAL_RIALS
