"""Importing over HTTP: a file comes in, each of its rows has an outcome, nothing doubles."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from domain.store.database import Database
from domain.store.erasure import erase
from tests.servers import free_port
from tests.web.households import NOBODYS_ID, add_category, flaws, ledger_version, record, refused
from tests.web.people import Outbox, Person
from web.app import create_app
from web.services import Services
from workers.imports import run_import, tend_imports

HEADER = "تاریخ,مبلغ,دسته,نوع,شرح\n"
GOOD = HEADER + (
    '۱۴۰۵/۰۹/۰۲,"۱٬۲۵۰٬۰۰۰",خوراک,هزینه,"نان\nو پنیر"\n'
    "1405-09-01,450000000,حقوق,درآمد,\n"
    "2026-11-20,۹۰۰ تومان,خوراک,هزینه,شیر\n"
    "2026-11-20,۹۰۰ تومان,خوراک,هزینه,شیر\n"
)
FORM = "multipart/form-data"
CREATE = {"missing_categories": "create"}


def post(person: Person, file: str | bytes, options: Any = None) -> TestResponse:
    """Bring a file."""
    content = file.encode() if isinstance(file, str) else file
    data: dict[str, Any] = {"file": (io.BytesIO(content), "rows.csv")}
    if options is not None:
        data["options"] = options if isinstance(options, str) else json.dumps(options)
    return person.ask("POST", "/v1/imports", data=data)


def ledger_of(person: Person) -> UUID:
    """The ledger a person opened."""
    return UUID(person.get("/v1/me").get_json()["ledger_id"])


def body(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """What an answer with this status says."""
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.get_json()
    return found


@pytest.fixture
def bring(services: Services) -> Callable[..., dict[str, Any]]:
    """Bring a file and do what a worker would do: the summary, and every row."""

    def brought(person: Person, file: str | bytes, options: Any = None) -> dict[str, Any]:
        accepted = post(person, file, CREATE if options is None else options)
        job_id = body(accepted, 202)["job_id"]
        assert accepted.headers["Location"] == f"/v1/jobs/{job_id}"
        run_import(services.ledgers, ledger_of(person), UUID(job_id))
        job = body(person.get(f"/v1/jobs/{job_id}"))
        assert (job["status"], job["progress"], job["error"]) == ("done", 1, None)
        summary = body(person.get(job["result_url"]))
        return {**summary, "rows": rows(person, f"{job['result_url']}/rows?limit=2")}

    return brought


def rows(person: Person, path: str) -> list[dict[str, Any]]:
    """Every row's outcome, page by page."""
    page = person.get(path)
    found = body(page)["items"]
    if "Link" in page.headers:
        found += rows(person, page.headers["Link"].split(">; ")[0].removeprefix("<"))
    return list(found)


def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    return len(database.read(lambda connection: connection.all(f"SELECT 1 FROM {table}")))


Bring = Callable[..., dict[str, Any]]


def test_good_rows_are_recorded(person: Person, bring: Bring) -> None:
    summary = bring(person, GOOD)
    assert {k: summary[k] for k in ("total", "recorded", "unchanged", "refused", "dry_run")} == {
        "total": 4,
        "recorded": 4,
        "unchanged": 0,
        "refused": 0,
        "dry_run": False,
    }
    assert [row["row"] for row in summary["rows"]] == [2, 3, 4, 5]
    first = body(person.get(f"/v1/transactions/{summary['rows'][0]['transaction_id']}"))
    assert (first["amount"], first["date"], first["category_name"], first["description"]) == (
        *(1_250_000, "1405-09-02", "خوراک", "نان\nو پنیر"),
    )
    balance = body(person.get("/v1/balance"))
    assert (balance["income"], balance["expense"]) == (450_000_000, 1_268_000)


def test_importing_again_adds_nothing(person: Person, bring: Bring) -> None:
    bring(person, GOOD)
    version = ledger_version(person)
    again = bring(person, GOOD)
    assert (again["recorded"], again["unchanged"]) == (0, 4)
    assert ledger_version(person) == version
    longer = bring(person, GOOD + "2026-11-20,900,خوراک,هزینه,ماست\n")
    assert (longer["recorded"], longer["unchanged"]) == (1, 4)


def test_what_was_changed_or_voided_here_stays_so(person: Person, bring: Bring) -> None:
    first, second, *_ = [row["transaction_id"] for row in bring(person, GOOD)["rows"]]
    assert person.patch(f"/v1/transactions/{first}", {"amount": 5}).status_code == 200
    assert person.delete(f"/v1/transactions/{second}").status_code == 204
    food = body(person.get("/v1/transactions"))["items"][0]["category_id"]
    assert person.patch(f"/v1/categories/{food}", {"name": "خوردنی"}).status_code == 200
    version = ledger_version(person)
    assert bring(person, GOOD)["unchanged"] == 4
    assert ledger_version(person) == version


def test_ids_of_the_file_s_own_are_known_again_in_a_renamed_category(
    person: Person, bring: Bring
) -> None:
    file = f"id,date,amount,category,kind\n{uuid4()},1405-09-02,5,خوراک,expense\n"
    first = bring(person, file)
    assert first["recorded"] == 1
    category = body(person.get("/v1/categories"))["items"][0]["id"]
    assert person.patch(f"/v1/categories/{category}", {"name": "خوردنی"}).status_code == 200
    version = ledger_version(person)
    assert bring(person, file)["unchanged"] == 1
    assert ledger_version(person) == version


def test_a_category_that_shows_nothing_is_missing(person: Person, bring: Bring) -> None:
    summary = bring(person, "date,amount,category,kind\n1405-09-02,5,\u3164,expense\n")
    assert summary["rows"][0]["errors"][0]["code"] == "required"


def test_bad_rows_are_refused_one_by_one(person: Person, bring: Bring) -> None:
    add_category(person, "savings", "قلک")
    bad = HEADER + (
        "1404/12/30,5,خوراک,هزینه,\n"  # 2: no such day
        '1405/09/01,"1,50",خوراک,وام,\n'  # 3: neither amount nor kind
        "1405/09/01,5,,هزینه,\n"  # 4: no category
        "1405/09/01,,خوراک,هزینه,\n"  # 5: no amount
        "1405/09/01,5,قلک,هزینه,\n"  # 6: another kind
        "1405/09/01,-5,قلک,,\n"  # 7: nothing was saved
        "1405/09/01,-5,حقوق,درآمد,\n"  # 8: income is not taken back
        "1405/09/01,5,چیز,,\n"  # 9: a new category of no kind
        "1405/09/01,7,قلک,,\n"  # 10
        "1405/09/01,-7,قلک,,\n"  # 11
    )
    summary = bring(person, bad)
    assert (summary["recorded"], summary["refused"]) == (2, 8)
    found = {
        row["row"]: {(error["field"], error["code"]) for error in row["errors"]}
        for row in summary["rows"]
    }
    assert found == {
        2: {("date", "invalid_date")},
        3: {("amount", "not_an_integer"), ("kind", "invalid_choice")},
        4: {("category", "required")},
        5: {("amount", "amount_missing")},
        6: {("kind", "kind_mismatch")},
        7: {("", "savings_too_low")},
        8: {("amount", "out_of_range")},
        9: {("kind", "required")},
        10: set(),
        11: set(),
    }
    only = f"/v1/imports/{summary['id']}/rows?status=recorded"
    assert [row["row"] for row in rows(person, only)] == [10, 11]
    english = person.get(f"/v1/imports/{summary['id']}/rows", headers={"Accept-Language": "en"})
    assert body(english)["items"][2]["errors"][0]["message"] == "This value is required."


def test_missing_categories_are_refused_unless_asked_for(person: Person, bring: Bring) -> None:
    summary = bring(person, GOOD, {})
    assert summary["refused"] == 4
    assert summary["rows"][0]["errors"][0]["code"] == "category_not_found"
    assert bring(person, GOOD.replace("هزینه", ""), {**CREATE, "kind": "expense"})["recorded"] == 4


def test_an_inactive_category_takes_nothing(person: Person, bring: Bring) -> None:
    food = add_category(person, "expense", "خوراک")
    person.patch(f"/v1/categories/{food}", {"is_active": False})
    codes = [row["errors"] and row["errors"][0]["code"] for row in bring(person, GOOD)["rows"]]
    assert codes == ["category_inactive", [], "category_inactive", "category_inactive"]


def test_a_default_amount_fills_a_blank_one(person: Person, bring: Bring) -> None:
    add_category(person, "expense", "نان", default_amount=70)
    assert bring(person, HEADER + "1405/09/01,,نان,,\n")["recorded"] == 1
    assert body(person.get("/v1/balance"))["expense"] == 70


def test_a_dry_run_decides_as_the_real_one_and_records_nothing(
    person: Person, bring: Bring
) -> None:
    file = HEADER + (
        "1405/09/01,100,قلک,پس‌انداز,\n1405/09/01,-70,قلک,,\n1405/09/01,-70,قلک,,\n"
        "1405/09/01,9007199254740991,قلک,,\n1405/09/01,5,تازه,هزینه,\n"
    )
    version = ledger_version(person)
    tried = bring(person, file, {**CREATE, "dry_run": True})
    assert ledger_version(person) == version
    assert tried["dry_run"] is True
    real = bring(person, file)
    outcome = [(row["row"], row["status"], row["errors"]) for row in tried["rows"]]
    assert [(n, s.replace("would_record", "recorded"), e) for n, s, e in outcome] == [
        (row["row"], row["status"], row["errors"]) for row in real["rows"]
    ]
    assert [status for _, status, _ in outcome] == [
        *("would_record", "would_record", "refused", "refused", "would_record"),
    ]


def test_the_person_says_columns_unit_and_calendar(person: Person, bring: Bring) -> None:
    file = "1405-09-02;12;x\n2026-11-23;13;x\n"
    options = {
        "columns": {"date": 1, "amount": 2, "category": 3, "id": None},
        "has_header": False,
        "unit": "toman",
        "calendar": "jalali",
        "kind": "income",
        **CREATE,
    }
    summary = bring(person, file, options)
    assert [row["status"] for row in summary["rows"]] == ["recorded", "refused"]
    assert body(person.get("/v1/balance"))["income"] == 120


@pytest.mark.parametrize(
    ("file", "options", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x01", {}, {("file", "file_unreadable")}),
        ("", {}, {("file", "file_empty")}),
        (HEADER, {}, {("file", "file_empty")}),
        (
            "a,b\n1,2\n",
            {},
            {(f"options.columns.{n}", "column_missing") for n in ("date", "amount", "category")},
        ),
        (GOOD, {"columns": {"date": "nope"}}, {("options.columns.date", "column_not_found")}),
        (GOOD, {"columns": {"date": 0}}, {("options.columns.date", "invalid_column")}),
        (GOOD, {"columns": {"size": 1}}, {("options.columns.size", "unknown_field")}),
        (GOOD, {"unit": "dollar"}, {("options.unit", "invalid_choice")}),
        (GOOD, {"x": 1}, {("options.x", "unknown_field")}),
        (GOOD, [], {("options", "not_an_object")}),
        (GOOD, {"dry_run": "yes"}, {("options.dry_run", "not_a_boolean")}),
        (GOOD, '{"kind": "a\\u0000"}', {("kind", "invalid_text")}),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    person: Person, file: str | bytes, options: Any, expected: set[tuple[str, str]]
) -> None:
    assert flaws(post(person, file, options)) == expected


def test_the_form_is_read_strictly(person: Person) -> None:
    refused(person.post("/v1/imports", {}), 415, "form_expected")
    assert flaws(
        person.ask("POST", "/v1/imports", data={"file": "text", "x": "1"}, content_type=FORM)
    ) == {
        *(("file", "required"), ("x", "unknown_field")),
    }
    refused(post(person, GOOD, "{"), 400, "malformed_json")
    assert flaws(post(person, GOOD, '{"a": "' + "x" * 30_000 + '"}')) == {("options", "too_long")}
    assert person.ask("POST", "/v1/imports?x=1", data={}).status_code == 422


def test_a_file_may_be_larger_than_other_bodies_and_has_a_limit(person: Person) -> None:
    def form(size: int) -> dict[str, Any]:
        part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        content = part + GOOD.encode() + (b" " * 127 + b"\n") * (size // 128) + b"\r\n--x--\r\n"
        return {"data": content, "content_type": "multipart/form-data; boundary=x"}

    assert person.ask("POST", "/v1/imports", **form(3 * 2**20)).status_code == 202
    refused(person.ask("POST", "/v1/imports", **form(32 * 2**20)), 413, "file_too_large")
    refused(person.ask("POST", "/v1/imports", **form(33 * 2**20)), 413, "file_too_large")
    refused(person.post("/v1/categories", {"name": "x" * 2**21}), 413, "body_too_large")


def test_nobody_else_sees_an_import(
    person: Person, sign_in: Callable[..., Person], bring: Bring
) -> None:
    job_id = bring(person, GOOD)["id"]
    other = sign_in("09351112233")
    for asking, found in ((other, job_id), (person, NOBODYS_ID)):
        refused(asking.get(f"/v1/jobs/{found}"), 404, "job_not_found")
        refused(asking.get(f"/v1/imports/{found}"), 404, "import_not_found")
        refused(asking.get(f"/v1/imports/{found}/rows"), 404, "import_not_found")
    assert ledger_version(other) == 1
    assert bring(other, GOOD)["recorded"] == 4


def test_without_a_queue_nothing_is_left_behind(
    services: Services, outbox: Outbox, app: Flask
) -> None:
    person = outbox.sign_in(app, "09121234567")
    away = Redis.from_url(f"redis://127.0.0.1:{free_port()}")
    deaf = create_app(replace(services, redis=away))
    person.client = deaf.test_client()
    answer = post(person, GOOD)
    refused(answer, 503, "queue_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    for table in ("jobs", "imports", "import_chunks"):
        assert count(services.database, table) == 0
    assert record(person, add_category(person), 5)["amount"] == 5


def test_a_few_files_may_wait_at_a_time(person: Person) -> None:
    for _ in range(5):
        assert post(person, GOOD).status_code == 202
    refused(post(person, GOOD), 429, "too_many_jobs")
    refused(post(person, "nothing is read any more"), 429, "too_many_jobs")


def test_the_file_is_forgotten_when_it_was_read(
    person: Person, bring: Bring, services: Services
) -> None:
    bring(person, GOOD)
    assert count(services.database, "import_chunks") == 0


def test_the_results_of_old_imports_go(
    person: Person, bring: Bring, services: Services, clock: Any
) -> None:
    clock.set("1405-09-02")
    old = bring(person, GOOD, CREATE)["id"]
    clock.set("1405-09-03")
    tend_imports(services.ledgers)
    assert body(person.get(f"/v1/imports/{old}"))["recorded"] == 4
    clock.set("1405-10-10")
    tend_imports(services.ledgers)
    refused(person.get(f"/v1/jobs/{old}"), 404, "job_not_found")
    assert body(person.get("/v1/balance"))["income"] == 450_000_000


def test_erasing_oneself_takes_a_waiting_import_along(person: Person, services: Services) -> None:
    ledger_id = ledger_of(person)
    job_id = body(post(person, GOOD, CREATE), 202)["job_id"]
    services.database.write(lambda c: erase(c, ledger_id, services.ledgers.clock()))
    run_import(services.ledgers, ledger_id, UUID(job_id))
    for table in ("jobs", "imports", "import_chunks", "import_rows", "events"):
        assert count(services.database, table) == 0
