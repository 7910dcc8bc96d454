"""Admission: turns are taken in order, and nobody waits for one without end."""

import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.servers import wait_until
from tests.web.people import Person
from web import admission
from web.admission import Turns

LONG_SECONDS = 20


def test_turns_are_given_in_the_order_of_asking() -> None:
    turns = Turns(1)
    assert turns.take(LONG_SECONDS)
    order: list[int] = []

    def wait(number: int) -> None:
        assert turns.take(LONG_SECONDS)
        order.append(number)
        turns.give_back()

    waiting = []
    for number in range(5):
        waiting.append(threading.Thread(target=wait, args=(number,)))
        waiting[-1].start()
        wait_until(lambda: turns.waiting == len(waiting))
    turns.give_back()
    for thread in waiting:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert turns.take(0)


def test_no_turn_is_lost_when_many_lose_patience() -> None:
    turns = Turns(3)

    def hurry() -> None:
        for _ in range(50):
            if turns.take(0.001):
                time.sleep(0.0005)
                turns.give_back()

    threads = [threading.Thread(target=hurry) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns.waiting == 0
    assert [turns.take(0) for _ in range(4)] == [True, True, True, False]


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, app: Flask, client: FlaskClient) -> Callable[[], None]:
    """Takes every turn of the app, which has less patience than usual."""
    monkeypatch.setattr(admission, "PATIENCE_SECONDS", 0.05)
    turns: Turns = app.extensions[admission.EXTENSION]

    def take_all() -> None:
        for _ in range(admission.AT_ONCE):
            assert turns.take(0)

    return take_all


@pytest.mark.parametrize("path", ["/v1/balance", "/readyz", "/nowhere"])
def test_who_waits_too_long_is_told_to_come_again(
    busy: Callable[[], None], person: Person, path: str
) -> None:
    busy()
    answer = person.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_whether_it_is_alive_is_told_at_once(
    busy: Callable[[], None], client: FlaskClient, path: str
) -> None:
    busy()
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/v1/balance", "/nowhere", "/v1/transactions?limit=x"])
def test_every_turn_comes_back(app: Flask, person: Person, path: str) -> None:
    for _ in range(admission.AT_ONCE + 1):
        assert person.get(path).status_code != 503
    turns: Turns = app.extensions[admission.EXTENSION]
    assert [turns.take(0) for _ in range(admission.AT_ONCE + 1)].count(True) == admission.AT_ONCE
