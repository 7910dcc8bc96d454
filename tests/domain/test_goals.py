"""Rules about goals."""

import datetime as dt

import msgspec
import pytest
from msgspec import UNSET

from domain.base import Command
from domain.categories import CategoryAdded, RemoveCategory
from domain.goals import (
    GoalRemoved,
    GoalRevised,
    GoalSet,
    GoalTerms,
    RemoveGoal,
    ReviseGoal,
    SetGoal,
)
from domain.refusals import (
    CategoryInUse,
    CategoryNotFound,
    GoalExists,
    GoalNotFound,
    IdTaken,
    KindMismatch,
)
from tests.domain.examples import (
    UNKNOWN,
    goal,
    goal_removed,
    goal_revised,
    groceries,
    household,
    nest_egg,
    removed,
    retired,
    salary,
    travel_fund,
)
from tests.domain.given import given, new_id

NOROOZ = dt.date(2027, 3, 20)
trip = goal(1)
TRIP = SetGoal(
    category_id=travel_fund.category_id,
    name=trip.terms.name,
    target_amount_rials=900_000_000,
    target_date=NOROOZ,
)


class TestSetting:
    """A new goal."""

    def test_is_said_whole(self) -> None:
        given(*household).when(TRIP).then(GoalSet(new_id(1), trip.terms))
        given(*household).when(msgspec.structs.replace(TRIP, id=trip.goal_id)).then(trip)

    def test_needs_neither_a_name_nor_a_date(self) -> None:
        asked = SetGoal(category_id=travel_fund.category_id, target_amount_rials=5)
        terms = GoalTerms(travel_fund.category_id, None, 5, None)
        given(*household).when(asked).then(GoalSet(new_id(1), terms))

    @pytest.mark.parametrize("heading", [salary, groceries], ids=["income", "expense"])
    def test_is_for_savings(self, heading: CategoryAdded) -> None:
        asked = msgspec.structs.replace(TRIP, category_id=heading.category_id)
        given(*household).when(asked).then_refused(KindMismatch, field="category_id")

    def test_needs_a_category_that_is_there(self) -> None:
        given(*household, removed(travel_fund)).when(TRIP).then_refused(
            CategoryNotFound, field="category_id"
        )

    def test_may_be_for_an_inactive_category(self) -> None:
        given(*household, retired(travel_fund)).when(TRIP).then(GoalSet(new_id(1), trip.terms))

    def test_is_the_only_one_of_its_category(self) -> None:
        given(*household, trip).when(TRIP).then_refused(GoalExists)
        given(*household, trip, goal_removed(trip)).when(TRIP).then(GoalSet(new_id(1), trip.terms))
        elsewhere = goal_revised(trip, category_id=nest_egg.category_id)
        given(*household, trip, elsewhere).when(TRIP).then(GoalSet(new_id(1), trip.terms))

    def test_keeps_its_category_in_use(self) -> None:
        asked = RemoveCategory(category_id=travel_fund.category_id)
        given(*household, trip).when(asked).then_refused(CategoryInUse)

    @pytest.mark.parametrize(
        ("change", "is_as_said"),
        [
            ({}, True),
            ({"name": UNSET, "target_date": UNSET}, True),
            ({"name": None}, False),
            ({"target_date": None}, False),
            ({"target_amount_rials": 1}, False),
            ({"category_id": nest_egg.category_id}, False),
        ],
        ids=str,
    )
    def test_with_the_same_id_is_known_again(
        self, change: dict[str, object], is_as_said: bool
    ) -> None:
        asked = msgspec.structs.replace(TRIP, id=trip.goal_id, **change)
        outcome = given(*household, trip).when(asked)
        if is_as_said:
            outcome.then_nothing()
        else:
            outcome.then_refused(IdTaken, field="id")


class TestRevising:
    """A goal set right."""

    @pytest.mark.parametrize(
        "revision",
        [
            {"name": None},
            {"name": "خانه"},
            {"target_amount_rials": 1},
            {"target_date": None},
            {"category_id": nest_egg.category_id},
        ],
        ids=str,
    )
    def test_changes_what_was_said(self, revision: dict[str, object]) -> None:
        given(*household, trip).when(_revise(**revision)).then(goal_revised(trip, **revision))

    def test_to_what_it_is_records_nothing(self) -> None:
        past = given(*household, trip)
        past.when(_revise()).then_nothing()
        past.when(_revise(**msgspec.structs.asdict(trip.terms))).then_nothing()

    def test_does_not_move_where_another_is(self) -> None:
        past = given(*household, trip, goal(2, category=nest_egg))
        past.when(_revise(category_id=nest_egg.category_id)).then_refused(GoalExists)
        past.when(_revise(category_id=groceries.category_id)).then_refused(
            KindMismatch, field="category_id"
        )
        past.when(_revise(category_id=UNKNOWN)).then_refused(CategoryNotFound, field="category_id")

    def test_keeps_both_sides_whole(self) -> None:
        first = goal_revised(trip, target_date=None)
        after = msgspec.structs.replace(first.after, target_amount_rials=7)
        given(*household, trip, first).when(_revise(target_amount_rials=7)).then(
            GoalRevised(trip.goal_id, first.after, after)
        )


def test_a_goal_is_removed_as_it_is() -> None:
    smaller = goal_revised(trip, target_amount_rials=1)
    given(*household, trip, smaller).when(RemoveGoal(goal_id=trip.goal_id)).then(
        GoalRemoved(trip.goal_id, smaller.after)
    )


@pytest.mark.parametrize(
    "asked",
    [
        ReviseGoal(goal_id=trip.goal_id, name="خانه"),
        RemoveGoal(goal_id=trip.goal_id),
        RemoveGoal(goal_id=UNKNOWN),
        RemoveGoal(goal_id=groceries.category_id),
    ],
    ids=["revise removed", "remove removed", "remove unknown", "a category"],
)
def test_a_goal_that_is_not_there_is_not_found(asked: Command) -> None:
    given(*household, trip, goal_removed(trip)).when(asked).then_refused(GoalNotFound)


def _revise(**to: object) -> ReviseGoal:
    return msgspec.convert({"goal_id": trip.goal_id, **to}, ReviseGoal)
