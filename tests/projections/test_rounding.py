"""Rounding: exact, half to even, whatever the signs."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from projections.rounding import average, change_percent, percent

rials = st.integers(-(10**18), 10**18) | st.integers(-40, 40)


@given(rials, rials)
@example(5, 2)
@example(-5, 2)
@example(5, -2)
@example(1, 0)
def test_quotients_round_as_fractions_do(part: int, whole: int) -> None:
    expected = round(Fraction(part * 1000, whole)) / 10 if whole else None
    assert percent(part, whole) == expected
    assert change_percent(part + whole, whole) == (
        round(Fraction(part * 1000, abs(whole))) / 10 if whole else None
    )
    assert average(part, whole) == (round(Fraction(part, whole)) if whole else 0)
