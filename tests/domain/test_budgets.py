"""Rules about budgets."""

import datetime as dt
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from domain.base import Command
from domain.budgets import (
    BudgetRemoved,
    BudgetRevised,
    BudgetSet,
    BudgetTerms,
    RemoveBudget,
    ReviseBudget,
    SetBudget,
)
from domain.calendar import parse_jalali
from domain.categories import CategoryAdded
from domain.periods import Repeat
from domain.refusals import (
    BudgetAmountMissing,
    BudgetAmountsReversed,
    BudgetExists,
    BudgetNotFound,
    BudgetPeriodReversed,
    BudgetPeriodUneven,
    BudgetRepeatMissing,
    BudgetRolloverUnlimited,
    BudgetUntilTooEarly,
    CategoryNotFound,
    IdTaken,
)
from tests.domain.examples import (
    UNKNOWN,
    budget,
    budget_removed,
    expense,
    groceries,
    household,
    opened,
    removed,
    rent,
    retired,
    revised,
    salary,
)
from tests.domain.given import given, new_id

START, END = dt.date(2026, 11, 22), dt.date(2026, 12, 21)
AZAR = SetBudget(
    category_id=groceries.category_id,
    min_amount_rials=100_000,
    max_amount_rials=1_000_000,
    start=START,
    end=END,
)
azar = budget(1, 100_000, 1_000_000, START, END)


class TestSetting:
    """A new budget."""

    @pytest.mark.parametrize(
        ("least", "most"), [(100_000, 1_000_000), (None, 1), (1, None), (1, 2)]
    )
    def test_has_a_minimum_or_a_maximum_or_both(self, least: int | None, most: int | None) -> None:
        asked = msgspec.structs.replace(AZAR, min_amount_rials=least, max_amount_rials=most)
        terms = msgspec.structs.replace(azar.terms, min_amount_rials=least, max_amount_rials=most)
        given(*household).when(asked).then(BudgetSet(new_id(1), terms))

    def test_what_is_not_said_is_none(self) -> None:
        asked = SetBudget(
            category_id=groceries.category_id, max_amount_rials=5, start=START, end=END
        )
        terms = BudgetTerms(groceries.category_id, None, 5, START, END, "none", "none", None)
        given(*household).when(asked).then(BudgetSet(new_id(1), terms))

    def test_takes_a_chosen_id(self) -> None:
        given(*household).when(msgspec.structs.replace(AZAR, id=azar.budget_id)).then(azar)

    def test_needs_an_amount(self) -> None:
        past = given(*household)
        past.when(SetBudget(category_id=groceries.category_id, start=START, end=END)).then_refused(
            BudgetAmountMissing, field="max_amount"
        )
        past.when(
            msgspec.structs.replace(AZAR, min_amount_rials=None, max_amount_rials=None)
        ).then_refused(BudgetAmountMissing, field="max_amount")

    @pytest.mark.parametrize("least", [1_000_000, 1_000_001])
    def test_needs_a_minimum_below_the_maximum(self, least: int) -> None:
        given(*household).when(msgspec.structs.replace(AZAR, min_amount_rials=least)).then_refused(
            BudgetAmountsReversed, field="min_amount"
        )

    @pytest.mark.parametrize("end", [START, dt.date(2026, 11, 21), dt.date(2025, 12, 21)])
    def test_starts_before_it_ends(self, end: dt.date) -> None:
        given(*household).when(msgspec.structs.replace(AZAR, end=end)).then_refused(
            BudgetPeriodReversed, field="end"
        )

    def test_may_be_two_days_long(self) -> None:
        end = START + dt.timedelta(days=1)
        given(*household).when(msgspec.structs.replace(AZAR, end=end)).then(
            BudgetSet(new_id(1), msgspec.structs.replace(azar.terms, end=end))
        )

    @pytest.mark.parametrize("heading", [salary, groceries], ids=["income", "expense"])
    def test_is_for_any_kind_of_category(self, heading: CategoryAdded) -> None:
        category_id = heading.category_id
        given(*household).when(msgspec.structs.replace(AZAR, category_id=category_id)).then(
            BudgetSet(new_id(1), msgspec.structs.replace(azar.terms, category_id=category_id))
        )

    def test_is_for_an_inactive_category_too(self) -> None:
        given(*household, retired(groceries)).when(AZAR).then(BudgetSet(new_id(1), azar.terms))

    def test_needs_a_category_that_is_there(self) -> None:
        given(*household, removed(groceries)).when(AZAR).then_refused(
            CategoryNotFound, field="category_id"
        )
        given(opened).when(AZAR).then_refused(CategoryNotFound, field="category_id")

    def test_needs_a_period_that_the_category_has_no_budget_for(self) -> None:
        asked = msgspec.structs.replace(AZAR, max_amount_rials=5_000_000)
        given(*household, azar).when(asked).then_refused(BudgetExists)

    @pytest.mark.parametrize(
        "other",
        [
            {"category_id": rent.category_id},
            {"start": dt.date(2026, 11, 23)},
            {"end": dt.date(2026, 12, 22)},
        ],
        ids=str,
    )
    def test_another_category_or_an_overlapping_period_is_free(
        self, other: dict[str, object]
    ) -> None:
        given(*household, azar).when(msgspec.structs.replace(AZAR, **other)).then(
            BudgetSet(new_id(1), msgspec.structs.replace(azar.terms, **other))
        )

    def test_a_removed_budget_frees_its_period(self) -> None:
        given(*household, azar, budget_removed(azar)).when(AZAR).then(
            BudgetSet(new_id(1), azar.terms)
        )

    def test_a_revised_budget_frees_its_old_period(self) -> None:
        later = revised(azar, end=dt.date(2027, 1, 20))
        given(*household, azar, later).when(AZAR).then(BudgetSet(new_id(1), azar.terms))


class TestRepeating:
    """A budget whose days come again."""

    monthly = msgspec.structs.replace(AZAR, repeat="month")

    @pytest.mark.parametrize(
        "more",
        [
            {},
            {"rollover": "surplus"},
            {"rollover": "deficit", "until": START},
            {"rollover": "both", "until": dt.date(2027, 3, 20)},
            {"until": None},
        ],
        ids=str,
    )
    def test_is_said_whole(self, more: dict[str, object]) -> None:
        terms = msgspec.structs.replace(azar.terms, **{"repeat": "month", **more})
        given(*household).when(msgspec.structs.replace(self.monthly, **more)).then(
            BudgetSet(new_id(1), terms)
        )

    @pytest.mark.parametrize(
        ("start", "end", "repeat"),
        [
            ("1405-09-01", "1405-09-30", "month"),
            ("1405-09-15", "1405-10-14", "month"),
            ("1405-06-31", "1405-07-29", "month"),
            ("1405-11-30", "1405-12-28", "month"),
            ("1405-12-29", "1406-01-28", "month"),
            ("1405-01-01", "1405-12-29", "year"),
            ("1403-12-30", "1404-12-28", "year"),
            ("1403-01-01", "1403-12-30", "year"),
        ],
    )
    def test_is_for_exactly_one_month_or_year(self, start: str, end: str, repeat: Repeat) -> None:
        first, last = parse_jalali(start), parse_jalali(end)
        asked = msgspec.structs.replace(AZAR, start=first, end=last, repeat=repeat)
        terms = msgspec.structs.replace(azar.terms, start=first, end=last, repeat=repeat)
        past = given(*household)
        past.when(asked).then(BudgetSet(new_id(1), terms))
        for days in (-1, 1):
            uneven = msgspec.structs.replace(asked, end=last + dt.timedelta(days))
            past.when(uneven).then_refused(BudgetPeriodUneven, field="end")

    def test_a_year_is_no_month(self) -> None:
        asked = msgspec.structs.replace(self.monthly, repeat="year")
        given(*household).when(asked).then_refused(BudgetPeriodUneven, field="end")

    @pytest.mark.parametrize(
        ("more", "field"), [({"rollover": "surplus"}, "rollover"), ({"until": END}, "until")]
    )
    def test_is_needed_to_roll_over_or_to_stop(self, more: dict[str, object], field: str) -> None:
        for repeat in ("none", UNSET):
            asked = msgspec.structs.replace(AZAR, repeat=repeat, **more)
            given(*household).when(asked).then_refused(BudgetRepeatMissing, field=field)

    def test_needs_a_maximum_to_roll_over(self) -> None:
        asked = msgspec.structs.replace(self.monthly, rollover="both", max_amount_rials=None)
        given(*household).when(asked).then_refused(BudgetRolloverUnlimited, field="rollover")

    def test_does_not_stop_before_it_begins(self) -> None:
        asked = msgspec.structs.replace(self.monthly, until=START - dt.timedelta(days=1))
        given(*household).when(asked).then_refused(BudgetUntilTooEarly, field="until")

    def test_takes_its_first_period_only(self) -> None:
        past = given(*household, azar)
        past.when(self.monthly).then_refused(BudgetExists)
        dey = dt.date(2026, 12, 22), dt.date(2027, 1, 20)
        later = msgspec.structs.replace(azar.terms, repeat="month", start=dey[0], end=dey[1])
        past.when(msgspec.structs.replace(self.monthly, start=dey[0], end=dey[1])).then(
            BudgetSet(new_id(1), later)
        )

    def test_is_revised_like_every_term(self) -> None:
        past = given(*household, azar, revised(azar, repeat="month", rollover="both"))
        monthly = revised(azar, repeat="month", rollover="both").after
        for revision in (
            {"until": END},
            {"rollover": "none"},
            {"repeat": "none", "rollover": "none"},
        ):
            after = msgspec.structs.replace(monthly, **revision)
            past.when(_revise(**revision)).then(BudgetRevised(azar.budget_id, monthly, after))
        past.when(_revise(repeat="none")).then_refused(BudgetRepeatMissing, field="rollover")
        past.when(_revise(max_amount_rials=None)).then_refused(
            BudgetRolloverUnlimited, field="rollover"
        )
        past.when(_revise(end=START + dt.timedelta(days=9))).then_refused(
            BudgetPeriodUneven, field="end"
        )

    def test_with_the_same_id_is_known_again(self) -> None:
        asked = msgspec.structs.replace(self.monthly, id=azar.budget_id, until=END)
        past = given(*household, azar)
        past.when(asked).then_refused(IdTaken, field="id")
        recorded = BudgetSet(
            azar.budget_id, msgspec.structs.replace(azar.terms, repeat="month", until=END)
        )
        past = given(*household, recorded)
        past.when(asked).then_nothing()
        past.when(msgspec.structs.replace(asked, until=UNSET, repeat=UNSET)).then_nothing()
        past.when(msgspec.structs.replace(asked, until=None)).then_refused(IdTaken, field="id")


class TestSettingWithTheSameId:
    """A creation that is repeated word for word is known again."""

    asked = msgspec.structs.replace(AZAR, id=azar.budget_id)

    def test_records_nothing(self) -> None:
        given(*household, azar).when(self.asked).then_nothing()

    def test_compares_only_what_is_said(self) -> None:
        asked = SetBudget(
            id=azar.budget_id, category_id=groceries.category_id, start=START, end=END
        )
        given(*household, azar).when(asked).then_nothing()

    def test_compares_with_what_was_said_first(self) -> None:
        later = revised(azar, end=dt.date(2027, 1, 20), min_amount_rials=None)
        given(*household, azar, later).when(self.asked).then_nothing()

    @pytest.mark.parametrize(
        "different",
        [
            {"category_id": rent.category_id},
            {"min_amount_rials": 1},
            {"min_amount_rials": None},
            {"max_amount_rials": 1_000_001},
            {"max_amount_rials": None},
            {"start": dt.date(2026, 11, 21)},
            {"end": dt.date(2026, 12, 22)},
        ],
        ids=str,
    )
    def test_is_refused_when_anything_said_differs(self, different: dict[str, object]) -> None:
        given(*household, azar).when(msgspec.structs.replace(self.asked, **different)).then_refused(
            IdTaken, field="id"
        )

    def test_is_refused_after_the_budget_was_removed(self) -> None:
        given(*household, azar, budget_removed(azar)).when(self.asked).then_refused(
            IdTaken, field="id"
        )

    @pytest.mark.parametrize(
        "other_id",
        [groceries.category_id, expense(1, 5).transaction_id],
        ids=["category", "transaction"],
    )
    def test_is_refused_when_the_id_is_of_another_kind_of_thing(self, other_id: UUID) -> None:
        given(*household, expense(1, 5)).when(
            msgspec.structs.replace(self.asked, id=other_id)
        ).then_refused(IdTaken, field="id")


class TestRevising:
    """A budget set right."""

    @pytest.mark.parametrize(
        "revision",
        [
            {"category_id": rent.category_id},
            {"min_amount_rials": None},
            {"min_amount_rials": 1},
            {"max_amount_rials": None},
            {"max_amount_rials": 100_001},
            {"start": dt.date(2026, 10, 23)},
            {"end": dt.date(2027, 1, 20)},
            {"min_amount_rials": 2_000_000, "max_amount_rials": 3_000_000},
        ],
        ids=str,
    )
    def test_changes_what_was_said(self, revision: dict[str, object]) -> None:
        given(*household, azar).when(_revise(**revision)).then(revised(azar, **revision))

    def test_to_what_it_is_records_nothing(self) -> None:
        past = given(*household, azar)
        past.when(_revise()).then_nothing()
        past.when(_revise(**msgspec.structs.asdict(azar.terms))).then_nothing()

    @pytest.mark.parametrize("revision", [{"min_amount_rials": None, "max_amount_rials": None}])
    def test_leaves_an_amount(self, revision: dict[str, object]) -> None:
        given(*household, azar).when(_revise(**revision)).then_refused(
            BudgetAmountMissing, field="max_amount"
        )

    def test_does_not_take_the_only_amount(self) -> None:
        only = budget(1, None, 1_000_000, START, END)
        given(*household, only).when(_revise(max_amount_rials=None)).then_refused(
            BudgetAmountMissing, field="max_amount"
        )

    @pytest.mark.parametrize(
        "revision", [{"min_amount_rials": 1_000_000}, {"max_amount_rials": 100_000}], ids=str
    )
    def test_keeps_the_minimum_below_the_maximum(self, revision: dict[str, object]) -> None:
        given(*household, azar).when(_revise(**revision)).then_refused(
            BudgetAmountsReversed, field="min_amount"
        )

    @pytest.mark.parametrize("revision", [{"start": END}, {"end": START}], ids=str)
    def test_keeps_the_start_before_the_end(self, revision: dict[str, object]) -> None:
        given(*household, azar).when(_revise(**revision)).then_refused(
            BudgetPeriodReversed, field="end"
        )

    def test_does_not_move_onto_another_budget(self) -> None:
        dey = budget(2, None, 5, dt.date(2026, 12, 22), dt.date(2027, 1, 20))
        given(*household, azar, dey).when(
            _revise(start=dey.terms.start, end=dey.terms.end)
        ).then_refused(BudgetExists)

    def test_moves_to_where_a_removed_budget_was(self) -> None:
        dey = budget(2, None, 5, dt.date(2026, 12, 22), dt.date(2027, 1, 20))
        given(*household, azar, dey, budget_removed(dey)).when(
            _revise(start=dey.terms.start, end=dey.terms.end)
        ).then(revised(azar, start=dey.terms.start, end=dey.terms.end))

    def test_needs_a_category_that_is_there(self) -> None:
        past = given(*household, azar, removed(rent))
        for category_id in (UNKNOWN, rent.category_id):
            past.when(_revise(category_id=category_id)).then_refused(
                CategoryNotFound, field="category_id"
            )


def test_a_budget_is_removed_as_it_is() -> None:
    given(*household, azar).when(RemoveBudget(budget_id=azar.budget_id)).then(budget_removed(azar))
    smaller = revised(azar, max_amount_rials=200_000)
    given(*household, azar, smaller).when(RemoveBudget(budget_id=azar.budget_id)).then(
        BudgetRemoved(azar.budget_id, smaller.after)
    )


@pytest.mark.parametrize(
    "asked",
    [
        ReviseBudget(budget_id=azar.budget_id, max_amount_rials=5),
        RemoveBudget(budget_id=azar.budget_id),
        ReviseBudget(budget_id=UNKNOWN, max_amount_rials=5),
        RemoveBudget(budget_id=UNKNOWN),
        RemoveBudget(budget_id=groceries.category_id),
    ],
    ids=["revise removed", "remove removed", "revise unknown", "remove unknown", "a category"],
)
def test_a_budget_that_is_not_there_is_not_found(asked: Command) -> None:
    given(*household, azar, budget_removed(azar)).when(asked).then_refused(BudgetNotFound)


def test_revising_keeps_both_sides_whole() -> None:
    first = revised(azar, min_amount_rials=None)
    second = BudgetRevised(
        azar.budget_id, first.after, msgspec.structs.replace(first.after, max_amount_rials=7)
    )
    given(*household, azar, first).when(_revise(max_amount_rials=7)).then(second)


def _revise(**to: object) -> ReviseBudget:
    return msgspec.convert({"budget_id": azar.budget_id, **to}, ReviseBudget)
