"""Averages and percentages, rounded half to even, without floating-point sums."""

from fractions import Fraction


def average(total: int, count: int) -> int:
    """A total shared equally, in whole Rials; 0 when there is nothing to share it among."""
    return round(Fraction(total, count)) if count else 0


def percent(part: int, whole: int) -> float | None:
    """A share as a percentage with one decimal; None when the whole is 0."""
    return round(Fraction(part * 1000, whole)) / 10 if whole else None


def change_percent(now: int, before: int) -> float | None:
    """The change from `before` to `now` as a percentage of |before|; None when that is 0."""
    return percent(now - before, abs(before))
