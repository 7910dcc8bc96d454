"""Problems: one form, two languages, and nothing that says too much."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.base import Refusal
from domain.calendar import MONTH_NAMES
from domain.store.database import Database, StoreUnavailable
from projections.budgets import Status
from projections.goals import Status as GoalStatus
from tests.logs import Log
from tests.web.people import Person
from web.errors import STATUSES, refusal_problem
from web.messages import LANGUAGES, Language, _preferred, catalogue, message

WEB = Path(__file__).parents[2] / "web"
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
CALLS_WITH_CODES = {"Problem", "Flaw", "flaw", "refused_token", "_challenge", "_refuse"}


def sentences(language: Language) -> dict[str, str]:
    """A catalogue's sentences by their codes."""
    found = catalogue(language)._catalog.items()
    return {code: sentence for code, sentence in found if code and isinstance(code, str)}


def codes_used() -> Iterator[str]:
    """Every code written out in the web's own sources."""
    for path in WEB.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in CALLS_WITH_CODES
                and node.args
            ):
                yield from constants(node.args[0])


def constants(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for refusal in kind.__subclasses__():
        if refusal.__module__.startswith(("domain.", "projections.", "web.")):
            yield refusal
        yield from refusals(refusal)


def test_every_code_has_words_in_both_languages() -> None:
    used = {*codes_used(), *STATUSES, *(refusal.code for refusal in refusals())}
    assert len(used) > 40
    for language in LANGUAGES:
        assert used <= sentences(language).keys()
        assert all(sentence.strip() for sentence in sentences(language).values())


def test_both_languages_say_the_same_things_of_the_same_details() -> None:
    persian, english = (
        {code: sorted(PLACEHOLDER.findall(text)) for code, text in sentences(language).items()}
        for language in LANGUAGES
    )
    assert persian == english


def test_months_and_statuses_have_names() -> None:
    for language in LANGUAGES:
        names = [sentences(language)[f"month_{month}"] for month in range(1, 13)]
        assert tuple(names) == MONTH_NAMES[language]
        assert {f"budget_{status}" for status in get_args(Status)} <= sentences(language).keys()
        assert {f"goal_{status}" for status in get_args(GoalStatus)} <= sentences(language).keys()


def test_every_message_is_used() -> None:
    sources = [*WEB.rglob("*.py"), *(WEB.parent / "domain").rglob("*.py")]
    text = "".join(path.read_text() for path in sources)
    named = set(re.findall(r'"([a-z_]+)"', text))
    begun = tuple(re.findall(r'f"([a-z]+_)\{', text))
    assert {code for code in sentences("fa") if not code.startswith(begun)} <= named


def test_every_refusal_has_a_status() -> None:
    assert {refusal.code for refusal in refusals()} <= STATUSES.keys()


def test_every_status_has_a_title() -> None:
    assert {f"status_{status}" for status in STATUSES.values()} <= sentences("fa").keys()


def test_numbers_in_persian_sentences_are_persian() -> None:
    details = {"minimum": 1, "maximum": 1000000}
    assert message("out_of_range", "fa", details) == "باید از ۱ تا ۱٬۰۰۰٬۰۰۰ باشد."
    assert message("out_of_range", "en", details) == "This must be from 1 to 1,000,000."


def test_a_refusal_of_a_value_names_its_field() -> None:
    class Unwanted(Refusal):
        code = "direction_not_allowed"

    problem = refusal_problem(Unwanted("direction"))
    assert [error.field for error in problem.errors] == ["direction"]


def test_a_problem_has_the_form_of_rfc_9457(client: FlaskClient) -> None:
    response = client.get("/v1/nothing", headers={"X-Request-Id": "abc-1"})
    assert response.content_type == "application/problem+json"
    assert response.get_json() == {
        "type": "urn:dakhl-o-kharj:problem:not_found",
        "title": "پیدا نشد",
        "status": 404,
        "detail": "چنین نشانی‌ای وجود ندارد.",
        "code": "not_found",
        "request_id": "abc-1",
    }
    assert response.headers["X-Request-Id"] == "abc-1"
    assert "Accept-Language" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("en", "Not found"),
        ("en-GB,fa;q=0.5", "Not found"),
        ("de,en;q=0.3", "Not found"),
        ("fa,en;q=0.9", "پیدا نشد"),
        ("de", "پیدا نشد"),
        ("*", "پیدا نشد"),
        ("en;q=x,,;=", "پیدا نشد"),
        ("", "پیدا نشد"),
    ],
)
def test_problems_are_persian_unless_english_is_preferred(
    client: FlaskClient, accepted: str, title: str
) -> None:
    response = client.get("/v1/nothing", headers={"Accept-Language": accepted})
    assert response.get_json()["title"] == title


@pytest.mark.parametrize("given", ["", "a b", "é", "a" * 65, "<script>"])
def test_a_strange_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-Id": given})
    assert len(response.headers["X-Request-Id"]) == 36


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    response = client.get("/v1/auth/otp")
    assert (response.status_code, response.get_json()["code"]) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("method", ["FOO", "TRACE", "CONNECT", "GET\u00e9", "*"])
def test_a_strange_method_is_refused(client: FlaskClient, method: str) -> None:
    assert client.open("/v1/me", method=method).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/%",
        "/%ff",
        "/%00",
        "/v1/%ED%A0%80",
        "//v1//me",
        "/v1/me/",
        "/" + "a" * 5000,
        "/v1/auth/sessions/1",
        "/v1/auth/sessions/0c5ad2a59d0a4b9e8b0a6f1f1ef2a001",
        "/docs/../wsgi.py",
        "/docs/%2e%2e/__init__.py",
        "/docs/nothing.js",
    ],
)
def test_a_strange_path_is_not_found(client: FlaskClient, path: str) -> None:
    response = client.delete(path) if "sessions" in path else client.get(path)
    assert response.status_code == 404
    assert response.get_json()["code"] == "not_found"


@pytest.mark.parametrize("host", ["a b", "%", "[::1", "é", "a" * 1000, "x:99999999"])
def test_a_strange_host_never_fails_the_server(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code in (200, 400)
    assert client.get("/v1/me", headers={"Host": host}).status_code in (400, 401)
    assert client.get("/docs", headers={"Host": host}).status_code in (200, 400)


def test_an_unexpected_error_is_logged_and_not_shown(
    app: Flask, client: FlaskClient, logged: Log
) -> None:
    def fail() -> Any:
        raise RuntimeError("the secret is 42")

    app.add_url_rule("/fail", view_func=fail)
    response = client.get("/fail", headers={"X-Request-Id": "find-me"})
    assert (response.status_code, response.get_json()["code"]) == (500, "internal_error")
    assert "42" not in response.text
    bug, _request = logged.lines()
    assert bug["request_id"] == "find-me"
    assert "the secret is 42" in bug["exception"]


def test_a_database_that_is_away_is_a_503(sign_in: Any, database: Database) -> None:
    person: Person = sign_in()
    with patch.object(type(database), "reading", side_effect=StoreUnavailable("gone")):
        response = person.get("/v1/me")
        ready = person.get("/readyz")
        alive = person.get("/healthz")
    assert (response.status_code, response.get_json()["code"]) == (503, "store_unavailable")
    assert response.headers["Retry-After"] == "1"
    assert ready.status_code == 503
    assert alive.status_code == 200


def test_readiness_means_that_the_tables_are_current(
    client: FlaskClient, database: Database
) -> None:
    assert client.get("/readyz").status_code == 200
    database.write(lambda connection: connection.run("UPDATE alembic_version SET version_num='0'"))
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()["code"]) == (503, "not_migrated")


def test_languages_are_not_looked_for_in_a_header_without_end(client: FlaskClient) -> None:
    header = "fa," + "x-a," * 50_000 + "en;q=1"
    assert client.get("/v1/nothing", headers={"Accept-Language": header}).status_code == 404
    assert _preferred.cache_info().maxsize is not None
    prefers_english = {"Accept-Language": "en-GB,en;q=0.9,fa;q=0.5"}
    assert client.get("/v1/nothing", headers=prefers_english).get_json()["title"] == "Not found"
