"""Erasures under load and under SIGKILL: real servers, all or nothing."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Final
from uuid import UUID, uuid4

import pytest
import redis
import requests

from domain.store.database import Connection, Database
from projections.verify import facts_of_state
from tests.servers import LiveServer, wait_until
from tests.system.auditor import assert_file_is_sound, audited
from tests.system.people import TIMEOUT_SECONDS, Person, ask_for_code, sign_in
from tests.traces import traces

pytestmark = pytest.mark.slow

PHONE: Final = "09121234567"
SECRET: Final = "لواشک-برای-عمه-زری"
CLIENTS: Final = 8
ENTRIES: Final = 2000

# Deleting a session, late in an erasure, takes as long as a test needs to come in between.
SLOW: Final = {
    "sqlite": [
        """
        CREATE TRIGGER slowly BEFORE DELETE ON sessions BEGIN
            SELECT count(*) FROM (
                WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted)
                SELECT n FROM counted LIMIT 1000000000
            );
        END
        """
    ],
    "postgresql": [
        """
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(600); RETURN OLD; END $$
        """,
        "CREATE TRIGGER slowly BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION slowly()",
    ],
}


@pytest.fixture
def fresh_code(valkey_url: str) -> Callable[[LiveServer], dict[str, str]]:
    """Sends a code, however lately another was sent: `{phone, request_id, code}`."""

    def ask(server: LiveServer) -> dict[str, str]:
        with redis.Redis.from_url(valkey_url) as client:
            for counts in ("otp:phone:*", "otp:tried:*"):
                for key in client.scan_iter(counts):
                    client.delete(key)
        return ask_for_code(server, PHONE)

    return ask


FreshCode = Callable[[LiveServer], dict[str, str]]


def test_clients_at_two_servers_are_recorded_before_or_refused(
    live_server: Callable[..., LiveServer], fresh_code: FreshCode, database: Database
) -> None:
    servers = [live_server(), live_server()]
    person = sign_in(servers[0], PHONE)
    account_id, ledger_id = UUID(person.tokens["account"]["id"]), person.ledger_id()
    food = person.add_category("expense", SECRET)
    code, recorded = fresh_code(servers[0]), threading.Semaphore(0)

    def spend(number: int) -> Counter[tuple[int, str | None]]:
        device, heard = person.at(servers[number % 2]), Counter[tuple[int, str | None]]()
        while not any(status == 401 for status, _code in heard):
            body = {"category_id": food, "amount": 10, "description": SECRET}
            answer = device.post("/v1/transactions", body, Idempotency_Key=str(uuid4()))
            heard[answer.status_code, None if answer.ok else answer.json()["code"]] += 1
            recorded.release()
        return heard

    with ThreadPoolExecutor(CLIENTS) as pool:
        busy = [pool.submit(spend, number) for number in range(CLIENTS)]
        for _ in range(5 * CLIENTS):
            recorded.acquire()
        assert erase(person, code).status_code == 204
    heard = sum((one.result() for one in busy), Counter[tuple[int, str | None]]())

    assert set(heard) == {(201, None), (401, "session_ended")}
    assert heard[401, "session_ended"] == CLIENTS
    assert heard[201, None] >= 4 * CLIENTS
    assert traces(database, account_id, SECRET, "+989121234567") == set()
    assert traces(database, ledger_id) == {"tombstones"}


def test_a_server_killed_in_the_middle_has_erased_nothing(
    live_server: Callable[..., LiveServer],
    fresh_code: FreshCode,
    database: Database,
    database_url: str,
) -> None:
    server = live_server()
    person = sign_in(server, PHONE)
    ledger_id = person.ledger_id()
    fill(person, 10)
    before = facts_of_state(audited(database_url, ledger_id))
    code = fresh_code(server)
    with slow_erasures(database), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(erase, person, code)
        wait_until(lambda: is_locked(database, ledger_id))
        time.sleep(0.5)  # by now it purges
        assert not asked.done()
        server.kill()
        with pytest.raises(requests.RequestException):
            asked.result()
        end_other_connections(database)

    assert_file_is_sound(database_url)
    assert facts_of_state(audited(database_url, ledger_id)) == before
    server.start()
    assert person.balance() == -10
    assert erase(person, fresh_code(server)).status_code == 204
    assert traces(database, ledger_id) == {"tombstones"}


def test_a_server_killed_at_any_moment_has_erased_all_or_nothing(
    live_server: Callable[..., LiveServer],
    fresh_code: FreshCode,
    database: Database,
    database_url: str,
) -> None:
    server = live_server()
    outcomes = Counter[bool]()
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4):
        person = Person(server.base_url, sign_in_again(server, fresh_code))
        account_id, ledger_id = UUID(person.tokens["account"]["id"]), person.ledger_id()
        if person.balance() == 0:
            fill(person, ENTRIES)
        code = fresh_code(server)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(erase, person, code)
            time.sleep(delay)
            server.kill()
            acknowledged = asked.exception() is None
        assert_file_is_sound(database_url)
        # PostgreSQL may be at it still, for a moment.
        wait_until(lambda ledger_id=ledger_id: not is_locked(database, ledger_id))  # type: ignore[misc]
        is_gone = traces(database, ledger_id) == {"tombstones"}
        outcomes[is_gone] += 1
        if is_gone:
            assert traces(database, account_id, SECRET) == set()
        else:
            assert not acknowledged
            assert audited(database_url, ledger_id).totals.expense == ENTRIES
        server.start()
    assert outcomes[False] >= 1


def erase(person: Person, code: Mapping[str, str]) -> requests.Response:
    """Ask for the end."""
    return requests.delete(
        f"{person.base_url}/v1/me",
        json=code,
        headers={"Authorization": f"Bearer {person.tokens['access_token']}"},
        timeout=TIMEOUT_SECONDS,
    )


def fill(person: Person, entries: int) -> None:
    """Spend so many times one Rial."""
    food = person.add_category("expense", "خوراک")
    item = {"category_id": food, "amount": 1, "description": SECRET}
    for start in range(0, entries, 1000):
        body = {"items": [item] * min(1000, entries - start)}
        assert person.post("/v1/transactions/batch", body).status_code == 201


def sign_in_again(server: LiveServer, fresh_code: FreshCode) -> dict[str, str]:
    """Tokens of the person, whether known or erased meanwhile."""
    url = f"{server.base_url}/v1/auth/token"
    answer = requests.post(url, json=fresh_code(server), timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


@contextmanager
def slow_erasures(database: Database) -> Iterator[None]:
    """Every erasure hangs when it comes to the sessions."""
    for statement in SLOW[database.dialect]:
        database.write(lambda connection, statement=statement: connection.run(statement))  # type: ignore[misc]
    yield
    drop = "DROP TRIGGER slowly" + (" ON sessions" if database.dialect == "postgresql" else "")
    database.write(lambda connection: connection.run(drop))


def is_locked(database: Database, ledger_id: UUID) -> bool:
    """Whether somebody holds the lock that a command on this ledger needs."""
    if database.dialect == "sqlite":
        with closing(sqlite3.connect(database.engine.url.database or "", timeout=0)) as raw:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    find = "SELECT 1 FROM ledgers WHERE ledger_id = :ledger_id"

    def passed_over(connection: Connection) -> bool:
        is_there = connection.one(find, ledger_id=ledger_id) is not None
        return (
            is_there
            and connection.one(f"{find} FOR UPDATE SKIP LOCKED", ledger_id=ledger_id) is None
        )

    return database.write(passed_over)


def end_other_connections(database: Database) -> None:
    """A killed client's statement goes on in PostgreSQL until it wants to answer."""
    if database.dialect == "postgresql":
        database.read(
            lambda connection: connection.all(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state = 'active'"
            )
        )
