"""Time travel: what was told when the ledger was at a version is told of it for ever."""

import datetime as dt
from collections.abc import Callable
from itertools import count
from typing import Final

import pytest
import redis
from hypothesis import given, settings

from domain.base import Refusal
from domain.store.database import Database
from domain.store.ledgers import Bracket, read_head
from projections.past import Past, past_at
from tests.projections.histories import Asked, histories
from tests.web.households import Clock, add_category, flaws, ledger_version, record, refused, shown
from tests.web.people import Person, ledger_of
from web import moments
from web.services import Services

PATHS: Final = (
    "/v1/balance?",
    "/v1/balance?as_of=1405-08-30",
    "/v1/reports/monthly?year=1405&month=9",
    "/v1/reports/monthly?year=1405&month=1",
    "/v1/reports/yearly?year=1405",
    "/v1/reports/categories?",
    "/v1/reports/categories?from=1403-12-30&to=1405-09-01&kind=expense",
    "/v1/reports/budgets?on=1405-05-01",
    "/v1/reports/budgets?on=1405-07-30&limit=1",
    "/v1/reports/trend?months=24&until=1405-10",
    "/v1/reports/calendar?year=1405&month=9",
    "/v1/reports/growth?years=3",
    "/v1/reports/forecast?",
    "/v1/reports/forecast?year=1405&month=8",
    "/v1/reports/growth?year=1404&compare=1405",
    "/v1/reports/largest?limit=2",
    "/v1/reports/largest?from=1403-12-30&to=1405-09-01&kind=expense",
)
_phones: Final = (f"0913{number:07}" for number in count())


@pytest.fixture(autouse=True)
def frozen(clock: Clock) -> None:
    """A day to begin with."""
    clock.set("1405-09-02")


@pytest.fixture
def food(person: Person) -> str:
    """The id of an expense category."""
    return add_category(person, "expense", "خوراک")


def at(clock: Clock) -> str:
    """The time it is, as a question says it."""
    assert clock.now is not None
    return clock.now.isoformat().replace("+00:00", "Z")


@given(history=histories())
@settings(max_examples=12)
def test_a_version_is_told_as_it_was_told_live(
    history: list[Asked],
    sign_in: Callable[[str], Person],
    services: Services,
    database: Database,
    clock: Clock,
    valkey: redis.Redis,
) -> None:
    clock.set("1405-09-02")
    valkey.flushdb()
    person = sign_in(next(_phones))
    ledger_id = ledger_of(database, person.account_id)
    live: dict[int, tuple[str, list[bytes]]] = {}
    for asked in history:
        assert clock.now is not None
        clock.now += dt.timedelta(minutes=7)
        _ask(services, ledger_id, asked)
        version = database.read(lambda connection: read_head(connection, ledger_id).version)
        live.setdefault(version, (at(clock), _told(person, "")))
    for version, (instant, told) in live.items():
        assert _told(person, f"&version={version}") == told
        assert _told(person, f"&recorded_as_of={instant}") == told


def _ask(services: Services, ledger_id: object, asked: Asked) -> None:
    def work(bracket: Bracket) -> None:
        for command in asked.commands:
            try:
                bracket.record(command)
            except Refusal:
                if asked.is_atomic:
                    raise

    try:
        services.ledgers.transact(ledger_id, "a-test", work, dry_run=asked.is_dry_run)  # type: ignore[arg-type]
    except Refusal:
        pass


def _told(person: Person, moment: str) -> list[bytes]:
    answers = [person.get(path + moment) for path in PATHS]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.data for answer in answers]


def test_what_was_believed_then_of_a_month_that_was_corrected_since(
    person: Person, food: str, clock: Clock
) -> None:
    bread = record(person, food, 900, "1405-08-30")
    believed = at(clock)
    clock.set("1405-09-05")
    shown(person.patch(f"/v1/transactions/{bread['id']}", {"amount": 400}))
    shown(person.patch(f"/v1/categories/{food}", {"name": "نان"}))
    path = "/v1/reports/monthly?year=1405&month=8"
    assert shown(person.get(path))["expense"] == 400
    then = person.get(f"{path}&recorded_as_of={believed}")
    assert shown(then)["expense"] == 900
    assert [line["name"] for line in shown(then)["categories"]] == ["خوراک"]
    assert then.headers["Ledger-Version"] == "5"
    as_of = shown(person.get(f"/v1/balance?as_of=1405-08-29&recorded_as_of={believed}"))
    assert (as_of["expense"], as_of["version"]) == (0, 3)
    whole = shown(person.get("/v1/balance?version=4"))
    assert (whole["expense"], whole["version"]) == (400, 4)


@pytest.mark.parametrize("moment", ["version=0", "recorded_as_of=1999-01-01T00:00:00Z"])
def test_before_the_beginning_a_ledger_is_empty(person: Person, food: str, moment: str) -> None:
    record(person, food, 900)
    balance = shown(person.get(f"/v1/balance?{moment}"))
    assert (balance["balance"], balance["status"], balance["version"]) == (0, "zero", 0)
    for path in PATHS:
        assert person.get(f"{path}&{moment}").status_code == 200
    assert shown(person.get(f"/v1/reports/categories?{moment}")) == {"items": []}


def test_a_version_to_come_is_not_reached(person: Person, food: str) -> None:
    for path in PATHS:
        answer = person.get(f"{path}&version=3", headers={"Accept-Language": "en"})
        assert flaws(answer) == {("version", "version_not_reached")}
        assert "at 2" in answer.get_json()["errors"][0]["message"]
        assert answer.headers["Ledger-Version"] == "2"
        assert person.get(f"{path}&version=2").status_code == 200


def test_an_instant_to_come_is_now(person: Person, food: str) -> None:
    assert shown(person.get("/v1/balance?recorded_as_of=9999-12-31T23:59:59-14:00"))["version"] == 2
    assert shown(person.get("/v1/balance?recorded_as_of=0001-01-01t00:00:00.5%2B14:00")) == shown(
        person.get("/v1/balance?version=0")
    )


def test_an_offset_says_which_instant_it_is(person: Person, food: str) -> None:
    # Noon in Tehran was half past eight in UTC.
    for instant in ("12:00:00%2B03:30", "08:30:00Z", "08:30:00.000000999z"):
        assert shown(person.get(f"/v1/balance?recorded_as_of=2026-11-23T{instant}"))["version"] == 2
    for instant in ("11:59:59%2B03:30", "08:29:59.999999Z"):
        assert shown(person.get(f"/v1/balance?recorded_as_of=2026-11-23T{instant}"))["version"] == 0


@pytest.mark.parametrize(
    ("asked", "flaw"),
    [
        ("version=1&recorded_as_of=2026-11-23T08:30:00Z", ("recorded_as_of", "two_moments")),
        ("version=-1", ("version", "out_of_range")),
        ("version=9007199254740992", ("version", "out_of_range")),
        ("version=one", ("version", "not_an_integer")),
        *(
            (f"recorded_as_of={wrong}", ("recorded_as_of", "invalid_instant"))
            for wrong in (
                *("2026-11-23", "2026-11-23T08:30:00", "2026-11-23T08:30Z", "", "now"),
                *("2026-11-23T08:30:00+03:30", "2026-02-30T08:30:00Z", "2026-11-23T24:30:00Z"),
                *("2026-11-23T08:30:00%2B03:60",),
                *("0000-01-01T00:00:00Z", "2026-11-23T08:30:00%2B24:00", "1405-09-02T08:30:60Z"),
                *("۲۰۲۶-11-23T08:30:00Z", "2026-11-23T08:30:00,5Z", "2026-11-23T08:30:00.Z"),
            )
        ),
    ],
)
def test_what_is_no_moment_is_refused(person: Person, asked: str, flaw: tuple[str, str]) -> None:
    for path in PATHS[::3]:
        assert flaws(person.get(f"{path}&{asked}")) == {flaw}


def test_a_past_stays_what_the_client_has(person: Person, food: str) -> None:
    for path in PATHS:
        asked = f"{path}&version=1"
        tag = person.get(asked).headers["ETag"]
        record(person, food, 10)
        again = person.get(asked, headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["ETag"]) == (304, tag)
        assert int(again.headers["Ledger-Version"]) == ledger_version(person)
        other = person.get(f"{path}&version=2", headers={"If-None-Match": tag})
        assert other.status_code == 200
        english = {"If-None-Match": tag, "Accept-Language": "en"}
        assert person.get(asked, headers=english).status_code == 200


def test_pages_of_budgets_stay_in_the_past(person: Person, food: str) -> None:
    period = {"start": "1405-09-01", "end": "1405-09-30"}
    other = add_category(person, "expense", "سفر")
    ids = [
        shown(person.post("/v1/budgets", {"category_id": one, "max_amount": 9, **period}), 201)
        for one in (food, other)
    ]
    version = ledger_version(person)
    for budget in ids:
        person.delete(f"/v1/budgets/{budget['id']}")
    assert shown(person.get("/v1/reports/budgets"))["items"] == []
    first = person.get(f"/v1/reports/budgets?limit=1&version={version}")
    assert f"version={version}" in first.headers["Link"]
    following = first.headers["Link"].split(">")[0].removeprefix("<")
    second = person.get(following)
    pages = [*shown(first)["items"], *shown(second)["items"]]
    assert [budget["id"] for budget in pages] == [budget["id"] for budget in ids]
    assert shown(second)["next_cursor"] is None
    wrong = person.get(f"/v1/reports/budgets?cursor=x&version={version}")
    assert flaws(wrong) == {("cursor", "invalid_cursor")}
    assert wrong.headers["Ledger-Version"] == str(version + 2)


class TestMemory:
    """One fold answers a screen full of reports, and nobody who may not ask."""

    @pytest.fixture
    def folds(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The versions that were folded."""
        folded: list[int] = []

        def noted(*asked: object) -> Past:
            past = past_at(*asked)  # type: ignore[arg-type]
            folded.append(past.version)
            return past

        monkeypatch.setattr(moments, "past_at", noted)
        return folded

    def test_a_version_is_folded_once(self, person: Person, food: str, folds: list[int]) -> None:
        for path in PATHS:
            assert person.get(f"{path}&version=1").status_code == 200
        assert folds == [1]
        person.get("/v1/balance?version=0")
        assert folds == [1, 0]

    def test_the_head_is_not_folded(self, person: Person, food: str, folds: list[int]) -> None:
        for path in PATHS:
            assert person.get(f"{path}&version=2").status_code == 200
        assert folds == []

    def test_an_erased_ledger_is_not_remembered(
        self, person: Person, food: str, services: Services, database: Database
    ) -> None:
        assert person.get("/v1/balance?version=1").status_code == 200
        ledger_id = ledger_of(database, person.account_id)
        database.write(lambda c: c.run("DELETE FROM ledgers WHERE ledger_id = :id", id=ledger_id))
        assert refused(person.get("/v1/balance?version=1"), 401, "session_ended")

    def test_others_wait_for_a_while_and_hear_so(
        self, person: Person, food: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(moments, "PATIENCE_SECONDS", 0.05)
        assert moments._folding.take(0)
        try:
            answer = person.get("/v1/balance?version=1")
            assert refused(answer, 503, "overloaded")
            assert answer.headers["Retry-After"] == "1"
            assert person.get("/v1/balance?version=2").status_code == 200
        finally:
            moments._folding.give_back()
        assert person.get("/v1/balance?version=1").status_code == 200

    def test_a_fold_that_fails_lets_the_next_one_begin(
        self, person: Person, food: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.delattr(moments, "past_at")
            assert person.get("/v1/balance?version=1").status_code == 500
        assert person.get("/v1/balance?version=1").status_code == 200
