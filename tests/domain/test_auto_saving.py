"""Rules about automatic saving: a month that has ended is saved once, and none too early."""

import datetime as dt
from typing import Final

import pytest

from domain.auto_saving import AutoSavingDone, SaveMonth, SetAutoSaving
from domain.base import Event
from domain.categories import COLORS, CategoryAdded, CategoryDetails, RemoveCategory
from domain.ledger import SavingPolicy
from domain.refusals import CategoryInactive, CategoryInUse, CategoryNotFound, KindMismatch
from domain.savings import SAVINGS_NAME, SaveSurplus, SurplusSaved
from tests.domain.examples import (
    UNKNOWN,
    changed,
    expense,
    groceries,
    household,
    income,
    month_saved,
    nest_egg,
    opened,
    removed,
    retired,
    salary,
    saving_set,
    surplus,
    travel_fund,
    withdrawal,
)
from tests.domain.given import TODAY, folded, given, new_id

MEHR, ABAN, AZAR, DEY = 140507, 140508, 140509, 140510
END_OF_MEHR: Final = dt.date(2026, 10, 22)
END_OF_ABAN: Final = dt.date(2026, 11, 21)
END_OF_AZAR: Final = dt.date(2026, 12, 21)
FIRST_OF_DEY: Final = dt.date(2026, 12, 22)


def saved(
    amount_rials: int,
    day: dt.date = END_OF_ABAN,
    category: CategoryAdded = nest_egg,
    kept_rials: int = 0,
) -> SurplusSaved:
    """A deposit that a rule makes."""
    return SurplusSaved(new_id(1), category.category_id, amount_rials, day, "", kept_rials)


def done(month: int, amount_rials: int) -> AutoSavingDone:
    """The mark of a month with the deposit that a rule makes."""
    return AutoSavingDone(month, amount_rials, new_id(1))


def enable(keep_rials: int = 0, category: CategoryAdded | None = None) -> SetAutoSaving:
    """Save by itself."""
    category_id = None if category is None else category.category_id
    return SetAutoSaving(is_enabled=True, keep_rials=keep_rials, category_id=category_id)


DISABLE: Final = SetAutoSaving(is_enabled=False, keep_rials=0)


class TestSettingIt:
    """It begins with the month it is set in."""

    def test_begins_with_this_month(self) -> None:
        given(*household).when(enable(5, nest_egg)).then(saving_set(AZAR, 5, nest_egg))
        given(*household).when(enable(), today=FIRST_OF_DEY).then(saving_set(DEY))

    def test_what_is_so_already_is_not_set_again(self) -> None:
        given(*household).when(DISABLE).then_nothing()
        past = (*household, saving_set(ABAN, 5, nest_egg))
        given(*past).when(enable(5, nest_egg)).then_nothing()

    def test_changing_it_leaves_its_first_month(self) -> None:
        begun = saving_set(MEHR, 5, nest_egg)
        changed = saving_set(MEHR, 7, None, begun.after)
        given(*household, begun).when(enable(7)).then(changed)

    def test_stopping_and_beginning_again_begins_anew(self) -> None:
        begun = saving_set(MEHR, 5)
        stopped = saving_set(None, 0, None, begun.after)
        given(*household, begun).when(DISABLE).then(stopped)
        again = saving_set(AZAR, 0, None, stopped.after)
        given(*household, begun, stopped).when(enable()).then(again)

    def test_a_disabled_one_remembers_what_it_was_told(self) -> None:
        asked = SetAutoSaving(is_enabled=False, keep_rials=5, category_id=nest_egg.category_id)
        given(*household).when(asked).then(saving_set(None, 5, nest_egg))

    @pytest.mark.parametrize(
        ("category_id", "refusal"),
        [
            (UNKNOWN, CategoryNotFound),
            (groceries.category_id, KindMismatch),
            (travel_fund.category_id, CategoryInactive),
        ],
    )
    def test_its_category_is_an_active_one_of_savings(
        self, category_id: object, refusal: type[CategoryNotFound]
    ) -> None:
        past = (*household, retired(travel_fund))
        asked = SetAutoSaving(is_enabled=True, keep_rials=0, category_id=category_id)  # type: ignore[arg-type]
        given(*past).when(asked).then_refused(refusal, "category_id")
        given(*household, removed(travel_fund)).when(enable(0, travel_fund)).then_refused(
            CategoryNotFound, "category_id"
        )

    def test_a_category_that_was_retired_since_need_not_be_changed(self) -> None:
        begun = saving_set(AZAR, 5, travel_fund)
        past = (*household, begun, retired(travel_fund))
        after = saving_set(AZAR, 6, travel_fund, begun.after)
        given(*past).when(enable(6, travel_fund)).then(after)

    @pytest.mark.parametrize("from_month", [ABAN, None])
    def test_its_category_is_in_use(self, from_month: int | None) -> None:
        remove = RemoveCategory(category_id=travel_fund.category_id)
        begun = saving_set(from_month, 5, travel_fund)
        given(*household, begun).when(remove).then_refused(CategoryInUse)
        other = saving_set(from_month, 5, nest_egg, begun.after)
        given(*household, begun, other).when(remove).then(removed(travel_fund))


class TestSavingAMonth:
    """The oldest month that has ended and is not done."""

    def test_saves_what_was_left_on_the_last_day(self) -> None:
        entries = (income(1, 100, END_OF_ABAN), expense(2, 30, END_OF_ABAN), income(3, 9, TODAY))
        given(*household, *entries, saving_set(ABAN, 20, travel_fund)).when(SaveMonth()).then(
            saved(50, END_OF_ABAN, travel_fund, kept_rials=20), done(ABAN, 50)
        )

    @pytest.mark.parametrize(
        "past",
        [
            (),
            (saving_set(None, 5, nest_egg),),
            (saving_set(AZAR),),
            (saving_set(DEY),),
            (saving_set(ABAN), month_saved(ABAN)),
            (saving_set(ABAN), month_saved(AZAR)),
        ],
        ids=["never set", "disabled", "this month", "a later one", "done", "done further"],
    )
    def test_nothing_is_due(self, past: tuple[Event, ...]) -> None:
        before = (*household, income(1, 100, END_OF_MEHR))
        given(*before, *past).when(SaveMonth()).then_nothing()

    def test_is_due_the_day_after_its_last(self) -> None:
        past = (*household, saving_set(AZAR))
        given(*past).when(SaveMonth(), today=END_OF_AZAR).then_nothing()
        given(*past).when(SaveMonth(), today=FIRST_OF_DEY).then(month_saved(AZAR))

    def test_a_month_without_a_surplus_is_done_too(self) -> None:
        past = (*household, saving_set(MEHR, 100), income(1, 100, END_OF_MEHR))
        given(*past).when(SaveMonth()).then(month_saved(MEHR))
        given(*past, expense(2, 500)).when(SaveMonth()).then(month_saved(MEHR))

    def test_the_oldest_comes_first_and_the_next_sees_what_it_saved(self) -> None:
        entries = (income(1, 100, END_OF_MEHR), income(2, 40, END_OF_ABAN))
        past = (*household, saving_set(MEHR), *entries)
        given(*past).when(SaveMonth()).then(saved(100, END_OF_MEHR), done(MEHR, 100))
        mehr = (surplus(3, 100, END_OF_MEHR), month_saved(MEHR, 100, 3))
        given(*past, *mehr).when(SaveMonth()).then(saved(40), done(ABAN, 40))

    def test_money_that_is_promised_away_later_is_not_saved(self) -> None:
        past = (*household, saving_set(ABAN), income(1, 100, END_OF_ABAN), expense(2, 70, TODAY))
        given(*past).when(SaveMonth()).then(saved(30), done(ABAN, 30))

    def test_into_the_oldest_savings_when_its_own_are_retired(self) -> None:
        past = (*household, income(1, 100, END_OF_ABAN), saving_set(ABAN, 0, travel_fund))
        given(*past, retired(travel_fund)).when(SaveMonth()).then(saved(100), done(ABAN, 100))

    def test_into_a_new_category_when_there_is_none(self) -> None:
        past = (opened, salary, income(1, 100, END_OF_ABAN), saving_set(ABAN))
        details = CategoryDetails(SAVINGS_NAME, COLORS["savings"], None, is_active=True)
        given(*past).when(SaveMonth()).then(
            CategoryAdded(new_id(1), "savings", details),
            SurplusSaved(new_id(2), new_id(1), 100, END_OF_ABAN, "", 0),
            AutoSavingDone(ABAN, 100, new_id(2)),
        )

    def test_a_month_is_not_saved_again_when_it_was_begun_again_in_it(self) -> None:
        """Even should the clock have gone back."""
        begun = saving_set(ABAN)
        stopped = saving_set(None, before=begun.after)
        again = saving_set(ABAN, before=stopped.after)
        past = (*household, begun, month_saved(ABAN), stopped, again, income(1, 9, END_OF_ABAN))
        given(*past).when(SaveMonth()).then_nothing()
        assert folded(past).saving_policy.next_month == AZAR

    def test_esfand_is_followed_by_farvardin(self) -> None:
        past = (*household, saving_set(140512), month_saved(140512))
        given(*past).when(SaveMonth(), today=dt.date(2027, 4, 21)).then(month_saved(140601))


class TestTheSurplusOnDemand:
    """`SaveSurplus` knows the policy's category."""

    def test_goes_into_the_policys_category(self) -> None:
        for month in (AZAR, None):
            past = (*household, income(1, 100), saving_set(month, 50, travel_fund))
            given(*past).when(SaveSurplus()).then(saved(100, TODAY, travel_fund))

    def test_goes_into_the_oldest_when_that_is_retired(self) -> None:
        past = (*household, income(1, 100), saving_set(AZAR, 0, travel_fund))
        renamed = changed(travel_fund, name="سفرها")
        given(*past, renamed).when(SaveSurplus()).then(saved(100, TODAY, travel_fund))
        given(*past, retired(travel_fund)).when(SaveSurplus()).then(saved(100, TODAY))


def test_what_is_known_of_it() -> None:
    assert folded(household).saving_policy == SavingPolicy()
    past = (*household, saving_set(ABAN, 5, nest_egg), withdrawal(1, 1), month_saved(ABAN, 7, 2))
    policy = folded(past).saving_policy
    assert policy.next_month == AZAR
    assert (policy.is_enabled, policy.keep_rials, policy.from_month) == (True, 5, ABAN)
    assert (policy.last_month, policy.last_amount_rials) == (ABAN, 7)
    assert policy.version == len(past)
    begun = saving_set(ABAN, 5, nest_egg).after
    stopped = folded((*past, saving_set(None, before=begun))).saving_policy
    assert (stopped.next_month, stopped.last_month) == (None, ABAN)
