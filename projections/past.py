"""The past: a ledger as it once stood, folded from its events and kept small."""

import datetime as dt
import threading
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from domain.calendar import add_months, day_of_month, jalali_month
from domain.ledger import Budget, Draft, LedgerState, Recurrence
from domain.money import Kind
from domain.periods import is_for
from domain.store.codec import read_event
from domain.store.database import Connection
from domain.store.folding import fold, let_go, triples_after, without_cycles
from domain.store.ledgers import Head, LedgerMissing
from projections.sums import ONE_DAY, CategorySum, KindSums, Wanted
from projections.verify import day_totals

T = TypeVar("T")

MOST_PASTS: Final = 16
MOST_DAYS: Final = 100_000
"""Of all pasts together, a category's days counted each: some 15 MiB."""

KEPT_SECONDS: Final = 300
FOLDED_AT_ONCE: Final = 250


class _Day(NamedTuple):
    date: dt.date
    amount_rials: int
    entries: int
    largest_rials: int


class Past:
    """A ledger as it stood at one version: `projections.readings.Reading`, and its standing."""

    def __init__(self, state: LedgerState) -> None:
        self.version = state.version
        self.totals = state.totals
        self._categories = state.categories
        self._budgets = [budget for budget in state.budgets.values() if not budget.is_removed]
        self._recurrences = [one for one in state.recurrences.values() if not one.is_removed]
        self._drafts = [draft for draft in state.drafts.values() if draft.status == "open"]
        self._days: dict[UUID, list[_Day]] = defaultdict(list)
        self._months: dict[int, KindSums] = {}
        self.size = 0
        for day in sorted(day_totals(state), key=lambda day: day.date):
            self.size += 1
            self._days[day.category_id].append(
                _Day(day.date, day.amount_rials, day.count, day.largest_rials)
            )
            month = jalali_month(day.date)
            one = KindSums(**{day.kind: day.amount_rials}, count=day.count)
            self._months[month] = self._months.get(month, KindSums()).plus(one)

    def by_category(self, start: dt.date, end: dt.date) -> list[CategorySum]:
        """See `Reading.by_category`."""
        found = []
        for category_id in self._days:
            if days := self._between(category_id, start, end):
                category = self._categories[category_id]
                amount_rials = sum(day.amount_rials for day in days)
                count = sum(day.entries for day in days)
                largest_rials = max(day.largest_rials for day in days)
                found.append(
                    CategorySum(
                        category_id,
                        category.name,
                        category.kind,
                        amount_rials,
                        count,
                        largest_rials,
                    )
                )
        return found

    def by_kind(self, start: dt.date, end: dt.date) -> KindSums:
        """See `Reading.by_kind`."""
        sums = KindSums()
        for found in self.by_category(start, end):
            sums = sums.plus(KindSums(**{found.kind: found.amount_rials}, count=found.count))
        return sums

    def by_month(self, first: int, last: int) -> dict[int, KindSums]:
        """See `Reading.by_month`."""
        return {month: sums for month, sums in self._months.items() if first <= month <= last}

    def by_day(self, start: dt.date, end: dt.date) -> dict[dt.date, KindSums]:
        """See `Reading.by_day`."""
        sums: dict[dt.date, KindSums] = {}
        for category_id in self._days:
            kind = self._categories[category_id].kind
            for day in self._between(category_id, start, end):
                one = KindSums(**{kind: day.amount_rials}, count=day.entries)
                sums[day.date] = sums.get(day.date, KindSums()).plus(one)
        return sums

    def kinds(self) -> dict[UUID, Kind]:
        """See `Reading.kinds`."""
        return {one.id: one.kind for one in self._categories.values()}

    def sums_of(self, wanted: Sequence[Wanted]) -> list[int]:
        """See `Reading.sums_of`."""
        return [
            sum(day.amount_rials for day in self._between(one.category_id, one.start, one.end))
            for one in wanted
        ]

    def monthly_of(
        self, category_ids: Collection[UUID], first: int, last: int, day: int = 1
    ) -> dict[UUID, dict[int, int]]:
        """See `Reading.monthly_of`."""
        start, end = day_of_month(first, day), day_of_month(add_months(last, 1), day) - ONE_DAY
        found: dict[UUID, dict[int, int]] = {}
        for category_id in category_ids:
            for one in self._between(category_id, start, end):
                month = jalali_month(one.date)
                month = month if one.date >= day_of_month(month, day) else add_months(month, -1)
                months = found.setdefault(category_id, {})
                months[month] = months.get(month, 0) + one.amount_rials
        return found

    def budgets(
        self,
        category_id: UUID | None = None,
        active_on: dt.date | None = None,
        *,
        after: int,
        limit: int,
    ) -> list[Budget]:
        """See `Reading.budgets`."""
        found = [
            budget
            for budget in self._budgets
            if budget.created_version > after
            and category_id in (None, budget.category_id)
            and (active_on is None or is_for(budget, active_on))
        ]
        return found[:limit]

    def recurrences(
        self, category_id: UUID | None = None, *, after: int, limit: int
    ) -> list[Recurrence]:
        """See `Reading.recurrences`."""
        found = [
            one
            for one in self._recurrences
            if one.created_version > after and category_id in (None, one.category_id)
        ]
        return found[:limit]

    def open_drafts(self, start: dt.date, end: dt.date) -> list[Draft]:
        """See `Reading.open_drafts`."""
        return [draft for draft in self._drafts if start <= draft.date <= end]

    def _between(self, category_id: UUID, start: dt.date, end: dt.date) -> list[_Day]:
        days = self._days.get(category_id, [])
        return days[bisect_left(days, (start,)) : bisect_right(days, (end + ONE_DAY,))]


class Pasts:
    """The pasts that were asked for last: one fold answers a screen full of reports.

    Events never change, so neither does a past. Whoever asks has read the ledger's head in the
    same request: an erased ledger is not answered from here, and soon forgotten.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[UUID, int], tuple[float, Past]] = {}
        self._lock = threading.Lock()

    def recall(self, ledger_id: UUID, version: int) -> Past | None:
        """The past of a ledger at a version, if it was kept."""
        with self._lock:
            self._forget(time.monotonic() - KEPT_SECONDS)
            kept = self._kept.get((ledger_id, version))
        return None if kept is None else kept[1]

    def keep(self, ledger_id: UUID, past: Past) -> None:
        """Keep a past for a while; what was kept longest makes room."""
        with self._lock:
            now = time.monotonic()
            self._kept.pop((ledger_id, past.version), None)
            self._kept[ledger_id, past.version] = (now, past)
            self._forget(now - KEPT_SECONDS)

    def _forget(self, before: float) -> None:
        size = sum(past.size for _, past in self._kept.values())
        for key, (since, past) in list(self._kept.items()):
            if since > before and len(self._kept) <= MOST_PASTS and size <= MOST_DAYS:
                return
            size -= past.size
            del self._kept[key]


def past_at(connection: Connection, ledger_id: UUID, version: int) -> Past:
    """A ledger as it stood at a version that it has reached, or 0. Raises like `told_at`."""
    return told_at(connection, ledger_id, version, Past)


def told_at(
    connection: Connection, ledger_id: UUID, version: int, tell: Callable[[LedgerState], T]
) -> T:
    """What can be told of a ledger as it stood at a version that it has reached, or 0.

    Raises `LedgerMissing` when its events are gone, `UnknownEvent` for one that cannot be read.
    """
    with without_cycles():
        state = _state_at(connection, ledger_id, version)
        told = tell(state)
        let_go(state)
    return told


def _state_at(connection: Connection, ledger_id: UUID, version: int) -> LedgerState:
    state = LedgerState()
    while state.version < version:
        limit = min(FOLDED_AT_ONCE, version - state.version)
        events = triples_after(connection, ledger_id, state.version, limit)
        if not events:
            raise LedgerMissing(ledger_id)
        fold(ledger_id, events, state)
        time.sleep(0)  # whoever waits for the interpreter goes on
    return state


def version_at(connection: Connection, head: Head, instant: dt.datetime) -> int:
    """The last version that was recorded at an instant or before it; 0 when there was none.

    Time never goes back in a ledger, so versions are halved until it is found. Raises
    `UnknownEvent` for one on the way that cannot be read.
    """
    if head.recorded_at <= instant:
        return head.version
    known, beyond = 0, head.version
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if _recorded_at(connection, head.ledger_id, middle) <= instant:
            known = middle
        else:
            beyond = middle
    return known


def _recorded_at(connection: Connection, ledger_id: UUID, version: int) -> dt.datetime:
    [event] = triples_after(connection, ledger_id, version - 1, 1)
    return read_event(ledger_id, *event).recorded_at
