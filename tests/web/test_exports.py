"""Exporting over HTTP: a job writes the file, and only its owner fetches it."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from redis import Redis
from rq import Queue

from domain.store.jobs import QUEUE
from tests.servers import free_port
from tests.web.households import NOBODYS_ID, add_category, flaws, record, refused
from tests.web.people import Outbox, Person
from tests.web.test_imports import body, count, ledger_of
from tests.workers.test_statements import PERSIAN, pages
from web.app import create_app
from web.exports import KINDS
from web.services import Services
from workers import exports as worker
from workers.exports import run_export

Export = Callable[..., str]


@pytest.fixture
def export(services: Services) -> Export:
    """Want a file and do what a worker would do: where it is."""

    def exported(person: Person, **asked: Any) -> str:
        headers = {"Accept-Language": asked.pop("accept", "fa")}
        accepted = person.post("/v1/exports", asked, headers=headers)
        job_id = body(accepted, 202)["job_id"]
        assert accepted.headers["Location"] == f"/v1/jobs/{job_id}"
        waiting = body(person.get(f"/v1/jobs/{job_id}"))
        assert (waiting["kind"], waiting["status"]) == ("export", "queued")
        assert waiting["result_url"] is None
        run_export(services.database, ledger_of(person), UUID(job_id))
        job = body(person.get(f"/v1/jobs/{job_id}"))
        assert (job["status"], job["progress"], job["error"]) == ("done", 1, None)
        return str(job["result_url"])

    return exported


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pdf"])
def test_a_file_is_fetched_under_a_sensible_name(
    person: Person, export: Export, kind: str, clock: Any
) -> None:
    clock.set("1405-09-02")
    food = add_category(person, "expense", "خوراک")
    record(person, food, 5, "1405-09-02", description="نان")
    path = export(person, format=kind)
    answer = person.get(path)
    assert answer.status_code == 200
    assert answer.content_type == KINDS[kind].content_type  # type: ignore[index]
    name = f"dakhl-o-kharj-1405-09-02-v3.{KINDS[kind].ending}"  # type: ignore[index]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Ledger-Version"] == "3"
    assert int(answer.headers["Content-Length"]) == len(answer.data) > 0
    for known in (answer.headers["ETag"], f"W/{answer.headers['ETag']}"):
        again = person.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
    with person.client.head(path, headers=_bearer(person)) as head:
        assert (head.status_code, head.data) == (200, b"")
    assert person.get(path).data == answer.data


def _bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.tokens['access_token']}"}


def test_events_are_the_same_as_streamed(person: Person, export: Export) -> None:
    add_category(person, "expense", "خوراک")
    stream = person.get("/v1/events", headers={"Accept": "application/x-ndjson"}).data
    assert person.get(export(person, format="events")).data == stream


def test_a_workbook_is_in_the_language_of_whoever_asked(person: Person, export: Export) -> None:
    for language, title in (("fa", "خلاصه"), ("en", "Summary")):
        answer = person.get(export(person, format="xlsx", accept=language))
        assert openpyxl.load_workbook(io.BytesIO(answer.data)).sheetnames[-1] == title


def test_days_restrict_what_is_taken(person: Person, export: Export) -> None:
    food = add_category(person, "expense", "خوراک")
    for day in ("1405-08-30", "1405-09-01", "1405-09-30", "1405-10-01"):
        record(person, food, 5, day)
    asked = {"format": "csv", "from": "1405-09-01", "to": "1405-09-30"}
    lines = person.get(export(person, **asked)).text.splitlines()
    assert [line.split(",")[1] for line in lines] == ["date", "1405-09-01", "1405-09-30"]


def test_it_is_told_when_the_file_is_not_there(person: Person, services: Services) -> None:
    job_id = body(person.post("/v1/exports", {"format": "csv"}), 202)["job_id"]
    waiting = person.get(f"/v1/exports/{job_id}")
    refused(waiting, 409, "export_not_ready")
    assert int(waiting.headers["Retry-After"]) > 0
    services.database.write(
        lambda c: c.run("UPDATE jobs SET status = 'failed', error = 'internal_error'")
    )
    refused(person.get(f"/v1/exports/{job_id}"), 409, "export_failed")
    refused(person.get(f"/v1/exports/{NOBODYS_ID}"), 404, "export_not_found")


def test_bad_wishes_are_refused(person: Person, services: Services) -> None:
    def refusing(**asked: object) -> set[tuple[str, str]]:
        return flaws(person.post("/v1/exports", asked))

    assert refusing() == {("format", "required")}
    assert refusing(format="doc") == {("format", "invalid_choice")}
    assert refusing(format="csv", language="de") == {("language", "invalid_choice")}
    assert refusing(format="csv", until="1405-09-01") == {("until", "unknown_field")}
    assert refusing(**{"format": "csv", "from": "1405-13-01"}) == {("from", "invalid_date")}
    days = {"from": "1405-09-02", "to": "1405-09-01"}
    assert refusing(format="csv", **days) == {("to", "range_reversed")}
    cut = {"from": "1405-09-01", "to": "1405-09-01"}
    assert refusing(format="events", **cut) == {
        ("from", "history_is_whole"),
        ("to", "history_is_whole"),
    }
    assert flaws(person.post("/v1/exports?limit=1", {"format": "csv"})) == {
        ("limit", "unknown_field")
    }
    assert count(services.database, "jobs") == 0


def test_a_statement_is_of_a_month(person: Person, services: Services) -> None:
    def refusing(**asked: object) -> set[tuple[str, str]]:
        return flaws(person.post("/v1/exports", asked))

    month = {"year": 1405, "month": 8}
    days = {"from": "1405-08-01", "to": "1405-08-30"}
    assert refusing(format="pdf") == {("year", "required"), ("month", "required")}
    assert refusing(format="pdf", year=1405) == {("month", "required")}
    assert refusing(format="pdf", **month, **days) == {
        ("from", "statement_is_monthly"),
        ("to", "statement_is_monthly"),
    }
    assert refusing(format="pdf", year=1299, month=13) == {
        ("year", "out_of_range"),
        ("month", "out_of_range"),
    }
    for kind in KINDS.keys() - {"pdf"}:
        assert refusing(format=kind, **month) == {
            ("year", "only_of_statements"),
            ("month", "only_of_statements"),
        }
    assert refusing(format="events", year=1405, **days) == {
        ("year", "only_of_statements"),
        ("from", "history_is_whole"),
        ("to", "history_is_whole"),
    }
    assert count(services.database, "jobs") == 0


def test_a_statement_says_what_the_report_says(person: Person, export: Export, clock: Any) -> None:
    clock.set("1405-08-20")
    salary, food = (
        add_category(person, "income", "حقوق"),
        add_category(person, "expense", "خوراک"),
    )
    savings = add_category(person, "savings", "قلک")
    record(person, salary, 45_000_007, "1405-07-30")
    record(person, savings, 1_200_000, "1405-08-03")
    for day in range(1, 31):
        record(person, food, 123_456 + day * 7919, f"1405-08-{day:02}", description="نان")
    answer = person.get(export(person, format="pdf", year=1405, month=8, language="fa"))
    assert answer.content_type == "application/pdf"
    name = 'attachment; filename="statement-1405-08.pdf"'
    assert answer.headers["Content-Disposition"] == name
    version = answer.headers["Ledger-Version"]
    record(person, food, 5, "1405-08-20")
    query = f"year=1405&month=8&version={version}"
    report = body(person.get(f"/v1/reports/monthly?{query}"))
    first, *rest = pages(answer.data)
    for word, amount in (
        ("درآمد", report["income"]),
        ("هزینه", report["expense"]),
        ("پسانداز", report["savings"]),
        ("خالص", report["net"]),
        ("ماه", 45_000_007),
        ("ماه", 45_000_007 + report["net"] - report["savings"]),
    ):
        shown = f"{amount:,}".replace("-", "−").translate(PERSIAN)
        assert re.search(rf"{word}[^\n]*\n{shown} ریال", first.replace("\u200c", ""))
    share = f"{report['expense']:,} ۱۰۰٪".translate(PERSIAN)
    assert f"خوراک ۳۰ {share}" in rest[0]


@pytest.mark.parametrize(
    ("accept", "asked", "title"),
    [
        ("fa", {}, "آبان ۱۴۰۵"),
        ("en", {}, "Statement of Aban 1405"),
        ("en", {"language": "fa"}, "آبان ۱۴۰۵"),
        ("fa", {"language": "en"}, "Statement of Aban 1405"),
    ],
)
def test_a_statement_is_in_the_language_that_is_asked_for(
    person: Person, export: Export, accept: str, asked: dict[str, str], title: str
) -> None:
    path = export(person, format="pdf", year=1405, month=8, accept=accept, **asked)
    assert title in pages(person.get(path).data)[0]


def test_a_few_may_wait_at_a_time(person: Person) -> None:
    for _ in range(5):
        body(person.post("/v1/exports", {"format": "csv"}), 202)
    refused(person.post("/v1/exports", {"format": "csv"}), 429, "too_many_jobs")


def test_a_worker_is_told_ids_only(person: Person, valkey: Redis) -> None:
    job_id = body(person.post("/v1/exports", {"format": "csv"}), 202)["job_id"]
    [job] = Queue(QUEUE, connection=valkey).jobs
    assert (job.func_name, job.args) == (
        "workers.jobs.run_export",
        (str(ledger_of(person)), job_id),
    )


def test_nothing_is_kept_without_a_queue(services: Services, outbox: Outbox) -> None:
    away = Redis.from_url(f"redis://127.0.0.1:{free_port()}")
    person = outbox.sign_in(create_app(services), "09121234567")
    person.client = create_app(replace(services, redis=away)).test_client()
    refused(person.post("/v1/exports", {"format": "csv"}), 503, "queue_unavailable")
    assert count(services.database, "jobs") == count(services.database, "exports") == 0


def test_whoever_is_suspended_meanwhile_gets_no_more_of_it(
    person: Person, export: Export, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CHUNK_BYTES", 10)
    path = export(person, format="csv")
    with person.client.get(path, headers=_bearer(person)) as answer:
        services.database.write(lambda c: c.run("UPDATE accounts SET suspended_at = created_at"))
        assert len(answer.data) == 10
        assert int(answer.headers["Content-Length"]) > 10
    services.database.write(lambda c: c.run("UPDATE accounts SET suspended_at = NULL"))
    assert len(person.get(path).data) > 10
