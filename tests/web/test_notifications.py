"""Notifications over HTTP: listed, counted, read, and told as each person wishes."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from rq import Queue
from werkzeug.test import TestResponse

from domain.store.ledgers import utc_now
from domain.store.notices import KINDS, Kind, tell
from domain.store.queue import MESSAGES_QUEUE
from tests.web.households import refused
from tests.web.people import Person
from web.services import Services

BUDGET = {"category": "خوراک", "used": 80_000, "max_amount": 100_000, "percent": 80}
SAMPLES: dict[Kind, dict[str, object]] = {
    "budget_near": BUDGET,
    "budget_reached": BUDGET | {"used": 123_000, "percent": 123},
    "budget_missed": {
        "category": "سفر",
        "used": -5,
        "min_amount": 9_000,
        "start": "1405-08-01",
        "end": "1405-08-30",
    },
    "surplus_saved": {"amount": 1_500_000, "month": "1405-08"},
    "draft_waiting": {
        "count": 2,
        "draft_id": str(uuid4()),
        "category": "اجاره",
        "amount": 5_000_000,
        "date": "1405-09-01",
    },
    "sign_in": {"session_id": str(uuid4()), "device": None},
    "export_ready": {"export_id": str(uuid4()), "format": "csv"},
    "webhook_paused": {"webhook_id": str(uuid4()), "url": "https://example.ir/hook"},
}


def told(services: Services, person: Person, *kinds: Kind, key: str = "one") -> None:
    """Tell somebody things."""
    ledger_id = UUID(person.get("/v1/me").get_json()["ledger_id"])
    for kind in kinds:
        services.database.write(
            lambda c, kind=kind: tell(c, ledger_id, kind, key, SAMPLES[kind], utc_now())  # type: ignore[misc]
        )


def done(answer: TestResponse) -> Any:
    """What a request that went well came to."""
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def listed(person: Person, query: str = "", **headers: str) -> dict[str, Any]:
    """The list that somebody sees."""
    page: dict[str, Any] = done(person.get(f"/v1/notifications{query}", headers=headers))
    return page


def test_every_kind_reads_well_in_both_languages(person: Person, services: Services) -> None:
    assert SAMPLES.keys() == set(KINDS)
    told(services, person, *KINDS)
    persian = {one["kind"]: one for one in listed(person)["items"]}
    english = {one["kind"]: one for one in listed(person, **{"Accept-Language": "en"})["items"]}
    assert persian["budget_near"]["body"] == (
        "از بودجهٔ خوراک، ۸۰٬۰۰۰ از ۱۰۰٬۰۰۰ ریال به کار رفته است: ۸۰٪."
    )
    assert english["surplus_saved"]["body"] == "1,500,000 rials of Aban 1405 were put aside."
    assert "آبان ۱۴۰۵" in persian["surplus_saved"]["body"]
    assert "۱۴۰۵-۰۸-۳۰" in persian["budget_missed"]["body"]
    assert "an unknown device" in english["sign_in"]["body"]
    for kind in KINDS:
        for one in (persian[kind], english[kind]):
            assert "notice_" not in one["title"] + one["body"]
            assert "%(" not in one["title"] + one["body"]
        assert persian[kind]["data"] == SAMPLES[kind]
        assert persian[kind]["title"] != english[kind]["title"]


def test_the_newest_come_first_a_page_at_a_time(person: Person, services: Services) -> None:
    for number in range(5):
        told(services, person, "sign_in", key=str(number))
    everything = [one["id"] for one in listed(person)["items"]]
    assert everything == sorted(everything, reverse=True)
    pages, cursor = [], ""
    while True:
        page = listed(person, f"?limit=2{cursor}")
        assert page["unread_count"] == 5
        pages.append([one["id"] for one in page["items"]])
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one for page in pages for one in page] == everything


def test_one_is_read(person: Person, services: Services) -> None:
    told(services, person, "sign_in", "export_ready")
    newest, oldest = (one["id"] for one in listed(person)["items"])
    first = done(person.post(f"/v1/notifications/{newest}/read"))
    assert first["read_at"] is not None
    assert done(person.post(f"/v1/notifications/{newest}/read")) == first
    unread = listed(person, "?unread=true")
    assert ([one["id"] for one in unread["items"]], unread["unread_count"]) == ([oldest], 1)
    refused(person.post(f"/v1/notifications/{uuid4()}/read"), 404, "notification_not_found")


def test_all_are_read_or_all_up_to_one(person: Person, services: Services) -> None:
    told(services, person, "sign_in", "export_ready", "webhook_paused")
    middle = listed(person)["items"][1]["id"]
    result = done(person.post("/v1/notifications/read", {"up_to": middle}))
    assert result == {"marked": 2, "unread_count": 1}
    assert done(person.post("/v1/notifications/read", {})) == {"marked": 1, "unread_count": 0}
    assert done(person.post("/v1/notifications/read", {})) == {"marked": 0, "unread_count": 0}


def test_an_answer_is_known_by_what_it_says(person: Person, services: Services) -> None:
    def ask(known: str = "") -> Any:
        return person.get("/v1/notifications", headers={"If-None-Match": known})

    told(services, person, "sign_in")
    tag = ask().headers["ETag"]
    assert ask(tag).status_code == 304
    told(services, person, "export_ready")
    newer = ask(tag)
    assert newer.status_code == 200
    person.post("/v1/notifications/read", {})
    assert ask(newer.headers["ETag"]).status_code == 200
    english = {"If-None-Match": tag, "Accept-Language": "en"}
    assert person.get("/v1/notifications", headers=english).status_code == 200
    assert newer.headers["Vary"] == "Accept-Language"


def test_wishes_are_kept_and_honoured(person: Person, services: Services) -> None:
    path = "/v1/notifications/settings"
    channels = {kind: {"in_app": True, "sms": False} for kind in KINDS}
    before = person.get(path)
    assert before.get_json() == {"language": "fa", "channels": channels}
    wanted = {"in_app": False, "sms": True}
    body = {"language": "en", "channels": {"export_ready": wanted}}
    after = {"language": "en", "channels": channels | {"export_ready": wanted}}
    assert done(person.put(path, body)) == after
    again = person.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert (again.status_code, again.get_json()) == (200, after)
    told(services, person, "export_ready", "sign_in")
    assert [one["kind"] for one in listed(person)["items"]] == ["sign_in"]


BOTH = {"in_app": True, "sms": True}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "channels", "required"),
        ({"channels": {"gossip": BOTH}}, "channels.gossip", "unknown_field"),
        ({"channels": {"sign_in": {"in_app": True}}}, "channels.sign_in.sms", "required"),
        ({"channels": {"sign_in": BOTH | {"sms": 1}}}, "channels.sign_in.sms", "not_a_boolean"),
        ({"channels": {"sign_in": None}}, "channels.sign_in", "null_not_allowed"),
        ({"channels": {}, "language": "de"}, "language", "invalid_choice"),
    ],
)
def test_wishes_nobody_can_have(person: Person, body: Any, field: str, code: str) -> None:
    answer = person.put("/v1/notifications/settings", body)
    [error] = refused(answer, 422, "validation_failed")["errors"]
    assert (error["field"], error["code"]) == (field, code)


@pytest.mark.parametrize("query", ["?unread=yes", "?cursor=abc", "?limit=0", "?page=1"])
def test_questions_nobody_can_answer(person: Person, query: str) -> None:
    refused(person.get(f"/v1/notifications{query}"), 422, "validation_failed")
    refused(person.post(f"/v1/notifications/read{query}", {}), 422, "validation_failed")


def sign_in_again(
    sign_in: Callable[..., Person], valkey: redis.Redis, device: str | None
) -> dict[str, Any]:
    """What a person is told after signing in on a device."""
    for key in valkey.scan_iter("otp:*"):
        valkey.delete(key)
    return listed(sign_in(device=device))


def test_a_new_device_is_told_and_a_known_one_is_not(
    sign_in: Callable[..., Person], valkey: redis.Redis
) -> None:
    assert listed(sign_in(device="گوشی"))["items"] == []
    assert sign_in_again(sign_in, valkey, "گوشی")["items"] == []
    [told_now] = sign_in_again(sign_in, valkey, "laptop")["items"]
    assert told_now["kind"] == "sign_in"
    assert told_now["data"]["device"] == "laptop"
    assert "laptop" in told_now["body"]
    assert len(sign_in_again(sign_in, valkey, "laptop")["items"]) == 1
    assert len(sign_in_again(sign_in, valkey, "گوشی")["items"]) == 1


def test_a_device_stays_known_when_it_was_signed_out(
    sign_in: Callable[..., Person], valkey: redis.Redis
) -> None:
    assert sign_in(device="phone").post("/v1/auth/logout").status_code == 204
    assert sign_in_again(sign_in, valkey, "phone")["items"] == []
    assert len(sign_in_again(sign_in, valkey, "else")["items"]) == 1


def test_an_sms_of_a_new_device_is_queued_at_once(
    sign_in: Callable[..., Person], valkey: redis.Redis
) -> None:
    body = {"channels": {"sign_in": {"in_app": True, "sms": True}}}
    done(sign_in(device="phone").put("/v1/notifications/settings", body))
    [told_now] = sign_in_again(sign_in, valkey, "laptop")["items"]
    assert Queue(MESSAGES_QUEUE, connection=valkey).job_ids == [f"text-{told_now['id']}"]
