"""Nothing is left out: every command, event and refusal has its rule, its rows and its test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain import refusals
from domain.base import Command, Event, Refusal
from domain.decider import CHANGES, RULES
from domain.store.codec import NAMES, UPGRADES
from domain.transactions import TransactionRecorded
from projections import rows
from tests.domain.examples import every_event

ABSTRACT = {TransactionRecorded}
HERE = Path(__file__).parent
COMMANDS = sorted(set(Command.__subclasses__()), key=lambda kind: kind.__name__)
REFUSALS: list[type[Refusal]] = [
    kind
    for kind in vars(refusals).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
]


def _all_events(base: type[Event] = Event) -> Iterator[type[Event]]:
    for kind in base.__subclasses__():
        if kind not in ABSTRACT:
            yield kind
        yield from _all_events(kind)


EVENTS = sorted(set(_all_events()), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_rule(command: type[Command]) -> None:
    assert command in RULES


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_changes_the_state_and_the_rows_and_has_a_lasting_name(
    event: type[Event],
) -> None:
    assert event in CHANGES
    assert event in rows.CHANGES
    assert list(NAMES.values()).count(event) == 1


def test_nothing_has_a_rule_or_a_name_that_is_not_a_command_or_an_event() -> None:
    assert set(RULES) == set(COMMANDS)
    assert set(CHANGES) == set(rows.CHANGES) == set(NAMES.values()) == set(EVENTS)
    assert not set(NAMES) & set(UPGRADES)


def test_the_examples_hold_every_event() -> None:
    assert {type(event) for event in every_event} == set(EVENTS)


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [refusal.code for refusal in REFUSALS]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and code.isidentifier() for code in codes)


def test_every_refusal_is_expected_by_some_test() -> None:
    expected = {
        call.args[0].id
        for path in HERE.glob("test_*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "then_refused"
        and isinstance(call.args[0], ast.Name)
    }
    assert {refusal.__name__ for refusal in REFUSALS} <= expected
