"""The rule that no running total passes 2^53 - 1 Rials."""

from itertools import count

import pytest

from domain.base import Event
from domain.money import MAX_AMOUNT_RIALS, MAX_TOTAL_RIALS
from domain.refusals import TotalTooLarge
from domain.savings import SaveSurplus, SurplusSaved
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    VoidTransaction,
)
from tests.domain.examples import (
    corrected,
    deposit,
    expense,
    groceries,
    household,
    income,
    nest_egg,
    salary,
    voided,
    withdrawal,
)
from tests.domain.given import TODAY, given, new_id

BRIM = MAX_TOTAL_RIALS


def _record(category_id: object, amount_rials: int, **more: object) -> RecordTransaction:
    return RecordTransaction(category_id=category_id, amount_rials=amount_rials, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("past", "asked"),
    [
        ((income(1, BRIM - 5),), _record(salary.category_id, 5)),
        ((expense(1, BRIM - 5),), _record(groceries.category_id, 5)),
        ((deposit(1, BRIM - 5),), _record(nest_egg.category_id, 5)),
        ((expense(1, BRIM - 9), deposit(2, 4)), _record(nest_egg.category_id, 5)),
        (
            (income(1, BRIM - 9), deposit(2, 9), withdrawal(3, 4)),
            _record(nest_egg.category_id, 5, direction="withdraw"),
        ),
    ],
    ids=["income", "expense", "savings", "money out", "money in"],
)
def test_a_total_may_be_filled_to_the_brim_and_not_a_rial_further(
    past: tuple[Event, ...], asked: RecordTransaction
) -> None:
    fits = given(*household, *past).when(asked)
    assert isinstance(fits.came, list)
    assert len(fits.came) == 1
    over = _record(asked.category_id, 6, direction=asked.direction)
    given(*household, *past).when(over).then_refused(TotalTooLarge, field="amount")


def test_income_and_expense_have_each_their_own_brim() -> None:
    past = given(*household, income(1, BRIM))
    assert isinstance(past.when(_record(groceries.category_id, 5)).came, list)


def test_the_past_is_not_in_the_way_of_saving_the_surplus() -> None:
    past = given(*household, income(1, BRIM), expense(2, 7))
    came = past.when(SaveSurplus()).came
    assert isinstance(came, list)


def test_correcting_upwards_is_checked() -> None:
    past = given(*household, income(1, BRIM - 5), income(2, 5))
    second = income(2, 5).transaction_id
    past.when(CorrectTransaction(transaction_id=second, amount_rials=6)).then_refused(
        TotalTooLarge, field="amount"
    )
    past.when(CorrectTransaction(transaction_id=second, amount_rials=4)).then(
        corrected(income(2, 5), amount_rials=4)
    )


def test_an_entry_at_the_brim_can_still_be_moved_and_voided() -> None:
    past = given(*household, income(1, BRIM))
    full = income(1, BRIM)
    past.when(CorrectTransaction(transaction_id=full.transaction_id, description="همه")).then(
        corrected(full, description="همه")
    )
    past.when(VoidTransaction(transaction_id=full.transaction_id)).then(voided(full))


def test_restoring_is_checked() -> None:
    past = (*household, income(1, 6), voided(income(1, 6)), income(2, BRIM - 5))
    given(*past).when(RestoreTransaction(transaction_id=income(1, 6).transaction_id)).then_refused(
        TotalTooLarge, field="amount"
    )


def test_the_brim_is_reached_by_ordinary_amounts() -> None:
    numbers = count(1)
    nine = [income(next(numbers), MAX_AMOUNT_RIALS) for _ in range(9)]
    given(*household, *nine).when(_record(salary.category_id, MAX_AMOUNT_RIALS)).then_refused(
        TotalTooLarge, field="amount"
    )


def test_a_surplus_is_saved_whole_even_where_it_is_more_than_one_amount_may_be() -> None:
    past = [income(n, MAX_AMOUNT_RIALS) for n in (1, 2, 3)]
    given(*household, *past).when(SaveSurplus()).then(
        SurplusSaved(new_id(1), nest_egg.category_id, 3 * MAX_AMOUNT_RIALS, TODAY, "", 0)
    )
