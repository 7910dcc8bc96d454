"""Events as they are stored: lasting names, exact bytes, digests that chain them."""

import datetime as dt
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from domain.base import Event, RecordedEvent
from domain.budgets import BudgetRevised
from domain.store import codec
from domain.store.codec import (
    NAMES,
    UPGRADES,
    Envelope,
    UnknownEvent,
    digest,
    first_prev,
    from_stored,
    own_fields,
    to_stored,
)
from tests.domain.examples import every_event, expense
from tests.domain.given import LEDGER_ID, recorded

ROOT: Final = Path(__file__).parent.parent.parent.parent
CATALOGUE: Final = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
GOLDEN_LEDGER: Final = UUID("8f6a1c1e-3c0b-4c9e-9d1a-2f5b7c6d4e30")
GOLDEN: Final = [
    (int(version), topic, state.encode(), sealed)
    for version, topic, state, sealed in re.findall(
        r"^Version (\d), `(.+)`:\n\n```json\n(.+)\n```\n```text\n([0-9a-f]{64})\n```$",
        CATALOGUE,
        re.MULTILINE,
    )
]
# One sample of every name ever stored, for ever: lines are added here, none is ever changed.
SAMPLES: Final = [
    msgspec.json.decode(line, type=dict[str, str])
    for line in (Path(__file__).parent / "samples.jsonl").read_bytes().splitlines()
]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
moments = st.datetimes(timezones=st.just(dt.UTC))
EXACT_TYPES: Final[dict[type, st.SearchStrategy[Any]]] = {
    str: texts,
    int: st.integers(-(2**63), 2**63 - 1),
    dt.date: st.dates(),
    UUID: st.uuids(),
    bool: st.booleans(),
}


def any_struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any value of a struct, whatever its fields are."""
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, *(_any_value(field.type) for field in fields))


def _any_value(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any_struct(kind)
    return EXACT_TYPES[kind] if kind in EXACT_TYPES else st.from_type(kind)


def any_recorded() -> st.SearchStrategy[RecordedEvent]:
    """Any event in any place."""
    return st.builds(
        RecordedEvent,
        ledger_id=st.uuids(),
        version=st.integers(1, 2**53),
        recorded_at=moments,
        actor=texts,
        command_id=st.uuids(),
        prev=texts,
        event=st.sampled_from(list(NAMES.values())).flatmap(any_struct),
    )


class TestGoldenVectors:
    """docs/events.md tells auditors the truth."""

    def test_there_are_three_in_a_row(self) -> None:
        assert [version for version, *_ in GOLDEN] == [1, 2, 3]

    @pytest.mark.parametrize(("version", "topic", "state", "sealed"), GOLDEN)
    def test_the_digest_is_of_these_bytes(
        self, version: int, topic: str, state: bytes, sealed: str
    ) -> None:
        assert digest(GOLDEN_LEDGER, version, topic, state).hex() == sealed

    @pytest.mark.parametrize(("version", "topic", "state", "sealed"), GOLDEN)
    def test_an_event_is_written_as_it_was_read(
        self, version: int, topic: str, state: bytes, sealed: str
    ) -> None:
        stored = StoredEvent(GOLDEN_LEDGER, version, topic, state)
        assert to_stored(from_stored(stored)) == stored

    def test_each_names_the_digest_before_it(self) -> None:
        prevs = [msgspec.json.decode(state)["prev"] for _, _, state, _ in GOLDEN]
        digests = [sealed for *_, sealed in GOLDEN]
        assert prevs == [first_prev(GOLDEN_LEDGER).hex(), *digests[:-1]]
        assert f"`{first_prev(GOLDEN_LEDGER).hex()}`" in CATALOGUE


def test_the_catalogue_has_every_name_ever_stored_and_no_other() -> None:
    assert re.findall(r"^### `(.+)`$", CATALOGUE, re.MULTILINE) == [*NAMES, *UPGRADES]


@pytest.mark.parametrize(("name", "event"), NAMES.items())
def test_the_catalogue_has_every_field(name: str, event: type[Event]) -> None:
    section = CATALOGUE.split(f"### `{name}`")[1].split("\n#")[0]
    assert set(_field_names(event)) <= set(re.findall(r"`([a-z_]+)`", section))


@pytest.mark.parametrize("field", Envelope.__struct_fields__)
def test_the_catalogue_has_the_envelope(field: str) -> None:
    assert f"| `{field}` |" in CATALOGUE


def _field_names(kind: type[msgspec.Struct]) -> list[str]:
    names = []
    for field in msgspec.structs.fields(kind):
        names.append(field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            names += _field_names(field.type)
    return names


@pytest.mark.parametrize("event", NAMES.values())
def test_no_field_of_an_event_hides_one_of_the_envelope(event: type[Event]) -> None:
    assert not set(event.__struct_fields__) & set(Envelope.__struct_fields__)


class TestSamples:
    """What was ever stored stays readable."""

    def test_there_is_one_of_every_name_ever_stored(self) -> None:
        assert {sample["topic"] for sample in SAMPLES} == {*NAMES, *UPGRADES}

    @pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["topic"]))
    def test_it_is_read_and_written_to_the_byte(self, sample: dict[str, str]) -> None:
        """So a field that is added or reordered without a new name fails here."""
        stored = StoredEvent(LEDGER_ID, 1, sample["topic"], sample["state"].encode())
        read = from_stored(stored)
        if sample["topic"] in NAMES:
            assert to_stored(read) == stored


@given(any_recorded())
def test_any_event_survives_being_stored(recorded: RecordedEvent) -> None:
    stored = to_stored(recorded)
    assert from_stored(stored) == recorded
    assert to_stored(from_stored(stored)) == stored
    assert list(msgspec.json.decode(stored.state))[:4] == list(Envelope.__struct_fields__)


@given(any_recorded())
def test_the_own_fields_are_the_rest(recorded: RecordedEvent) -> None:
    fields = own_fields(to_stored(recorded).state)
    assert list(fields) == list(recorded.event.__struct_fields__)


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("expense-recorded.0", GOLDEN[2][2]),
        ("expense-recorded", GOLDEN[2][2]),
        ("domain.transactions:ExpenseRecorded", GOLDEN[2][2]),
        ("category-added.1", GOLDEN[2][2]),
        ("expense-recorded.1", b""),
        ("expense-recorded.1", b"{}"),
        ("expense-recorded.1", b"[]"),
        ("expense-recorded.1", GOLDEN[2][2].replace(b"250000", b'"250000"')),
        ("expense-recorded.1", GOLDEN[2][2].replace(b'"actor"', b'"author"')),
        ("expense-recorded.1", GOLDEN[2][2].replace("نان".encode(), b"\xff\xfe")),
    ],
)
def test_what_cannot_be_read_is_an_unknown_event_and_says_where(topic: str, state: bytes) -> None:
    with pytest.raises(UnknownEvent, match=rf"'{topic}' at {GOLDEN_LEDGER} version 3"):
        from_stored(StoredEvent(GOLDEN_LEDGER, 3, topic, state))


@given(st.integers(0, len(GOLDEN[2][2]) - 1), st.integers(1, 255))
def test_a_changed_byte_is_unknown_or_another_event_and_never_anything_else(
    position: int, change: int
) -> None:
    state = bytearray(GOLDEN[2][2])
    state[position] ^= change
    stored = StoredEvent(GOLDEN_LEDGER, 3, "expense-recorded.1", bytes(state))
    try:
        from_stored(stored)
    except UnknownEvent:
        pass


class TestTheDigest:
    """It seals everything about an event, and everything before it."""

    def test_every_byte_of_the_state_counts(self) -> None:
        version, topic, state, sealed = GOLDEN[2]
        for position in range(len(state)):
            for change in (1, 32, 128):
                changed = bytearray(state)
                changed[position] ^= change
                assert digest(GOLDEN_LEDGER, version, topic, bytes(changed)).hex() != sealed

    def test_place_and_name_count(self) -> None:
        version, topic, state, _ = GOLDEN[2]
        digests = {
            digest(GOLDEN_LEDGER, version, topic, state),
            digest(UUID(int=GOLDEN_LEDGER.int ^ 1), version, topic, state),
            digest(GOLDEN_LEDGER, version + 1, topic, state),
            digest(GOLDEN_LEDGER, version, "income-recorded.1", state),
            digest(GOLDEN_LEDGER, version, topic + "0", state[1:]),
        }
        assert len(digests) == 5

    def test_a_change_shows_in_every_digest_after_it(self) -> None:
        honest = _chain(list(every_event))
        forged = [*every_event[:8], expense(2, 250_001), *every_event[9:]]
        for version, (one, other) in enumerate(zip(honest, _chain(forged), strict=True), 1):
            assert (one == other) == (version < 9)


def _chain(events: list[Event]) -> list[str]:
    prev = first_prev(LEDGER_ID)
    digests = []
    for place in recorded(events):
        stored = to_stored(msgspec.structs.replace(place, prev=prev.hex()))
        prev = digest(LEDGER_ID, place.version, stored.topic, stored.state)
        digests.append(prev.hex())
    assert all(one != other for one, other in pairwise(digests))
    return digests


@pytest.mark.parametrize("name", UPGRADES)
def test_a_name_that_is_no_longer_written_is_read_as_one_of_today(name: str) -> None:
    [old] = [sample for sample in SAMPLES if sample["topic"] == name]
    event = from_stored(StoredEvent(LEDGER_ID, 1, name, old["state"].encode())).event
    today = codec.topic_of(event)
    assert today.rstrip("0123456789") == name.rstrip("0123456789")
    assert _all_said(own_fields(old["state"].encode())) <= _all_said(msgspec.to_builtins(event))


def _all_said(value: Any, path: str = "") -> set[tuple[str, object]]:
    """Every plain value, with where it stands."""
    if not isinstance(value, dict):
        return {(path, value)}
    return {one for name, part in value.items() for one in _all_said(part, f"{path}.{name}")}


@pytest.mark.parametrize("name", ["budget-set.1", "budget-revised.1", "budget-removed.1"])
def test_a_budget_of_old_does_not_repeat(name: str) -> None:
    [old] = [sample for sample in SAMPLES if sample["topic"] == name]
    state = old["state"].encode()
    event = from_stored(StoredEvent(LEDGER_ID, 1, name, state)).event
    terms = [event.before, event.after] if isinstance(event, BudgetRevised) else [event.terms]  # type: ignore[attr-defined]
    for one in terms:
        assert (one.repeat, one.rollover, one.until) == ("none", "none", None)
    # Nothing of today is believed under a name of old.
    for broken in (state.replace(b'"start"', b'"begin"'), state.replace(b'"terms"', b'"term"')):
        if broken != state:
            with pytest.raises(UnknownEvent):
                from_stored(StoredEvent(LEDGER_ID, 1, name, broken))
