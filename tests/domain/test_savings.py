"""Rules about savings: saving the surplus, and never taking out more than was put in."""

import datetime as dt

import msgspec
import pytest

from domain.base import Command, Event
from domain.categories import COLORS, CategoryAdded, CategoryDetails
from domain.refusals import SavingsTooLow
from domain.savings import SAVINGS_NAME, SaveSurplus, SurplusSaved
from domain.transactions import (
    CorrectTransaction,
    RecordTransaction,
    RestoreTransaction,
    SavingWithdrawn,
    TransactionCorrected,
    TransactionVoided,
    VoidTransaction,
)
from tests.domain.examples import (
    TOMORROW,
    YESTERDAY,
    category,
    changed,
    corrected,
    deposit,
    expense,
    groceries,
    household,
    income,
    nest_egg,
    opened,
    removed,
    retired,
    salary,
    surplus,
    travel_fund,
    voided,
    withdrawal,
)
from tests.domain.given import TODAY, given, new_id


def _saved(amount_rials: int, kept_rials: int = 0, number: int = 1) -> SurplusSaved:
    return SurplusSaved(new_id(number), nest_egg.category_id, amount_rials, TODAY, "", kept_rials)


class TestSavingTheSurplus:
    """What is left over is put aside."""

    def test_saves_what_is_left_over(self) -> None:
        given(*household, income(1, 100), expense(2, 30)).when(SaveSurplus()).then(_saved(70))

    def test_what_was_saved_is_not_left_over(self) -> None:
        past = (*household, income(1, 100), expense(2, 30))
        given(*past, surplus(3, 70)).when(SaveSurplus()).then_nothing()
        given(*past, deposit(3, 50)).when(SaveSurplus()).then(_saved(20))
        given(*past, deposit(3, 50), withdrawal(4, 10)).when(SaveSurplus()).then(_saved(30))

    def test_leaves_what_is_asked_to_stay(self) -> None:
        past = given(*household, income(1, 100))
        past.when(SaveSurplus(keep_rials=99)).then(_saved(1, kept_rials=99))
        past.when(SaveSurplus(keep_rials=100)).then_nothing()
        past.when(SaveSurplus(keep_rials=101)).then_nothing()

    def test_nothing_is_left_over_of_nothing(self) -> None:
        given(*household).when(SaveSurplus()).then_nothing()
        given(opened).when(SaveSurplus()).then_nothing()
        given(*household, expense(1, 5)).when(SaveSurplus()).then_nothing()

    def test_what_comes_in_later_is_not_left_over_today(self) -> None:
        given(*household, income(1, 100), income(2, 50, TOMORROW)).when(SaveSurplus()).then(
            _saved(100)
        )

    def test_what_is_promised_away_later_is_not_left_over(self) -> None:
        given(*household, income(1, 100), expense(2, 60, TOMORROW)).when(SaveSurplus()).then(
            _saved(40)
        )

    def test_today_counts(self) -> None:
        given(*household, income(1, 100, TODAY)).when(SaveSurplus()).then(_saved(100))

    def test_voided_entries_do_not_count(self) -> None:
        past = (*household, income(1, 100), expense(2, 30))
        given(*past, voided(expense(2, 30))).when(SaveSurplus()).then(_saved(100))
        given(*past, voided(income(1, 100))).when(SaveSurplus()).then_nothing()

    def test_is_dated_on_the_day_it_is_asked(self) -> None:
        day = dt.date(2027, 3, 20)
        given(*household, income(1, 100)).when(SaveSurplus(), today=day).then(
            msgspec.structs.replace(_saved(100), date=day)
        )

    def test_goes_to_the_oldest_active_savings_category(self) -> None:
        given(*household, retired(nest_egg), income(1, 100)).when(SaveSurplus()).then(
            msgspec.structs.replace(_saved(100), category_id=travel_fund.category_id)
        )
        given(*household, removed(nest_egg), income(1, 100)).when(SaveSurplus()).then(
            msgspec.structs.replace(_saved(100), category_id=travel_fund.category_id)
        )
        renamed = changed(nest_egg, name="قلک")
        given(*household, renamed, income(1, 100)).when(SaveSurplus()).then(_saved(100))

    def test_makes_a_category_where_there_is_none(self) -> None:
        given(opened, salary, income(1, 100)).when(SaveSurplus()).then(
            _new_category(SAVINGS_NAME), _saved_in_the_new_one(100)
        )

    @pytest.mark.parametrize(
        ("taken", "name"),
        [
            ((), "پس‌انداز"),
            (("پس‌انداز",), "پس‌انداز 2"),
            (("پسانداز", "پس‌انداز ۲"), "پس‌انداز 3"),
        ],
    )
    def test_the_new_category_takes_a_name_that_is_free(
        self, taken: tuple[str, ...], name: str
    ) -> None:
        namesakes = [category(20 + n, name, "expense") for n, name in enumerate(taken)]
        given(opened, salary, *namesakes, income(1, 100)).when(SaveSurplus()).then(
            _new_category(name), _saved_in_the_new_one(100)
        )

    def test_an_inactive_namesake_is_left_alone(self) -> None:
        given(opened, salary, nest_egg, retired(nest_egg), income(1, 100)).when(SaveSurplus()).then(
            _new_category("پس‌انداز 2"), _saved_in_the_new_one(100)
        )

    def test_no_category_is_made_when_nothing_is_left_over(self) -> None:
        given(opened, salary).when(SaveSurplus()).then_nothing()

    def test_what_was_saved_is_an_entry_like_any_other(self) -> None:
        saved = surplus(2, 100)
        past = given(*household, income(1, 100), saved)
        past.when(VoidTransaction(transaction_id=saved.transaction_id)).then(
            TransactionVoided(saved.transaction_id, "savings", saved.entry())
        )
        past.when(CorrectTransaction(transaction_id=saved.transaction_id, amount_rials=60)).then(
            corrected(saved, amount_rials=60)
        )


put_in, taken_out = deposit(1, 100), withdrawal(2, 100)


class TestSavingsAreNeverOverdrawn:
    """In each category, over all dates, no more is withdrawn than was deposited."""

    @pytest.mark.parametrize(
        "past", [(), (put_in, taken_out), (put_in, voided(put_in))], ids=["none", "gone", "voided"]
    )
    def test_by_withdrawing(self, past: tuple[Event, ...]) -> None:
        given(*household, *past).when(_withdraw(1)).then_refused(SavingsTooLow)

    def test_to_the_last_rial(self) -> None:
        given(*household, put_in).when(_withdraw(101)).then_refused(SavingsTooLow)
        given(*household, put_in).when(_withdraw(100)).then(
            SavingWithdrawn(new_id(1), nest_egg.category_id, 100, TODAY, "")
        )

    def test_each_category_stands_alone(self) -> None:
        given(*household, deposit(1, 100, category=travel_fund)).when(_withdraw(1)).then_refused(
            SavingsTooLow
        )

    def test_a_deposit_at_any_date_counts(self) -> None:
        given(*household, deposit(1, 100, TOMORROW)).when(_withdraw(100)).then(
            SavingWithdrawn(new_id(1), nest_egg.category_id, 100, TODAY, "")
        )

    @pytest.mark.parametrize(
        "asked",
        [
            CorrectTransaction(transaction_id=put_in.transaction_id, amount_rials=99),
            CorrectTransaction(
                transaction_id=put_in.transaction_id, category_id=travel_fund.category_id
            ),
            CorrectTransaction(transaction_id=put_in.transaction_id, direction="withdraw"),
            CorrectTransaction(transaction_id=taken_out.transaction_id, amount_rials=101),
            CorrectTransaction(
                transaction_id=taken_out.transaction_id, category_id=travel_fund.category_id
            ),
            CorrectTransaction(
                transaction_id=put_in.transaction_id,
                category_id=travel_fund.category_id,
                direction="withdraw",
            ),
            VoidTransaction(transaction_id=put_in.transaction_id),
        ],
        ids=[
            "smaller deposit",
            "deposit moved away",
            "deposit made a withdrawal",
            "larger withdrawal",
            "withdrawal moved to an empty one",
            "deposit moved and made a withdrawal",
            "deposit voided",
        ],
    )
    def test_by_changing_what_was_recorded(self, asked: Command) -> None:
        given(*household, put_in, taken_out).when(asked).then_refused(SavingsTooLow)

    def test_by_restoring_a_withdrawal(self) -> None:
        given(*household, put_in, taken_out, voided(taken_out), voided(put_in)).when(
            RestoreTransaction(transaction_id=taken_out.transaction_id)
        ).then_refused(SavingsTooLow)

    def test_a_date_alone_overdraws_nothing(self) -> None:
        past = given(*household, put_in, taken_out)
        for entry in (put_in, taken_out):
            past.when(CorrectTransaction(transaction_id=entry.transaction_id, date=TOMORROW)).then(
                TransactionCorrected(
                    entry.transaction_id,
                    "savings",
                    entry.entry(),
                    msgspec.structs.replace(entry.entry(), date=TOMORROW),
                )
            )

    def test_what_helps_is_never_refused(self) -> None:
        """Savings overdrawn in the past, under other rules, can still be mended."""
        past = given(*household, withdrawal(1, 100), withdrawal(2, 50))
        past.when(
            RecordTransaction(category_id=nest_egg.category_id, amount_rials=10, date=YESTERDAY)
        ).then(msgspec.structs.replace(deposit(1, 10), transaction_id=new_id(1)))
        past.when(VoidTransaction(transaction_id=withdrawal(1, 100).transaction_id)).then(
            voided(withdrawal(1, 100))
        )

    def test_spending_has_nothing_to_do_with_it(self) -> None:
        given(*household, expense(1, 100)).when(
            RecordTransaction(category_id=groceries.category_id, amount_rials=1)
        ).then(
            msgspec.structs.replace(expense(1, 1, TODAY), transaction_id=new_id(1), description="")
        )


def _withdraw(amount_rials: int) -> RecordTransaction:
    return RecordTransaction(
        category_id=nest_egg.category_id, amount_rials=amount_rials, direction="withdraw"
    )


def _new_category(name: str) -> CategoryAdded:
    details = CategoryDetails(name, COLORS["savings"], None, is_active=True)
    return CategoryAdded(new_id(1), "savings", details)


def _saved_in_the_new_one(amount_rials: int) -> SurplusSaved:
    return SurplusSaved(new_id(2), new_id(1), amount_rials, TODAY, "", 0)
