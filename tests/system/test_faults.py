"""Every fault once: what was acknowledged is there once, everything else once or never."""

import pytest

from domain.categories import AddCategory
from domain.store.database import Database
from tests.books import Book
from tests.conftest import DIALECTS
from tests.crowds import FOOD, spend
from tests.system.faults import Verdict, faults_of, judge, try_out
from tests.system.load import Asked, Recorded, Spender
from tests.system.people import Person
from tests.system.scenes import staged

NOBODY = Spender(Person("", {}), "")


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_lost_or_doubled_whatever_happens(dialect: str) -> None:
    with staged(dialect) as scene:
        for fault in faults_of(scene):
            if not fault.is_slow:
                verdict = try_out(fault, scene)
                assert verdict.acknowledged > 0, fault.name
                assert verdict.is_clean, (fault.name, verdict)


def test_the_judge_sees_what_is_wrong(database: Database, database_url: str) -> None:
    book = Book(database)
    book.record(AddCategory(id=FOOD, name="خوراک", kind="expense"))
    for description in ("once/0", "twice/0", "twice/0", "torn/0", "denied/0"):
        book.record(spend(1, description=description))
    found = Recorded(database_url)

    def judged(key: str, heard: tuple[int, str | None] | None, items: int = 1) -> Verdict:
        verdict = Verdict()
        judge(verdict, {Asked(key, NOBODY, items): heard}, found)
        return verdict

    assert judged("once", (201, None)) == Verdict(acknowledged=1)
    assert judged("once", None) == judged("never", None) == Verdict()
    assert judged("never", (201, None)) == Verdict(acknowledged=1, lost=1)
    assert judged("twice", None) == Verdict(twice=1)
    assert judged("torn", None, items=2) == Verdict(neither=1)
    assert judged("never", (503, "store_unavailable")) == Verdict()
    assert judged("denied", (503, "store_unavailable")) == Verdict(neither=1)
    assert judged("once", (503, "outcome_unknown")) == Verdict()
    with pytest.raises(AssertionError):
        judged("never", (500, "internal_error"))
