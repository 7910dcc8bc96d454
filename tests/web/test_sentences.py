"""Sentences: every event there is says in words what happened."""

import datetime as dt

from tests.domain.examples import (
    budget,
    every_event,
    goal,
    goal_revised,
    household,
    nest_egg,
    revised,
)
from web.auditing.sentences import Narrator


def told() -> Narrator:
    """Somebody who heard of the household."""
    narrator = Narrator()
    for event in household:
        narrator.sentence(event)
    return narrator


def test_every_event_says_something_of_its_own() -> None:
    narrator = Narrator()
    said = [narrator.sentence(event) for event in every_event]
    assert [sentence for sentence in said if sentence == "opened"] == ["opened"]
    assert all(said)


def test_a_budget_says_how_it_repeats() -> None:
    monthly = revised(budget(1), repeat="month", rollover="both", until=dt.date(2027, 3, 20))
    first = "for خوراک, … to 1,000,000, 1405-09-01 to 1405-09-30"
    assert told().sentence(monthly) == (
        f"budget {first} revised to {first}, every month, rollover both, until 1405-12-29"
    )


def test_a_goal_says_by_when() -> None:
    named = goal_revised(goal(1, 5000, category=nest_egg), name=None, target_date=None)
    assert told().sentence(named) == (
        "goal سفر به شیراز, 5,000 in پس‌انداز by 1405-12-29 revised to 5,000 in پس‌انداز"
    )
