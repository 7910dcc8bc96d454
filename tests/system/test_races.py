"""Many at once: real threads, two real server processes, one ledger."""

from collections import Counter
from collections.abc import Callable

import pytest
import redis

from tests.servers import LiveServer
from tests.system.auditor import audited, count_rows
from tests.system.people import Person, ask_for_code, present_code, sign_in, together

pytestmark = pytest.mark.slow

PHONE = "09121234567"
MILLION = 1_000_000


@pytest.fixture
def servers(live_server: Callable[..., LiveServer]) -> list[LiveServer]:
    """Two server processes on the same data."""
    return [live_server(), live_server()]


@pytest.fixture
def devices(servers: list[LiveServer]) -> list[Person]:
    """One person, once at either server."""
    person = sign_in(servers[0], PHONE)
    return [person.at(server) for server in servers]


@pytest.mark.parametrize("processes", [1, 2])
def test_thirty_two_commands_at_once_are_all_recorded(
    devices: list[Person], database_url: str, processes: int
) -> None:
    pay = devices[0].add_category("income", "حقوق")
    food = devices[0].add_category("expense", "خوراک")

    def record(index: int) -> int:
        category, amount = (pay, 1000 + index) if index % 2 else (food, index + 1)
        answer = devices[index % processes].record(category, amount)
        assert answer.status_code == 201, answer.text
        assert int(answer.headers["Ledger-Version"]) == answer.json()["version"]
        return int(answer.json()["version"])

    versions = together(32, record)

    assert sorted(versions) == list(range(4, 36))
    state = audited(database_url, devices[0].ledger_id())
    assert state.version == 35
    earned = sum(1000 + index for index in range(1, 32, 2))
    spent = sum(index + 1 for index in range(0, 32, 2))
    assert [device.balance() for device in devices] == [earned - spent] * 2


def test_a_surplus_is_saved_once_by_eight_at_once(devices: list[Person], database_url: str) -> None:
    pay = devices[0].add_category("income", "حقوق")
    assert devices[0].record(pay, MILLION).status_code == 201

    answers = together(
        8, lambda index: devices[index % 2].post("/v1/savings/auto", {"confirm": True})
    )

    saved = sorted((answer.status_code, answer.json()["saved_amount"]) for answer in answers)
    assert saved == [(200, 0)] * 7 + [(201, MILLION)]
    assert audited(database_url, devices[0].ledger_id()).totals.savings == MILLION
    assert devices[1].balance() == 0


def test_savings_are_not_withdrawn_twice_by_eight_at_once(
    devices: list[Person], database_url: str
) -> None:
    pot = devices[0].add_category("savings", "سفر")
    assert devices[0].record(pot, MILLION).status_code == 201

    answers = together(
        8, lambda index: devices[index % 2].record(pot, MILLION, direction="withdraw")
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"savings_too_low"}
    assert audited(database_url, devices[0].ledger_id()).totals.savings == 0


def test_one_idempotency_key_from_eight_records_once(
    devices: list[Person], database_url: str
) -> None:
    food = devices[0].add_category("expense", "خوراک")
    body = {"category_id": food, "amount": 500, "description": "نان"}

    answers = together(
        8,
        lambda index: devices[index % 2].post(
            "/v1/transactions", body, Idempotency_Key="the-same-bread"
        ),
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    for name in ("ETag", "Location", "Ledger-Version", "Content-Type"):
        assert len({answer.headers[name] for answer in answers}) == 1
    replayed = Counter(answer.headers.get("Idempotency-Replayed") for answer in answers)
    assert replayed == {None: 1, "true": 7}
    assert audited(database_url, devices[0].ledger_id()).version == 3


def test_one_chosen_id_from_eight_records_once(devices: list[Person], database_url: str) -> None:
    food = devices[0].add_category("expense", "خوراک")
    chosen = "6f9619ff-8b86-d011-b42d-00c04fc964ff"

    answers = together(8, lambda index: devices[index % 2].record(food, 500, id=chosen))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
    assert len({answer.content for answer in answers}) == 1
    assert audited(database_url, devices[0].ledger_id()).version == 3


def test_one_category_name_from_eight_is_taken_once(
    devices: list[Person], database_url: str
) -> None:
    body = {"name": "خوراک", "kind": "expense"}

    answers = together(8, lambda index: devices[index % 2].post("/v1/categories", body))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert len(audited(database_url, devices[0].ledger_id()).categories) == 1


def test_sixteen_refreshes_of_one_token_give_one_successor(devices: list[Person]) -> None:
    token = devices[0].tokens["refresh_token"]

    answers = together(16, lambda index: devices[index % 2].refresh(token))

    assert {answer.status_code for answer in answers} == {200}
    [successor] = {answer.json()["refresh_token"] for answer in answers}
    assert devices[1].refresh(successor).status_code == 200


def test_two_first_sign_ins_at_once_make_one_account(
    servers: list[LiveServer], valkey_url: str, database_url: str
) -> None:
    bodies = []
    for server in servers:
        bodies.append(ask_for_code(server, PHONE))
        _forget_cooldown(valkey_url)

    answers = together(2, lambda index: present_code(servers[index], bodies[index]))

    accounts = [answer.json()["account"] for answer in answers]
    assert len({account["id"] for account in accounts}) == 1
    assert sorted(account["is_new"] for account in accounts) == [False, True]
    assert count_rows(database_url, "accounts") == 1
    assert count_rows(database_url, "ledgers") == 1
    person = Person(servers[0].base_url, answers[0].json())
    assert audited(database_url, person.ledger_id()).version == 1


def test_one_code_from_five_signs_in_once(servers: list[LiveServer], database_url: str) -> None:
    body = ask_for_code(servers[0], PHONE)

    answers = together(5, lambda index: present_code(servers[index % 2], body))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 4}
    assert count_rows(database_url, "sessions") == 1


def _forget_cooldown(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        for key in client.scan_iter("otp:phone:*"):
            client.delete(key)
