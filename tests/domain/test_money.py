"""Money: signs, totals, and bounds that hold over any stretch of dates."""

import datetime as dt
from collections.abc import Iterable
from functools import reduce
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.money import MAX_TOTAL_RIALS, Posting, Totals

DAY = dt.date(2026, 11, 23)
AMOUNTS = st.integers(1, 3 * 10**15)
KINDS = st.sampled_from(
    [("income", None), ("expense", None), ("savings", "deposit"), ("savings", "withdraw")]
)
POSTINGS = st.builds(
    lambda kind, days, amount: Posting(
        kind[0], kind[1], UUID(int=1), DAY + dt.timedelta(days), amount, 1
    ),
    KINDS,
    st.integers(-400, 400),
    AMOUNTS,
)


def _total(postings: Iterable[Posting]) -> Totals:
    return reduce(Totals.plus, postings, Totals())


@given(st.lists(POSTINGS, max_size=12), st.data())
def test_within_bounds_means_every_stretch_of_dates_is_within_bounds(
    postings: list[Posting], data: st.DataObject
) -> None:
    kept: list[Posting] = []
    for posting in postings:
        if _total([*kept, posting]).is_within_bounds():
            kept.append(posting)
    some = [posting for posting in kept if data.draw(st.booleans())]
    total = _total(some)
    for rials in (total.income, total.expense, total.savings, total.balance):
        assert -MAX_TOTAL_RIALS <= rials <= MAX_TOTAL_RIALS


@given(st.lists(POSTINGS, max_size=12))
def test_the_balance_is_income_minus_expense_minus_savings(postings: list[Posting]) -> None:
    net = {"income": 0, "expense": 0, "savings": 0}
    for posting in postings:
        net[posting.kind] += posting.net_rials
    total = _total(postings)
    assert (total.income, total.expense, total.savings) == tuple(net.values())
    assert total.balance == net["income"] - net["expense"] - net["savings"]


@given(st.lists(POSTINGS, max_size=6), POSTINGS)
def test_an_entry_that_leaves_takes_exactly_what_it_brought(
    postings: list[Posting], posting: Posting
) -> None:
    leaving = Posting(
        posting.kind,
        posting.direction,
        posting.category_id,
        posting.date,
        posting.amount_rials,
        -1,
    )
    before = _total(postings)
    assert before.plus(posting).plus(leaving) == before
    assert leaving.net_rials == -posting.net_rials


def test_the_bounds_are_exact() -> None:
    assert Totals(income=MAX_TOTAL_RIALS, expense=MAX_TOTAL_RIALS).is_within_bounds()
    assert not Totals(income=MAX_TOTAL_RIALS, withdrawals=1).is_within_bounds()
    assert not Totals(expense=MAX_TOTAL_RIALS, deposits=1).is_within_bounds()
    assert MAX_TOTAL_RIALS == 9_007_199_254_740_991
    assert float(MAX_TOTAL_RIALS) == MAX_TOTAL_RIALS
