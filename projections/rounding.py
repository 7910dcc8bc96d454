"""Averages and percentages, rounded half to even, without floating-point sums."""


def average(total: int, count: int) -> int:
    """A total shared equally, in whole Rials; 0 when there is nothing to share it among."""
    return _quotient(total, count) if count else 0


def percent(part: int, whole: int) -> float | None:
    """A share as a percentage with one decimal; None when the whole is 0."""
    return _quotient(part * 1000, whole) / 10 if whole else None


def change_percent(now: int, before: int) -> float | None:
    """The change from `before` to `now` as a percentage of |before|; None when that is 0."""
    return percent(now - before, abs(before))


def _quotient(part: int, whole: int) -> int:
    """`round(Fraction(part, whole))` in a tenth of its time; a report asks for dozens."""
    if whole < 0:
        part, whole = -part, -whole
    down, rest = divmod(part, whole)
    is_up = 2 * rest > whole or (2 * rest == whole and down % 2 == 1)
    return down + is_up
