"""Webhooks over HTTP: registered, changed, paused, removed; secrets told once."""

import base64
from uuid import UUID, uuid4

import pytest

from domain.store.accounts import resume, suspend
from domain.store.deliveries import due_webhooks
from domain.store.ledgers import utc_now
from domain.store.webhooks import MOST_WEBHOOKS
from tests.web.households import add_category, flaws, items, ledger_version, refused, shown
from tests.web.people import Person
from web.services import Services

HOOK = {"url": "https://example.ir/hook?key=1", "events": ["expense-recorded"]}


@pytest.fixture
def hook(person: Person) -> dict[str, object]:
    """A webhook, as it was answered when it was made."""
    return shown(person.post("/v1/webhooks", HOOK), 201)


def test_a_webhook_is_made_and_shows_its_secret_once(person: Person) -> None:
    answer = person.post("/v1/webhooks", {**HOOK, "description": "برای خانه"})
    made = shown(answer, 201)
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    assert answer.headers["Location"] == f"/v1/webhooks/{made['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert made["is_active"]
    assert made["since_version"] == ledger_version(person)
    del made["secret"]
    read = person.get(answer.headers["Location"])
    assert shown(read) == made
    assert read.headers["ETag"].startswith('"1.')
    assert items(person, "/v1/webhooks") == [made]


def test_no_secret_is_stored_in_clear(person: Person, services: Services) -> None:
    headers = {"Idempotency-Key": "hook"}
    made = shown(person.post("/v1/webhooks", HOOK, headers=headers), 201)
    rotated = shown(person.post(f"/v1/webhooks/{made['id']}/secret"))
    assert made["secret"] != rotated["secret"]
    with services.database.reading() as connection:
        rows = connection.all("SELECT * FROM webhooks")
        rows += connection.all("SELECT * FROM idempotency_keys")
    for secret in (made["secret"], rotated["secret"]):
        assert secret not in str(rows)
        assert secret.removeprefix("whsec_") not in str(rows)


def test_a_repeated_request_makes_one_webhook_and_tells_no_secret(person: Person) -> None:
    headers = {"Idempotency-Key": "hook"}
    first, again = (person.post("/v1/webhooks", HOOK, headers=headers) for _ in range(2))
    assert shown(again, 201) == {**shown(first, 201), "secret": None}
    chosen = {**HOOK, "id": str(uuid4())}
    shown(person.post("/v1/webhooks", chosen), 201)
    assert shown(person.post("/v1/webhooks", chosen))["secret"] is None
    refused(person.post("/v1/webhooks", {**chosen, "events": ["*"]}), 409, "id_taken")
    assert len(items(person, "/v1/webhooks")) == 2


def test_a_dry_run_makes_nothing(person: Person, hook: dict[str, object]) -> None:
    path = f"/v1/webhooks/{hook['id']}"
    before = items(person, "/v1/webhooks")
    assert shown(person.post("/v1/webhooks?dry_run=true", HOOK))["events"] == []
    assert "secret" not in shown(person.post(f"{path}/secret?dry_run=true"))
    shown(person.patch(f"{path}?dry_run=true", {"is_active": False}))
    shown(person.post(f"{path}/test?dry_run=true"))
    shown(person.delete(f"{path}?dry_run=true"))
    assert items(person, "/v1/webhooks") == before
    assert items(person, f"{path}/deliveries") == []


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"url": "http://example.ir"}, "url", "address_refused"),
        ({"url": "https://127.0.0.1/"}, "url", "address_refused"),
        ({"url": "https://127.1/"}, "url", "address_refused"),
        ({"url": "https://0x7f.1/"}, "url", "address_refused"),
        ({"url": "https://2130706433/"}, "url", "address_refused"),
        ({"url": "https://[::1]/"}, "url", "address_refused"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "url", "address_refused"),
        ({"url": "https://169.254.169.254/latest"}, "url", "address_refused"),
        ({"url": "ftp://example.ir"}, "url", "invalid_url"),
        ({"url": "https://user:pass@example.ir"}, "url", "invalid_url"),
        ({"url": "https://example.ir/#x"}, "url", "invalid_url"),
        ({"url": "https://مثال.ایران"}, "url", "invalid_url"),
        ({"url": "https://"}, "url", "invalid_url"),
        ({"url": "https://example.ir:0"}, "url", "invalid_url"),
        ({"url": "https://example.ir:99999"}, "url", "invalid_url"),
        ({"url": "https://[::1%25lo]/"}, "url", "invalid_url"),
        ({"url": "https://a\\b.ir/"}, "url", "invalid_url"),
        ({"url": "https://e.ir/" + "a" * 2000}, "url", "too_long"),
        ({"url": None}, "url", "null_not_allowed"),
        ({"events": []}, "events", "too_few"),
        ({"events": ["expense-recorded.1"]}, "events.0", "invalid_choice"),
        ({"secret": "whsec_mine"}, "secret", "unknown_field"),
    ],
)
def test_what_makes_no_sense_is_refused(
    person: Person, hook: dict[str, object], changed: dict[str, object], field: str, code: str
) -> None:
    assert flaws(person.post("/v1/webhooks", {**HOOK, **changed})) == {(field, code)}
    assert flaws(person.patch(f"/v1/webhooks/{hook['id']}", changed)) == {(field, code)}


def test_there_are_ten_at_most(person: Person) -> None:
    for _ in range(MOST_WEBHOOKS):
        shown(person.post("/v1/webhooks", HOOK), 201)
    refused(person.post("/v1/webhooks", HOOK), 409, "too_many_webhooks")
    english = person.post("/v1/webhooks", HOOK, headers={"Accept-Language": "en"})
    assert english.get_json()["detail"] == "There can be 10 webhooks; remove one first."


def test_a_webhook_is_changed_paused_and_resumed(person: Person, hook: dict[str, object]) -> None:
    path = f"/v1/webhooks/{hook['id']}"
    changed = shown(person.patch(path, {"events": ["budget-set", "*"], "description": "خانه"}))
    assert (changed["events"], changed["description"], changed["version"]) == (["*"], "خانه", 2)
    paused = shown(person.patch(path, {"is_active": False}))
    assert (paused["is_active"], paused["pause_reason"], paused["version"]) == (False, "asked", 3)
    assert paused["paused_at"] is not None
    assert shown(person.patch(path, {"is_active": False})) == paused
    resumed = shown(person.patch(path, {"is_active": True}, headers={"If-Match": '"3"'}))
    assert (resumed["is_active"], resumed["paused_at"], resumed["version"]) == (True, None, 4)
    stale = person.patch(path, {"url": "https://example.com"}, headers={"If-Match": '"3"'})
    refused(stale, 412, "version_mismatch")


def test_an_entity_tag_covers_what_no_version_tells(
    person: Person, hook: dict[str, object], services: Services
) -> None:
    path = f"/v1/webhooks/{hook['id']}"
    tag = person.get(path).headers["ETag"]
    assert person.get(path, headers={"If-None-Match": tag}).status_code == 304
    services.database.write(lambda c: c.run("UPDATE webhooks SET failures = 3"))
    assert shown(person.get(path, headers={"If-None-Match": tag}))["failures"] == 3
    assert person.delete(path, headers={"If-Match": tag}).status_code == 204
    refused(person.get(path), 404, "webhook_not_found")


def test_the_old_secret_lives_for_a_day(person: Person, hook: dict[str, object]) -> None:
    rotated = shown(person.post(f"/v1/webhooks/{hook['id']}/secret"))
    assert rotated["secret"] not in (None, hook["secret"])
    assert rotated["old_secret_until"] > rotated["updated_at"]
    assert rotated["version"] == 2


def test_a_ping_waits_once_and_is_listed(person: Person, hook: dict[str, object]) -> None:
    path = f"/v1/webhooks/{hook['id']}"
    asked = person.post(f"{path}/test")
    ping = shown(asked, 202)
    assert (ping["type"], ping["version"], ping["status"], ping["attempts"]) == (
        *("ping", None, "pending"),
        [],
    )
    assert shown(person.post(f"{path}/test"), 202)["id"] == ping["id"]
    assert shown(person.get(asked.headers["Location"])) == ping
    assert items(person, f"{path}/deliveries?status=pending") == [ping]
    assert items(person, f"{path}/deliveries?status=failed") == []
    assert flaws(person.get(f"{path}/deliveries?cursor=x")) == {("cursor", "invalid_cursor")}
    refused(person.get(f"{path}/deliveries/{uuid4()}"), 404, "delivery_not_found")
    refused(person.post(f"{path}/deliveries/{uuid4()}/replay"), 404, "delivery_not_found")
    assert person.delete(path).status_code == 204
    refused(person.get(asked.headers["Location"]), 404, "webhook_not_found")


def test_nothing_is_sent_for_who_is_suspended(
    person: Person, hook: dict[str, object], services: Services
) -> None:
    shown(person.post(f"/v1/webhooks/{hook['id']}/test"), 202)
    now, account_id, database = utc_now(), UUID(person.account_id), services.database
    assert len(database.read(lambda c: due_webhooks(c, now, 9))) == 1
    database.write(lambda c: suspend(c, account_id, now))
    assert database.read(lambda c: due_webhooks(c, now, 9)) == []
    database.write(lambda c: resume(c, account_id, now))
    assert len(database.read(lambda c: due_webhooks(c, now, 9))) == 1


def test_a_webhook_changes_nothing_of_the_ledger(person: Person, hook: dict[str, object]) -> None:
    add_category(person, "expense", "خوراک")
    version = ledger_version(person)
    path = f"/v1/webhooks/{hook['id']}"
    person.post(f"{path}/test")
    person.patch(path, {"is_active": False})
    person.delete(path)
    assert ledger_version(person) == version
