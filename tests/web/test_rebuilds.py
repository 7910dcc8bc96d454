"""Rebuilds over HTTP and on the command line: started, watched, called off, by operators only."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from click.testing import Result
from flask import Flask
from rq import Queue, SimpleWorker

from domain.store.database import Database
from domain.store.erasure import erase
from domain.store.jobs import QUEUE
from domain.store.ledgers import read_head, utc_now
from domain.store.rebuilds import ledger_ids
from projections.rebuild import rebuild_ledger, verify_ledger
from tests.projections.tampering import empty
from tests.web.households import NOBODYS_ID, add_category, flaws, record, refused
from tests.web.people import Person, ledger_of
from tests.web.roles import give

SignIn = Callable[..., Person]
Command = Callable[..., Result]
EVERYTHING = (UUID(int=0), UUID(int=2**128 - 1))


@pytest.fixture
def operator(sign_in: SignIn, database: Database) -> Person:
    """Somebody who operates the service."""
    return give(database, sign_in("09120000009"), "operator")


@pytest.fixture
def spoiled(person: Person, database: Database) -> UUID:
    """A ledger of which no row is left."""
    record(person, add_category(person, "expense", "خوراک"), 5000)
    ledger_id = ledger_of(database, person.account_id)
    head = database.read(partial(read_head, ledger_id=ledger_id))
    database.write(partial(empty, rows_id=head.rows_id))
    return ledger_id


@pytest.fixture
def command(app: Flask, environ: dict[str, str]) -> Command:
    """Runs `flask projections …` on the test's database."""

    def run(*words: str) -> Result:
        return app.test_cli_runner().invoke(args=["projections", *words], env=environ)

    return run


def lines(result: Result) -> list[dict[str, Any]]:
    """What a command said with --json."""
    return [json.loads(line) for line in result.output.splitlines()]


def work(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """Do what waits, as a worker does."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    SimpleWorker([Queue(QUEUE, connection=valkey)], connection=valkey).work(burst=True)


def test_an_operator_has_it_done_and_watches(
    operator: Person,
    spoiled: UUID,
    database: Database,
    valkey: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
) -> None:
    begun = operator.post("/v1/ops/rebuilds", {"jobs": 2})
    assert begun.status_code == 202
    where = begun.headers["Location"]
    shown = begun.get_json()
    assert operator.get(where).get_json() == shown
    assert where == f"/v1/ops/rebuilds/{shown['id']}"
    assert (shown["status"], shown["done"], shown["total"]) == ("queued", 0, 2)
    assert (shown["eta_seconds"], shown["quarantined"]) == (None, [])
    assert set(Queue(QUEUE, connection=valkey).job_ids) == {
        f"rebuild-{shown['id']}-{number}" for number in range(2)
    }
    work(valkey, monkeypatch, environ)
    after = operator.get(where).get_json()
    assert (after["status"], after["done"], after["events"]) == ("done", 2, 4)
    assert after["repaired"] == 1
    assert operator.get("/v1/ops/rebuilds").get_json()["items"] == [after]
    assert verify_ledger(database, spoiled).is_right


def test_ledgers_in_quarantine_are_named(
    operator: Person, spoiled: UUID, command: Command, database: Database
) -> None:
    amiss = "UPDATE events SET topic = 'x.1' WHERE originator_id = :id AND originator_version = 2"
    database.write(lambda c: c.run(amiss, id=spoiled))
    result = command("rebuild", "--json")
    assert result.exit_code == 1
    *_, last = lines(result)
    assert (last["status"], last["done"], last["quarantined"]) == ("done", 2, 1)
    [shown] = operator.get("/v1/ops/rebuilds").get_json()["items"]
    [found] = shown["quarantined"]
    assert (found["ledger_id"], found["version"], found["reason"]) == (
        str(spoiled),
        2,
        "event_unreadable",
    )
    assert command("rebuild").exit_code == 1


def test_it_is_called_off(operator: Person, spoiled: UUID, valkey: redis.Redis) -> None:
    where = operator.post("/v1/ops/rebuilds", {"ledger_id": str(spoiled)}).headers["Location"]
    for _ in range(2):
        answer = operator.delete(where)
        assert (answer.status_code, answer.data) == (204, b"")
        assert operator.get(where).get_json()["status"] == "cancelled"


def test_to_all_others_there_is_nothing(
    operator: Person, person: Person, auditor: Person, client: Any
) -> None:
    where = operator.post("/v1/ops/rebuilds", {}).headers["Location"]
    for somebody in (person, auditor):
        refused(somebody.post("/v1/ops/rebuilds", {}), 404, "not_found")
        for path in (where, "/v1/ops/rebuilds"):
            refused(somebody.get(path), 404, "not_found")
        refused(somebody.delete(where), 404, "not_found")
    refused(client.post("/v1/ops/rebuilds", json={}), 401, "token_missing")
    assert operator.get(where).get_json()["status"] == "queued"


def test_what_is_not_there_or_makes_no_sense_is_refused(
    operator: Person, person: Person, database: Database
) -> None:
    ledger_id = ledger_of(database, person.account_id)
    database.write(lambda connection: erase(connection, ledger_id, utc_now()))
    for missing in (str(ledger_id), str(uuid4()), str(UUID(int=0))):
        refused(operator.post("/v1/ops/rebuilds", {"ledger_id": missing}), 404, "ledger_not_found")
    for body in ({"jobs": 0}, {"jobs": 65}, {"jobs": "2"}, {"ledger_id": 5}):
        assert flaws(operator.post("/v1/ops/rebuilds", body)) != set()
    for ask in (operator.get, operator.delete):
        refused(ask(f"/v1/ops/rebuilds/{NOBODYS_ID}"), 404, "rebuild_not_found")
    assert flaws(operator.get("/v1/ops/rebuilds?cursor=x")) == {("cursor", "invalid_cursor")}


def test_five_at_once_are_enough(operator: Person) -> None:
    begun = [operator.post("/v1/ops/rebuilds", {}) for _ in range(5)]
    answer = operator.post("/v1/ops/rebuilds", {})
    refused(answer, 429, "too_many_rebuilds")
    assert answer.headers["Retry-After"] == "60"
    assert operator.delete(begun[0].headers["Location"]).status_code == 204
    assert operator.post("/v1/ops/rebuilds", {}).status_code == 202
    first = operator.get("/v1/ops/rebuilds?limit=4").get_json()
    cursor = first["next_cursor"]
    rest = operator.get(f"/v1/ops/rebuilds?limit=4&cursor={cursor}").get_json()
    assert len({one["id"] for page in (first, rest) for one in page["items"]}) == 6


def test_rows_are_verified_and_every_difference_named(
    command: Command, spoiled: UUID, person: Person
) -> None:
    found = command("verify", "--json")
    assert found.exit_code == 1
    told = [line for line in lines(found) if "table" in line]
    assert {line["table"] for line in told} == {
        "categories",
        "transactions",
        "day_totals",
        "month_totals",
    }
    assert all(line["is_missing"] and line["ledger_id"] == str(spoiled) for line in told)
    text = command("verify", "--ledger", str(spoiled)).output
    assert f"{spoiled} rows that differ: categories 1, transactions 1" in text

    done = command("rebuild", "--ledger", str(spoiled))
    assert done.exit_code == 0
    assert "done: 1 ledgers, 3 events" in done.output
    for words in (("verify",), ("verify", "--ledger", str(spoiled)), ("rebuild", "--json")):
        result = command(*words)
        assert result.exit_code == 0, result.output
    assert "خوراک" not in text, "what rows say is their owner's"


def test_what_clients_keep_is_not_taken_for_what_was_put_right(
    person: Person, spoiled: UUID, database: Database
) -> None:
    """Nothing was recorded between the two, and yet the answer is another."""
    kept = person.get("/v1/categories")
    asked = {"If-None-Match": kept.headers["ETag"]}
    assert person.get("/v1/categories", headers=asked).status_code == 304
    rebuild_ledger(database, spoiled)
    after = person.get("/v1/categories", headers=asked)
    assert (after.status_code, len(after.get_json()["items"])) == (200, 1)
    assert after.headers["Ledger-Version"] == kept.headers["Ledger-Version"]
    assert kept.get_json()["items"] == []


def test_the_command_hands_out_jobs_and_says_when_it_cannot(
    command: Command, spoiled: UUID, environ: dict[str, str], app: Flask, operator: Person
) -> None:
    away = {**environ, "REDIS_URL": "redis://127.0.0.1:1"}
    args = ["projections", "rebuild", "--jobs", "2"]
    result = app.test_cli_runner().invoke(args=args, env=away)
    assert result.exit_code == 1
    assert "no worker would hear of it" in result.output
    [shown] = operator.get("/v1/ops/rebuilds").get_json()["items"]
    assert shown["status"] == "failed"


def test_no_ledger_is_passed_over(database: Database, person: Person, command: Command) -> None:
    known = database.read(lambda connection: ledger_ids(connection, *EVERYTHING, 10))
    [summary] = lines(command("verify", "--json"))
    assert summary["ledgers"] == len(known) == 1


@pytest.mark.parametrize("name", ["verify", "rebuild"])
@pytest.mark.parametrize("ledger_id", [UUID(int=0), UUID(int=7), UUID(int=2**128 - 1)])
def test_a_ledger_that_is_not_there_is_not_called_right(
    command: Command, name: str, ledger_id: UUID
) -> None:
    result = command(name, "--ledger", str(ledger_id))
    assert result.exit_code == 1
    assert result.output.strip().endswith(f"Error: there is no ledger {ledger_id}")
