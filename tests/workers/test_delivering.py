"""Delivering: every event reaches its webhook at least once, or is given up and says so."""

import datetime as dt
import json
import threading

import msgspec
import pytest

from domain.store import deliveries as store
from domain.store.erasure import erase
from domain.store.notices import list_notices
from domain.store.webhooks import (
    pause_webhook,
    remove_webhook,
    resume_webhook,
)
from tests.logs import Log
from tests.workers.hooked import Hooked
from tests.workers.receivers import Taken, says
from tests.workers.test_signing import signatures
from workers.delivering import (
    GIVEN_UP_AFTER,
    LONGEST_RETRY_AFTER_SECONDS,
    PAUSED_AFTER,
    PAUSED_AFTER_FAILURES,
    PAUSES_SECONDS,
    pause_seconds,
    rest_seconds,
)


def test_an_event_arrives_signed_and_as_it_was_recorded(hooked: Hooked) -> None:
    hooked.spend()
    hooked.send()
    [taken] = hooked.receiver.taken
    [sent] = hooked.deliveries()
    assert taken.headers["webhook-id"] == str(sent.id)
    assert int(taken.headers["webhook-timestamp"]) == int(hooked.clock.now.timestamp())
    assert taken.headers["webhook-signature"].split() == signatures(taken, hooked.secret)
    assert taken.headers["content-type"] == "application/json"
    body = json.loads(taken.body)
    assert body.keys() == {"type", "timestamp", "data"}
    assert (body["type"], body["data"]["topic"]) == ("expense-recorded", "expense-recorded.1")
    assert body["timestamp"] == body["data"]["recorded_at"]
    assert (body["data"]["ledger_id"], body["data"]["version"]) == (str(hooked.book.ledger_id), 3)
    assert body["data"]["data"]["amount_rials"] == 5
    assert (sent.status, sent.body, sent.version) == ("succeeded", taken.body.decode(), 3)
    [attempt] = sent.attempts
    assert (attempt.http_status, attempt.error) == (200, None)
    assert hooked.counted == ["succeeded"]


def test_it_hears_of_what_came_later_once_and_of_its_kinds(hooked: Hooked) -> None:
    other = hooked.hook(hooked.receiver.url("/other"), ("category-added",))
    hooked.spend(3)
    hooked.follow()
    hooked.send()
    versions = [json.loads(taken.body)["data"]["version"] for taken in hooked.receiver.taken]
    assert versions == [3, 4, 5]
    assert {taken.target for taken in hooked.receiver.taken} == {"/hook?token=hidden"}
    listed = msgspec.structs.replace(hooked.webhook(), id=other)
    assert hooked.deliveries(listed) == []


def test_what_fails_is_tried_again_under_its_id(hooked: Hooked) -> None:
    hooked.receiver.always = says(500)
    hooked.spend()
    hooked.send()
    [failed] = hooked.deliveries()
    assert failed.status == "failed"
    assert [(one.http_status, one.error) for one in failed.attempts] == [(500, "refused")]
    assert failed.next_try_at is not None
    assert 4 <= (failed.next_try_at - hooked.clock.now).total_seconds() <= 6
    hooked.wait(seconds=3)
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    hooked.receiver.always = says(204)
    hooked.wait(seconds=4)
    hooked.send()
    [done] = hooked.deliveries()
    assert (done.status, done.next_try_at) == ("succeeded", None)
    assert [one.http_status for one in done.attempts] == [500, 204]
    first, second = hooked.receiver.taken
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert hooked.webhook().failures == 0


def test_after_a_day_it_is_given_up_and_later_replayed(hooked: Hooked) -> None:
    hooked.receiver.always = says(503)
    hooked.spend()
    begun = hooked.clock.now
    while hooked.deliveries()[0].status != "gave_up":
        hooked.send()
        hooked.wait(minutes=10)
        assert hooked.clock.now < begun + GIVEN_UP_AFTER + dt.timedelta(hours=1)
    [given_up] = hooked.deliveries()
    took = given_up.attempts[-1].at - given_up.attempts[0].at
    assert dt.timedelta(hours=20) < took <= GIVEN_UP_AFTER
    assert 12 <= len(given_up.attempts) <= 20
    assert hooked.counted[-1] == "gave_up"
    hooked.receiver.always = says(200)
    hooked.wait(days=2)
    webhook, now = hooked.webhook(), hooked.clock.now
    hooked.database.write(lambda c: store.replay(c, webhook, given_up, now))
    hooked.send()
    [again] = hooked.deliveries()
    assert (again.status, again.id, again.tries) == ("succeeded", given_up.id, 1)
    assert len(again.attempts) == len(given_up.attempts) + 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_says_when_to_come_back(hooked: Hooked, status: int) -> None:
    hooked.receiver.always = says(status, "Retry-After: 1000")
    hooked.spend(2)
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    hooked.wait(seconds=990)
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    hooked.receiver.always = says(200)
    hooked.wait(seconds=15)
    hooked.send()
    assert [one.status for one in hooked.deliveries()] == ["succeeded"] * 2


def test_nobody_is_told_to_wait_for_ever(hooked: Hooked) -> None:
    hooked.receiver.always = says(429, "Retry-After: 99999999")
    hooked.spend()
    hooked.send()
    [failed] = hooked.deliveries()
    assert failed.next_try_at is not None
    waits = (failed.next_try_at - hooked.clock.now).total_seconds()
    assert waits == LONGEST_RETRY_AFTER_SECONDS


def test_one_message_that_is_not_to_its_taste_holds_up_no_other(hooked: Hooked) -> None:
    def picky(taken: Taken, connection: object) -> None:
        is_third = json.loads(taken.body)["data"]["version"] == 3
        says(500 if is_third else 200)(taken, connection)  # type: ignore[arg-type]

    hooked.receiver.always = picky
    hooked.spend(4)
    hooked.send()
    assert [one.status for one in hooked.deliveries()] == ["failed", *["succeeded"] * 3]


def test_a_dead_receiver_is_asked_less_and_less(hooked: Hooked) -> None:
    hooked.receiver.close()
    hooked.spend(50)
    hooked.send()
    assert hooked.webhook().failures == 2, "one more might have been to its taste"
    for _ in range(600):
        hooked.send()
        hooked.wait(seconds=1)
    tried = [attempt for one in hooked.deliveries() for attempt in one.attempts]
    assert 8 <= len(tried) <= 13
    assert {attempt.error for attempt in tried} == {"connect_failed"}


def test_news_wakes_nobody_who_rests(hooked: Hooked) -> None:
    hooked.receiver.always = says(500)
    for _ in range(600):
        hooked.spend()
        hooked.send()
        hooked.wait(seconds=1)
    assert 8 <= len(hooked.receiver.taken) <= 13


def test_who_asked_for_patience_is_left_alone_until_resumed(hooked: Hooked) -> None:
    hooked.receiver.always = says(429, "Retry-After: 3600")
    hooked.spend()
    hooked.send()
    hooked.receiver.always = says(200)
    hooked.wait(minutes=30)
    hooked.spend()
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    now, webhook = hooked.clock.now, hooked.webhook()
    hooked.database.write(lambda c: pause_webhook(c, webhook, "asked", now))
    hooked.database.write(lambda c: resume_webhook(c, webhook, now))
    hooked.send()
    assert len(hooked.receiver.taken) == 2
    hooked.wait(minutes=31)
    hooked.send()
    assert [one.status for one in hooked.deliveries()] == ["succeeded"] * 2


def test_who_is_gone_is_left_alone_and_its_owner_told(hooked: Hooked) -> None:
    hooked.receiver.always = says(410)
    hooked.spend(2)
    hooked.send()
    webhook = hooked.webhook()
    assert (webhook.pause_reason, webhook.paused_at) == ("gone", hooked.clock.now)
    ledger_id = hooked.book.ledger_id
    [notice] = hooked.database.read(lambda c: list_notices(c, ledger_id, None, 9, unread=True))
    assert (notice.kind, notice.data["url"]) == (
        "webhook_paused",
        hooked.receiver.url("/hook"),
    )
    hooked.spend()
    hooked.wait(hours=1)
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    hooked.receiver.always = says(200)
    now = hooked.clock.now
    hooked.database.write(lambda c: resume_webhook(c, webhook, now))
    hooked.send()
    assert [one.status for one in hooked.deliveries()] == ["succeeded"] * 3
    assert hooked.webhook().failures == 0


def test_who_fails_for_long_is_paused(hooked: Hooked) -> None:
    hooked.receiver.always = says(500)
    begun = hooked.clock.now
    hooked.spend(3)
    while hooked.webhook().paused_at is None:
        hooked.send()
        hooked.wait(minutes=20)
        assert hooked.clock.now < begun + dt.timedelta(days=3)
    webhook = hooked.webhook()
    assert webhook.pause_reason == "failing"
    assert webhook.failures >= PAUSED_AFTER_FAILURES
    assert hooked.clock.now - begun >= PAUSED_AFTER


def test_one_success_forgives_all_failures(hooked: Hooked) -> None:
    hooked.receiver.always = says(500)
    hooked.spend()
    for _ in range(5):
        hooked.send()
        hooked.wait(hours=1)
    assert hooked.webhook().failures == 5
    hooked.receiver.always = says(200)
    hooked.send()
    assert (hooked.webhook().failures, hooked.webhook().failing_since) == (0, None)


def test_two_that_send_send_everything_once(hooked: Hooked) -> None:
    hooked.spend(20)
    threads = [threading.Thread(target=hooked.send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hooked.wait(seconds=60)
    hooked.send()
    versions = [json.loads(taken.body)["data"]["version"] for taken in hooked.receiver.taken]
    assert versions == list(range(3, 23))


def test_a_lease_that_was_lost_notes_nothing(hooked: Hooked) -> None:
    def slow(taken: Taken, connection: object) -> None:
        if len(hooked.receiver.taken) == 1:
            # Its sender seems to have died, and another one sends again.
            hooked.wait(seconds=60)
            hooked.send()
        says(200)(taken, connection)  # type: ignore[arg-type]

    hooked.receiver.always = slow
    hooked.spend()
    hooked.send()
    [sent] = hooked.deliveries()
    assert [one.status for one in hooked.deliveries()] == ["succeeded"]
    assert (len(sent.attempts), len(hooked.receiver.taken)) == (1, 2)
    assert len({taken.headers["webhook-id"] for taken in hooked.receiver.taken}) == 1


def during(hooked: Hooked, work: object) -> None:
    """Do something while a message is on its way."""

    def busy(taken: Taken, connection: object) -> None:
        hooked.database.write(work)  # type: ignore[arg-type]
        says(200)(taken, connection)  # type: ignore[arg-type]

    hooked.receiver.always = busy


def test_an_erasure_leaves_nothing_of_a_message_on_its_way(hooked: Hooked) -> None:
    now = hooked.clock.now
    during(hooked, lambda c: erase(c, hooked.book.ledger_id, now))
    hooked.spend(2)
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    for table in ("webhooks", "webhook_deliveries", "notifications"):
        assert hooked.book.count(table) == 0


def test_an_erasure_while_it_says_gone(hooked: Hooked) -> None:
    def busy(taken: Taken, connection: object) -> None:
        now = hooked.clock.now
        hooked.database.write(lambda c: erase(c, hooked.book.ledger_id, now))
        says(410)(taken, connection)  # type: ignore[arg-type]

    hooked.receiver.always = busy
    hooked.spend()
    hooked.send()
    assert hooked.book.count("notifications") == 0


def test_a_webhook_removed_meanwhile_stays_removed(hooked: Hooked) -> None:
    webhook = hooked.webhook()
    during(hooked, lambda c: remove_webhook(c, webhook))
    hooked.spend(2)
    hooked.send()
    assert len(hooked.receiver.taken) == 1
    assert hooked.book.count("webhook_deliveries") == 0


def test_a_webhook_paused_meanwhile_notes_what_arrived_and_sends_no_more(hooked: Hooked) -> None:
    webhook, now = hooked.webhook(), hooked.clock.now
    during(hooked, lambda c: pause_webhook(c, webhook, "asked", now))
    hooked.spend(2)
    hooked.send()
    hooked.wait(hours=1)
    hooked.send()
    assert [one.status for one in hooked.deliveries()] == ["succeeded", "pending"]
    assert len(hooked.receiver.taken) == 1


def test_what_waits_is_bounded(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_WAITING", 3)
    hooked.spend(5)
    assert len(hooked.deliveries()) == 3
    assert hooked.webhook().skipped == 2
    hooked.send()
    hooked.spend()
    hooked.send()
    assert len(hooked.receiver.taken) == 4
    assert hooked.webhook().skipped == 2


def test_a_month_later_it_is_forgotten(hooked: Hooked) -> None:
    hooked.spend(2)
    hooked.send()
    for days, removed in ((29, 0), (2, 2), (0, 0)):
        hooked.wait(days=days)
        now = hooked.clock.now
        assert hooked.database.write(lambda c, now=now: store.remove_old_deliveries(c, now)) == (  # type: ignore[misc]
            removed
        )
    assert hooked.webhook().skipped == 0


def test_no_line_of_the_log_tells_where_or_what(hooked: Hooked, logged: Log) -> None:
    hooked.spend()
    hooked.send()
    hooked.receiver.close()
    hooked.spend()
    hooked.send()
    [line, failed] = [line for line in logged.lines() if line["event"] == "webhook"]
    assert (line["outcome"], line["status"]) == ("succeeded", 200)
    assert (failed["outcome"], failed["error"]) == ("failed", "connect_failed")
    for hidden in ("hidden", "token", "127.0.0.1", hooked.secret, "amount_rials"):
        assert hidden not in str(logged.lines())


def test_pauses_grow_and_differ() -> None:
    for tries, seconds in enumerate([*PAUSES_SECONDS, PAUSES_SECONDS[-1]]):
        drawn = {pause_seconds(tries) for _ in range(50)}
        assert len(drawn) > 10
        assert all(0.8 * seconds <= one <= 1.2 * seconds for one in drawn)
    assert [rest_seconds(failures) for failures in (0, 1, 2, 3, 9, 10, 10**6)] == [
        *(0, 1, 2, 4, 256, 300, 300)
    ]
