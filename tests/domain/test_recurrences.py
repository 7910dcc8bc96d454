"""Rules about what recurs: its terms, its days, and what becomes of each."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID, uuid5

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.base import Event, Refusal
from domain.calendar import LAST_DAY, format_jalali, parse_jalali
from domain.creation import Circumstances
from domain.decider import decide, evolve
from domain.drafts import ConfirmDraft, DismissDraft
from domain.ledger import LedgerState, Recurrence
from domain.money import MAX_TOTAL_RIALS
from domain.occurrences import MOST_AT_ONCE, RecordDue, RecurrenceHappened
from domain.recurrences import (
    MOST_PAST,
    RecurrenceRevised,
    RecurrenceSet,
    RemoveRecurrence,
    ReviseRecurrence,
    SetRecurrence,
)
from domain.recurring_days import Period, Schedule, weekdays_mask
from domain.recurring_plans import Remaining, amount_of, remaining, terms_of, upcoming
from domain.refusals import (
    AmountMissing,
    AmountSaidTwice,
    CategoryInactive,
    CategoryNotFound,
    CountMissing,
    DirectionNotAllowed,
    DraftIsConfirmed,
    DraftNotFound,
    EndSaidTwice,
    IdTaken,
    KindMismatch,
    NeverHappens,
    RecurrenceNotFound,
    SplitTooSmall,
    TooManyPast,
    WeekdaysNotAllowed,
)
from domain.transactions import ExpenseRecorded, SavingWithdrawn
from tests.domain.examples import (
    TOMORROW,
    UNKNOWN,
    YESTERDAY,
    category,
    confirmed,
    deposit,
    expense,
    groceries,
    happened,
    household,
    income,
    let_go,
    nest_egg,
    recurred,
    recurrence,
    recurrence_removed,
    rent,
    rerevised,
    retired,
    salary,
)
from tests.domain.given import TODAY, Given, folded, given, new_id, recorded

MONTHLY = SetRecurrence(category_id=rent.category_id, amount_rials=100, period="month")
IN_A_MONTH = parse_jalali("1405-10-02")
ONE_DAY = dt.timedelta(days=1)


def _set(**to: Any) -> SetRecurrence:
    said = {"category_id": rent.category_id, "amount_rials": 100, "period": "month", **to}
    said = {name: value for name, value in said.items() if value is not msgspec.UNSET}
    return msgspec.convert(said, SetRecurrence)


def _was_set(command: SetRecurrence, *more: Event) -> RecurrenceSet:
    [event] = given(*household, *more).when(command).came  # type: ignore[misc]
    assert isinstance(event, RecurrenceSet)
    return event


def _revise(event: RecurrenceSet, **to: Any) -> ReviseRecurrence:
    return msgspec.convert({"recurrence_id": event.recurrence_id, **to}, ReviseRecurrence)


def _revision(past: Given, command: ReviseRecurrence) -> RecurrenceRevised:
    [event] = past.when(command).came  # type: ignore[misc]
    assert isinstance(event, RecurrenceRevised)
    return event


class TestSetting:
    """A new recurrence."""

    def test_what_is_not_said_is_today_for_ever_and_recorded(self) -> None:
        expected = recurrence(1, TODAY, description="")
        given(*household).when(MONTHLY).then(
            msgspec.structs.replace(expected, recurrence_id=new_id(1))
        )

    def test_takes_the_category_s_amount_when_none_is_said(self) -> None:
        event = _was_set(SetRecurrence(category_id=rent.category_id, period="day"))
        assert event.terms.amount_rials == rent.details.default_amount_rials
        given(*household).when(
            SetRecurrence(category_id=groceries.category_id, period="day")
        ).then_refused(AmountMissing, field="amount")

    def test_a_total_is_split_exactly_and_the_last_takes_the_remainder(self) -> None:
        event = _was_set(
            SetRecurrence(
                category_id=rent.category_id, total_amount_rials=1000, count=3, period="month"
            )
        )
        terms = event.terms
        assert [amount_of(terms, number) for number in (1, 2, 3)] == [333, 333, 334]
        even = _was_set(
            SetRecurrence(
                category_id=rent.category_id, total_amount_rials=999, count=3, period="month"
            )
        )
        assert even.terms.last_amount_rials is None

    def test_says_each_thing_once_and_has_a_day_to_come(self) -> None:
        past = given(*household)
        past.when(_set(total_amount_rials=5)).then_refused(AmountSaidTwice, field="total_amount")
        past.when(_set(until=TOMORROW, count=2)).then_refused(EndSaidTwice, field="until")
        past.when(_set(weekdays=["friday"])).then_refused(WeekdaysNotAllowed, field="weekdays")
        past.when(_set(until=YESTERDAY)).then_refused(NeverHappens, field="until")
        skipped = _set(start=YESTERDAY, count=1, skip_past=True)
        past.when(skipped).then_refused(NeverHappens, field="count")
        past.when(_set(direction="deposit")).then_refused(DirectionNotAllowed, field="direction")
        past.when(_set(category_id=UNKNOWN)).then_refused(CategoryNotFound, field="category_id")

    def test_a_total_needs_a_count_and_a_rial_for_each(self) -> None:
        asked = SetRecurrence(category_id=rent.category_id, total_amount_rials=5, period="day")
        past = given(*household)
        past.when(asked).then_refused(CountMissing, field="count")
        past.when(msgspec.structs.replace(asked, count=6)).then_refused(
            SplitTooSmall, field="total_amount"
        )

    def test_needs_an_active_category(self) -> None:
        given(*household, retired(rent)).when(MONTHLY).then_refused(
            CategoryInactive, field="category_id"
        )

    def test_savings_are_deposited_unless_said(self) -> None:
        event = _was_set(_set(category_id=nest_egg.category_id))
        assert event.terms.direction == "deposit"
        event = _was_set(_set(category_id=nest_egg.category_id, direction="withdraw"))
        assert event.terms.direction == "withdraw"

    def test_weeks_keep_to_the_day_they_start_on_unless_said(self) -> None:
        assert _was_set(_set(period="week")).terms.weekdays == ("monday",)
        weekdays = ["friday", "saturday", "friday"]
        event = _was_set(_set(period="week", weekdays=weekdays))
        assert event.terms.weekdays == ("saturday", "friday")
        assert format_jalali(event.next_date) == "1405-09-06"

    def test_what_lies_in_the_past_can_be_skipped_and_is_counted(self) -> None:
        start = parse_jalali("1405-06-31")
        event = _was_set(_set(start=start, count=12, skip_past=True))
        assert (event.next_number, format_jalali(event.next_date)) == (4, "1405-09-30")
        assert event.done_until == YESTERDAY
        event = _was_set(_set(start=start, count=12))
        assert (event.next_number, event.next_date, event.done_until) == (1, start, None)

    def test_a_start_too_long_ago_looks_like_a_mistake(self) -> None:
        first = TODAY - dt.timedelta(days=MOST_PAST - 1)
        assert _was_set(_set(period="day", start=first)).next_date == first
        before = first - dt.timedelta(days=1)
        refused = given(*household).when(_set(period="day", start=before))
        refused.then_refused(TooManyPast, field="start")
        assert _was_set(_set(period="day", start=before, skip_past=True)).next_date == TODAY
        assert _was_set(_set(period="day", start=before, count=MOST_PAST)).next_number == 1


class TestSettingWithTheSameId:
    """A creation that is repeated word for word is known again."""

    asked = _set(
        id=UUID(int=0xE09),
        total_amount_rials=1000,
        amount_rials=msgspec.UNSET,
        count=3,
        period="week",
        weekdays=["saturday", "friday"],
        description="قسط",
        start=YESTERDAY,
        mode="draft",
    )

    def test_records_nothing(self) -> None:
        event = _was_set(self.asked)
        given(*household, event).when(self.asked).then_nothing()
        reordered = msgspec.structs.replace(self.asked, weekdays=("friday", "saturday"))
        given(*household, event).when(reordered).then_nothing()

    @pytest.mark.parametrize(
        "different",
        [
            {"category_id": groceries.category_id},
            {"total_amount_rials": 1001},
            {"total_amount_rials": msgspec.UNSET, "amount_rials": 333},
            {"description": ""},
            {"period": "month", "weekdays": msgspec.UNSET},
            {"interval": 2},
            {"weekdays": ("saturday",)},
            {"start": TODAY},
            {"count": 4},
            {"mode": "record"},
            {"skip_past": True},
        ],
        ids=str,
    )
    def test_is_refused_when_anything_said_differs(self, different: dict[str, Any]) -> None:
        event = _was_set(self.asked)
        given(*household, event).when(
            msgspec.structs.replace(self.asked, **different)
        ).then_refused(IdTaken, field="id")


class TestRevising:
    """A recurrence set right goes on from where it is."""

    loan = recurrence(1, parse_jalali("1405-07-30"), count=10, amount_rials=50)
    first = happened(loan, 1, loan.next_date, parse_jalali("1405-08-30"))
    second = happened(loan, 2, parse_jalali("1405-08-30"), parse_jalali("1405-09-30"))
    past = given(*household, loan, recurred(first), first, recurred(second), second)

    def _revised(self, **to: Any) -> RecurrenceRevised:
        return _revision(self.past, _revise(self.loan, **to))

    def test_another_day_is_the_first_after_the_last_that_happened(self) -> None:
        event = self._revised(start=parse_jalali("1405-07-15"))
        assert event.next_date == parse_jalali("1405-09-15")
        event = self._revised(period="day", interval=10, start=parse_jalali("1405-01-01"))
        assert event.next_date == parse_jalali("1405-09-05")

    def test_what_is_left_is_split_over_the_times_that_are_left(self) -> None:
        after = self._revised(remaining_amount_rials=1001, count=5).after
        assert [amount_of(after, number) for number in (3, 4, 5)] == [333, 333, 335]

    def test_an_amount_is_each_one_s_from_here_on(self) -> None:
        split = rerevised(self.loan, amount_rials=1, last_amount_rials=9)
        event = _revision(given(*household, self.loan, split), _revise(self.loan, amount_rials=7))
        assert (event.after.amount_rials, event.after.last_amount_rials) == (7, None)

    def test_one_end_takes_the_place_of_the_other(self) -> None:
        after = self._revised(until=IN_A_MONTH).after
        assert (after.until, after.count) == (IN_A_MONTH, None)
        assert self._revised(count=None).after.count is None
        bounded = rerevised(self.loan, count=None, until=IN_A_MONTH)
        event = _revision(given(*household, self.loan, bounded), _revise(self.loan, count=4))
        assert (event.after.until, event.after.count) == (None, 4)

    def test_it_may_end_at_once_and_go_on_again(self) -> None:
        ended = self._revised(count=2)
        assert ended.next_date is None
        past = given(*household, self.loan, self.first, self.second, ended)
        event = _revision(past, _revise(self.loan, count=3))
        assert event.next_date == parse_jalali("1405-09-30")

    def test_another_period_has_weekdays_of_its_own(self) -> None:
        assert self._revised(period="week").after.weekdays == ("thursday",)
        weekly = rerevised(self.loan, period="week", weekdays=("friday",))
        event = _revision(given(*household, self.loan, weekly), _revise(self.loan, period="month"))
        assert event.after.weekdays == ()

    @pytest.mark.parametrize(
        ("said", "refusal", "field"),
        [
            ({"amount_rials": 5, "remaining_amount_rials": 5}, AmountSaidTwice, "remaining_amount"),
            ({"remaining_amount_rials": 5, "count": None}, CountMissing, "count"),
            ({"remaining_amount_rials": 5, "count": 2}, CountMissing, "count"),
            ({"remaining_amount_rials": 7}, SplitTooSmall, "remaining_amount"),
            ({"until": TODAY, "count": 3}, EndSaidTwice, "until"),
            ({"weekdays": ["friday"]}, WeekdaysNotAllowed, "weekdays"),
            ({"direction": "deposit"}, DirectionNotAllowed, "direction"),
            ({"category_id": salary.category_id}, KindMismatch, "category_id"),
            ({"category_id": UNKNOWN}, CategoryNotFound, "category_id"),
        ],
        ids=str,
    )
    def test_is_refused(self, said: dict[str, Any], refusal: type[Refusal], field: str) -> None:
        self.past.when(_revise(self.loan, **said)).then_refused(refusal, field=field)

    def test_is_not_found_where_there_is_none(self) -> None:
        gone = given(*household, self.loan, recurrence_removed(self.loan))
        for command in (_revise(self.loan, count=4), RemoveRecurrence(recurrence_id=UNKNOWN)):
            gone.when(command).then_refused(RecurrenceNotFound)

    def test_nothing_of_before_today_comes_to_happen(self) -> None:
        """Payday was the 30th, and is the 1st from now on: the 1st of this month is over."""
        assert self._revised(start=parse_jalali("1405-07-01")).next_date == IN_A_MONTH - ONE_DAY
        assert self._revised(start=parse_jalali("1405-07-02")).next_date == TODAY

    def test_what_is_next_stays_where_its_days_do(self) -> None:
        """However late the daily tick is."""
        today = parse_jalali("1405-12-01")
        for to in ({"amount_rials": 1}, {"count": 9}, {"until": TODAY + 30 * ONE_DAY}):
            [event] = self.past.when(_revise(self.loan, **to), today=today).came  # type: ignore[misc]
            assert isinstance(event, RecurrenceRevised)
            assert event.next_date == parse_jalali("1405-09-30")
        [event] = self.past.when(_revise(self.loan, until=TODAY), today=today).came  # type: ignore[misc]
        assert isinstance(event, RecurrenceRevised)
        assert event.next_date is None


class TestRecordingWhatIsDue:
    """Each day comes once, oldest first; what cannot be recorded is held."""

    def test_all_that_is_due_is_recorded_oldest_first(self) -> None:
        daily = recurrence(1, YESTERDAY, period="day")
        other = recurrence(2, YESTERDAY, groceries, period="week", weekdays=("sunday",))
        a = happened(daily, 1, YESTERDAY, TODAY)
        b = happened(other, 1, YESTERDAY, YESTERDAY + dt.timedelta(days=7))
        c = happened(daily, 2, TODAY, TOMORROW)
        given(*household, daily, other).when(RecordDue()).then(
            recurred(a), a, recurred(b), b, recurred(c), c
        )
        given(*household, daily, other).when(RecordDue(recurrence_id=other.recurrence_id)).then(
            recurred(b), b
        )

    def test_nothing_is_due_before_its_day(self) -> None:
        tomorrow = recurrence(1, TOMORROW)
        given(*household, tomorrow).when(RecordDue()).then_nothing()
        for one in (tomorrow.recurrence_id, UNKNOWN):
            given(*household, tomorrow).when(RecordDue(recurrence_id=one)).then_nothing()

    def test_the_last_of_a_count_is_the_last(self) -> None:
        loan = recurrence(1, YESTERDAY, period="day", count=2, last_amount_rials=9)
        a, b = happened(loan, 1, YESTERDAY, TODAY), happened(loan, 2, TODAY, None)
        assert b.entry.amount_rials == 9
        given(*household, loan).when(RecordDue(), today=dt.date(2027, 1, 1)).then(
            recurred(a), a, recurred(b), b
        )

    def test_drafts_wait_whatever_becomes_of_their_category(self) -> None:
        daily = recurrence(1, TODAY, mode="draft")
        held = happened(daily, 1, TODAY, IN_A_MONTH, is_draft=True)
        given(*household, daily).when(RecordDue()).then(held)
        given(*household, daily, retired(rent)).when(RecordDue()).then(held)

    def test_what_an_inactive_category_refuses_is_held(self) -> None:
        monthly = recurrence(1, TODAY)
        held = happened(monthly, 1, TODAY, IN_A_MONTH, "category_inactive")
        given(*household, monthly, retired(rent)).when(RecordDue()).then(held)

    def test_what_savings_do_not_hold_is_held(self) -> None:
        daily = recurrence(1, YESTERDAY, nest_egg, period="day", direction="withdraw", count=3)
        a = happened(daily, 1, YESTERDAY, TODAY)
        b = happened(daily, 2, TODAY, TOMORROW, "savings_too_low")
        entry = a.entry
        taken = SavingWithdrawn(
            a.transaction_id, nest_egg.category_id, 100, entry.date, entry.description
        )
        given(*household, deposit(1, 150), daily).when(RecordDue()).then(taken, a, b)

    def test_what_the_totals_do_not_hold_is_held(self) -> None:
        daily = recurrence(1, YESTERDAY, period="day", count=2)
        a = happened(daily, 1, YESTERDAY, TODAY)
        b = happened(daily, 2, TODAY, None, "total_too_large")
        full = expense(1, MAX_TOTAL_RIALS - 150)
        given(*household, full, daily).when(RecordDue()).then(recurred(a), a, b)

    def test_an_id_that_somebody_took_is_passed_over(self) -> None:
        monthly = recurrence(1, TODAY)
        taken = uuid5(monthly.recurrence_id, "1")
        squatter = msgspec.structs.replace(income(1, 5), transaction_id=taken)
        came = given(*household, monthly, squatter).when(RecordDue()).came
        assert isinstance(came, list)
        assert isinstance(came[0], ExpenseRecorded)
        assert came[0].transaction_id == uuid5(monthly.recurrence_id, "1+")

    def test_one_goes_on_where_another_stopped(self) -> None:
        daily = recurrence(1, TODAY - dt.timedelta(days=MOST_AT_ONCE + 4), period="day")
        state = folded([*household, daily])
        assert [len(_happened(state)), len(_happened(state)), len(_happened(state))] == [
            *(MOST_AT_ONCE, 5, 0),
        ]
        assert len(state.transactions) == MOST_AT_ONCE + 5


def _happened(state: LedgerState, today: dt.date = TODAY) -> list[RecurrenceHappened]:
    """Have what is due recorded in a state, and give its marks."""
    events = decide(RecordDue(), state, Circumstances(today, lambda: UUID(int=0)))
    for number, place in enumerate(recorded(events), state.version + 1):
        evolve(state, msgspec.structs.replace(place, version=number))
    return [event for event in events if isinstance(event, RecurrenceHappened)]


class TestDrafts:
    """What is held becomes a transaction, or goes."""

    monthly = recurrence(1, TODAY, mode="draft")
    held = happened(monthly, 1, TODAY, IN_A_MONTH, is_draft=True)
    past = given(*household, monthly, held)

    def test_is_confirmed_with_what_is_said_otherwise(self) -> None:
        asked = ConfirmDraft(
            draft_id=self.held.transaction_id, amount_rials=7, date=TOMORROW, description="x"
        )
        self.past.when(asked).then(
            ExpenseRecorded(self.held.transaction_id, rent.category_id, 7, TOMORROW, "x"),
            confirmed(self.held),
        )

    def test_is_confirmed_once(self) -> None:
        again = given(
            *(*household, self.monthly, self.held, recurred(self.held), confirmed(self.held))
        )
        asked = ConfirmDraft(draft_id=self.held.transaction_id)
        again.when(asked).then_nothing()
        again.when(msgspec.structs.replace(asked, amount_rials=100)).then_nothing()
        again.when(msgspec.structs.replace(asked, amount_rials=7)).then_refused(DraftIsConfirmed)
        again.when(DismissDraft(draft_id=self.held.transaction_id)).then_refused(DraftIsConfirmed)

    def test_goes_once(self) -> None:
        asked = DismissDraft(draft_id=self.held.transaction_id)
        self.past.when(asked).then(let_go(self.held))
        gone = given(*household, self.monthly, self.held, let_go(self.held))
        gone.when(asked).then_refused(DraftNotFound)
        gone.when(ConfirmDraft(draft_id=self.held.transaction_id)).then_refused(DraftNotFound)

    def test_goes_with_its_recurrence(self) -> None:
        self.past.when(RemoveRecurrence(recurrence_id=self.monthly.recurrence_id)).then(
            let_go(self.held), recurrence_removed(self.monthly)
        )


units = st.sampled_from(get_args(Period))


@st.composite
def recurrences(draw: st.DrawFn) -> Recurrence:
    """One that was set between a year ago and in half a year."""
    period = draw(units)
    start = TODAY + dt.timedelta(days=draw(st.integers(-300, 180)))
    terms: dict[str, Any] = {"period": period, "interval": draw(st.integers(1, 40))}
    if period == "week":
        terms["weekdays"] = draw(st.sets(st.sampled_from(["saturday", "monday", "friday"])))
    if draw(st.booleans()):
        count = draw(st.integers(1, 30))
        terms |= {"count": count, "total_amount_rials": draw(st.integers(count, 10**6))}
        terms["amount_rials"] = msgspec.UNSET
    elif draw(st.booleans()):
        terms["until"] = start + dt.timedelta(days=draw(st.integers(7, 400)))
    asked = _set(start=start, skip_past=draw(st.booleans()), **terms)
    came = given(*household).when(asked).came
    if isinstance(came, Refusal):
        # Nothing is to come of it.
        return draw(recurrences())
    state = folded([*household, *came])
    return next(iter(state.recurrences.values()))


@for_all(recurrences(), st.lists(st.integers(0, 90), max_size=12))
def test_every_day_happens_once_whenever_somebody_looks(
    recurrence: Recurrence, waits: list[int]
) -> None:
    state = folded(list(household))
    state.recurrences[recurrence.id] = recurrence
    today, told = TODAY, []
    for wait in waits:
        today += dt.timedelta(days=wait)
        told += (marks := _happened(state, today))
        assert len(marks) <= MOST_AT_ONCE
    while marks := _happened(state, today):
        told += marks
    expected = list(_plainly(recurrence, today))
    assert [(one.number, one.entry.date, one.entry.amount_rials) for one in told] == expected
    assert len(state.transactions) == len(expected)
    assert state.totals.expense == sum(amount for *_, amount in expected)


def _plainly(recurrence: Recurrence, today: dt.date) -> Iterator[tuple[int, dt.date, int]]:
    """Every time up to a day, counted one by one."""
    weekdays = weekdays_mask(terms_of(recurrence).weekdays)
    schedule = Schedule(
        *(recurrence.period, recurrence.interval, weekdays, recurrence.start, recurrence.until)
    )
    for index in range(1000):
        day, number = schedule.day(index), index + 1
        is_over = recurrence.count is not None and number > recurrence.count
        if day is None or day > today or is_over:
            return
        if recurrence.done_until is None or day > recurrence.done_until:
            yield number, day, amount_of(recurrence, number)


@for_all(recurrences(), st.integers(0, 400), st.integers(0, 400))
def test_what_is_to_come_is_what_will_happen(recurrence: Recurrence, first: int, days: int) -> None:
    start = TODAY + dt.timedelta(days=first)
    end = start + dt.timedelta(days=days)
    state = folded(list(household))
    state.recurrences[recurrence.id] = recurrence
    told = []
    while marks := _happened(state, end):
        told += marks
    assert [tuple(one) for one in upcoming(recurrence, start, end)] == [
        (one.number, one.entry.date, one.entry.amount_rials)
        for one in told
        if one.entry.date >= start
    ]


@for_all(recurrences())
def test_what_is_left_is_what_will_happen(recurrence: Recurrence) -> None:
    left = remaining(recurrence)
    far = LAST_DAY
    if recurrence.until is None and recurrence.count is None:
        assert left is None
        return
    days = list(upcoming(recurrence, TODAY - dt.timedelta(days=400), far))
    assert left == Remaining(len(days), sum(day.amount_rials for day in days), days[-1].date)


def test_nothing_is_left_of_one_that_is_over() -> None:
    loan = recurrence(1, TODAY, count=1)
    state = folded([*household, loan, happened(loan, 1, TODAY, None)])
    [over] = state.recurrences.values()
    assert remaining(over) == Remaining(0, 0, None)
    assert list(upcoming(over, TODAY, dt.date(2100, 1, 1))) == []


def test_a_removed_recurrence_is_never_due() -> None:
    monthly = recurrence(1, TODAY)
    past = given(*household, category(9, "x", "expense"), monthly, recurrence_removed(monthly))
    past.when(RecordDue()).then_nothing()
    past.when(RecordDue(recurrence_id=monthly.recurrence_id)).then_nothing()
