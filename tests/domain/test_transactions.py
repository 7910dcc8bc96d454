"""Rules about transactions."""

import datetime as dt
from uuid import UUID

import msgspec
import pytest

from domain.base import Command, Event
from domain.categories import CategoryAdded
from domain.money import Direction
from domain.refusals import (
    AmountMissing,
    CategoryInactive,
    CategoryNotFound,
    DirectionNotAllowed,
    IdTaken,
    KindMismatch,
    TransactionIsVoided,
    TransactionNotFound,
)
from domain.transactions import (
    CorrectTransaction,
    ExpenseRecorded,
    IncomeRecorded,
    RecordTransaction,
    RestoreTransaction,
    SavingDeposited,
    SavingWithdrawn,
    TransactionRecorded,
    VoidTransaction,
)
from tests.domain.examples import (
    TOMORROW,
    UNKNOWN,
    YESTERDAY,
    budget,
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
    rent,
    restored,
    retired,
    salary,
    travel_fund,
    voided,
    withdrawal,
)
from tests.domain.given import TODAY, given, new_id

bread = expense(1, 250_000)
buy_bread = RecordTransaction(
    id=bread.transaction_id,
    category_id=bread.category_id,
    amount_rials=bread.amount_rials,
    date=bread.date,
    description=bread.description,
)


class TestRecording:
    """A new entry."""

    def test_its_kind_follows_the_category(self) -> None:
        for category_id, event in (
            (salary.category_id, IncomeRecorded),
            (groceries.category_id, ExpenseRecorded),
            (nest_egg.category_id, SavingDeposited),
        ):
            asked = RecordTransaction(
                category_id=category_id, amount_rials=5, date=YESTERDAY, description="هان"
            )
            given(*household).when(asked).then(event(new_id(1), category_id, 5, YESTERDAY, "هان"))

    def test_takes_a_chosen_id(self) -> None:
        given(*household).when(buy_bread).then(bread)

    def test_is_dated_today_and_has_no_description_unless_said(self) -> None:
        asked = RecordTransaction(category_id=groceries.category_id, amount_rials=5)
        given(*household).when(asked).then(
            ExpenseRecorded(new_id(1), groceries.category_id, 5, TODAY, "")
        )

    def test_may_be_dated_tomorrow(self) -> None:
        asked = RecordTransaction(category_id=groceries.category_id, amount_rials=5, date=TOMORROW)
        given(*household).when(asked).then(
            ExpenseRecorded(new_id(1), groceries.category_id, 5, TOMORROW, "")
        )

    def test_takes_the_default_amount_of_its_category(self) -> None:
        given(*household).when(RecordTransaction(category_id=rent.category_id)).then(
            ExpenseRecorded(new_id(1), rent.category_id, 120_000_000, TODAY, "")
        )

    def test_an_amount_goes_before_the_default(self) -> None:
        given(*household).when(
            RecordTransaction(category_id=rent.category_id, amount_rials=7)
        ).then(ExpenseRecorded(new_id(1), rent.category_id, 7, TODAY, ""))

    def test_the_default_is_the_one_that_holds_now(self) -> None:
        raised = changed(rent, default_amount_rials=130_000_000)
        given(*household, raised).when(RecordTransaction(category_id=rent.category_id)).then(
            ExpenseRecorded(new_id(1), rent.category_id, 130_000_000, TODAY, "")
        )

    def test_needs_an_amount_from_somewhere(self) -> None:
        given(*household).when(RecordTransaction(category_id=groceries.category_id)).then_refused(
            AmountMissing, field="amount"
        )

    def test_an_inactive_category_takes_no_more_expenses(self) -> None:
        given(*household, retired(groceries)).when(buy_bread).then_refused(
            CategoryInactive, field="category_id"
        )

    def test_an_activated_category_takes_them_again(self) -> None:
        gone = retired(groceries)
        back = type(gone)(gone.category_id, gone.after, gone.before)
        given(*household, gone, back).when(buy_bread).then(bread)

    @pytest.mark.parametrize(
        "category_id", [UNKNOWN, groceries.category_id], ids=["never", "removed"]
    )
    def test_needs_a_category_that_is_there(self, category_id: UUID) -> None:
        given(*household, removed(groceries)).when(
            RecordTransaction(category_id=category_id, amount_rials=5)
        ).then_refused(CategoryNotFound, field="category_id")

    @pytest.mark.parametrize("direction", ["deposit", "withdraw"])
    @pytest.mark.parametrize("heading", [salary, groceries], ids=["income", "expense"])
    def test_only_savings_have_a_direction(
        self, heading: CategoryAdded, direction: Direction
    ) -> None:
        given(*household).when(
            RecordTransaction(category_id=heading.category_id, amount_rials=5, direction=direction)
        ).then_refused(DirectionNotAllowed, field="direction")

    def test_savings_are_deposited_and_withdrawn(self) -> None:
        asked = RecordTransaction(
            category_id=nest_egg.category_id, amount_rials=5, direction="deposit"
        )
        given(*household).when(asked).then(
            SavingDeposited(new_id(1), nest_egg.category_id, 5, TODAY, "")
        )
        asked = msgspec.structs.replace(asked, direction="withdraw")
        given(*household, deposit(1, 5)).when(asked).then(
            SavingWithdrawn(new_id(1), nest_egg.category_id, 5, TODAY, "")
        )


class TestRecordingWithTheSameId:
    """A creation that is repeated word for word is known again."""

    def test_records_nothing(self) -> None:
        given(*household, bread).when(buy_bread).then_nothing()

    def test_compares_only_what_is_said(self) -> None:
        given(*household, bread).when(
            RecordTransaction(id=bread.transaction_id, category_id=bread.category_id)
        ).then_nothing()

    @pytest.mark.parametrize(
        "since",
        [
            (corrected(bread, amount_rials=1, category_id=rent.category_id),),
            (voided(bread),),
            (retired(groceries),),
            (
                corrected(bread, category_id=rent.category_id),
                removed(groceries),
            ),
        ],
        ids=["corrected", "voided", "category inactive", "category removed"],
    )
    def test_compares_with_what_was_said_first(self, since: tuple[Event, ...]) -> None:
        given(*household, bread, *since).when(buy_bread).then_nothing()

    @pytest.mark.parametrize(
        "different",
        [
            {"category_id": rent.category_id},
            {"category_id": salary.category_id},
            {"category_id": UNKNOWN},
            {"amount_rials": 1},
            {"date": TODAY},
            {"description": ""},
            {"direction": "deposit"},
        ],
        ids=str,
    )
    def test_is_refused_when_anything_said_differs(self, different: dict[str, object]) -> None:
        asked = msgspec.structs.replace(buy_bread, **different)
        given(*household, bread).when(asked).then_refused(IdTaken, field="id")

    def test_compares_the_direction_of_savings(self) -> None:
        asked = RecordTransaction(
            id=deposit(1, 5).transaction_id, category_id=nest_egg.category_id, amount_rials=5
        )
        past = given(*household, deposit(1, 5))
        past.when(asked).then_nothing()
        past.when(msgspec.structs.replace(asked, direction="deposit")).then_nothing()
        past.when(msgspec.structs.replace(asked, direction="withdraw")).then_refused(
            IdTaken, field="id"
        )

    @pytest.mark.parametrize(
        "other_id", [groceries.category_id, budget(1).budget_id], ids=["category", "budget"]
    )
    def test_is_refused_when_the_id_is_of_another_kind_of_thing(self, other_id: UUID) -> None:
        asked = msgspec.structs.replace(buy_bread, id=other_id)
        given(*household, budget(1)).when(asked).then_refused(IdTaken, field="id")


class TestCorrecting:
    """An entry set right."""

    @pytest.mark.parametrize(
        "correction",
        [
            {"amount_rials": 1},
            {"date": TOMORROW},
            {"date": dt.date(2025, 3, 21)},
            {"description": ""},
            {"category_id": rent.category_id},
            {"amount_rials": 9, "date": TODAY, "description": "شیر"},
        ],
        ids=str,
    )
    def test_changes_what_was_said(self, correction: dict[str, object]) -> None:
        given(*household, bread).when(_correct(bread, **correction)).then(
            corrected(bread, **correction)
        )

    def test_follows_the_correction_before(self) -> None:
        first = corrected(bread, amount_rials=1)
        second = type(first)(
            first.transaction_id,
            "expense",
            first.after,
            msgspec.structs.replace(first.after, date=TODAY),
        )
        given(*household, bread, first).when(_correct(bread, date=TODAY)).then(second)

    def test_to_what_it_is_records_nothing(self) -> None:
        past = given(*household, bread)
        past.when(_correct(bread)).then_nothing()
        past.when(
            _correct(
                bread,
                category_id=bread.category_id,
                amount_rials=bread.amount_rials,
                date=bread.date,
                description=bread.description,
            )
        ).then_nothing()

    def test_does_not_move_between_kinds(self) -> None:
        given(*household, bread).when(_correct(bread, category_id=salary.category_id)).then_refused(
            KindMismatch, field="category_id"
        )

    def test_does_not_move_to_an_inactive_category(self) -> None:
        given(*household, bread, retired(rent)).when(
            _correct(bread, category_id=rent.category_id)
        ).then_refused(CategoryInactive, field="category_id")

    def test_does_not_move_to_a_category_that_is_not_there(self) -> None:
        past = given(*household, bread, removed(rent))
        for category_id in (UNKNOWN, rent.category_id):
            past.when(_correct(bread, category_id=category_id)).then_refused(
                CategoryNotFound, field="category_id"
            )

    def test_an_inactive_category_keeps_its_old_entries_correctable(self) -> None:
        past = given(*household, bread, retired(groceries))
        past.when(_correct(bread, amount_rials=1, category_id=groceries.category_id)).then(
            corrected(bread, amount_rials=1)
        )
        past.when(_correct(bread, category_id=rent.category_id)).then(
            corrected(bread, category_id=rent.category_id)
        )

    def test_a_voided_entry_is_restored_before_it_is_corrected(self) -> None:
        past = given(*household, bread, voided(bread))
        past.when(_correct(bread, amount_rials=1)).then_refused(TransactionIsVoided)
        past.when(_correct(bread)).then_refused(TransactionIsVoided)

    @pytest.mark.parametrize("direction", ["deposit", "withdraw"])
    def test_only_savings_have_a_direction(self, direction: Direction) -> None:
        given(*household, bread).when(_correct(bread, direction=direction)).then_refused(
            DirectionNotAllowed, field="direction"
        )

    def test_a_deposit_becomes_a_withdrawal_and_back(self) -> None:
        given(*household, deposit(1, 5), deposit(2, 5)).when(
            _correct(deposit(1, 5), direction="withdraw")
        ).then(corrected(deposit(1, 5), direction="withdraw"))
        given(*household, deposit(1, 5), withdrawal(2, 5)).when(
            _correct(withdrawal(2, 5), direction="deposit")
        ).then(corrected(withdrawal(2, 5), direction="deposit"))

    def test_savings_move_between_savings_categories(self) -> None:
        given(*household, deposit(1, 5)).when(
            _correct(deposit(1, 5), category_id=travel_fund.category_id)
        ).then(corrected(deposit(1, 5), category_id=travel_fund.category_id))


class TestVoidingAndRestoring:
    """Out of every total, and in again."""

    @pytest.mark.parametrize(
        "entry", [income(1, 5), expense(1, 5), deposit(1, 5)], ids=["income", "expense", "saving"]
    )
    def test_an_entry_is_voided_and_restored(self, entry: TransactionRecorded) -> None:
        given(*household, entry).when(_void(entry)).then(voided(entry))
        given(*household, entry, voided(entry)).when(_restore(entry)).then(restored(entry))

    def test_voiding_twice_records_once(self) -> None:
        given(*household, bread, voided(bread)).when(_void(bread)).then_nothing()

    def test_restoring_what_is_there_records_nothing(self) -> None:
        given(*household, bread).when(_restore(bread)).then_nothing()
        given(*household, bread, voided(bread), restored(bread)).when(
            _restore(bread)
        ).then_nothing()

    def test_a_corrected_entry_is_voided_as_it_is(self) -> None:
        correction = corrected(bread, amount_rials=1)
        expected = type(voided(bread))(bread.transaction_id, "expense", correction.after)
        given(*household, bread, correction).when(_void(bread)).then(expected)

    def test_an_entry_of_an_inactive_category_is_voided_and_restored(self) -> None:
        past = (*household, bread, retired(groceries))
        given(*past).when(_void(bread)).then(voided(bread))
        given(*past, voided(bread)).when(_restore(bread)).then(restored(bread))


@pytest.mark.parametrize(
    "asked",
    [
        CorrectTransaction(transaction_id=UNKNOWN, amount_rials=1),
        VoidTransaction(transaction_id=UNKNOWN),
        RestoreTransaction(transaction_id=UNKNOWN),
        VoidTransaction(transaction_id=groceries.category_id),
    ],
    ids=["correct", "void", "restore", "void a category"],
)
def test_an_entry_that_is_not_there_is_not_found(asked: Command) -> None:
    given(opened, groceries).when(asked).then_refused(TransactionNotFound)


def _correct(entry: TransactionRecorded, **to: object) -> CorrectTransaction:
    return msgspec.convert(
        {"transaction_id": entry.transaction_id, **to}, CorrectTransaction, from_attributes=True
    )


def _void(entry: TransactionRecorded) -> VoidTransaction:
    return VoidTransaction(transaction_id=entry.transaction_id)


def _restore(entry: TransactionRecorded) -> RestoreTransaction:
    return RestoreTransaction(transaction_id=entry.transaction_id)
