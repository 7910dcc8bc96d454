"""Bodies and query strings: one strict parser, and no input that gives a 500."""

import io
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from werkzeug.test import TestResponse

from web.answers import answer
from web.blueprint import Blueprint
from web.body import MAX_BODY_BYTES, READ_BYTES
from web.errors import register_error_handlers
from web.fields import (
    Amount,
    Boolean,
    Choice,
    Colour,
    GregorianDate,
    JalaliDate,
    ListOf,
    MoneySchema,
    Nested,
    QueryAmount,
    QueryBoolean,
    QueryInteger,
    Schema,
    Text,
    Uuid,
)
from web.openapi import new_api

UUID_TEXT = "0c5ad2a5-9d0a-4b9e-8b0a-6f1f1ef2a001"
NOT_INTEGERS: tuple[object, ...] = (1.5, 1.0, 1e3, "12", True, [], {})


class ItemSchema(MoneySchema):
    amount = Amount()
    keep = Amount(minimum=0)


class EverythingSchema(ItemSchema):
    name = Text(5, minimum=1)
    note = Text(10, allow_none=True)
    flag = Boolean()
    kind = Choice("income", "expense")
    color = Colour()
    id = Uuid()
    date = JalaliDate()
    date_gregorian = GregorianDate()
    items = ListOf(Nested(ItemSchema), 3, minimum=1)


class QuerySchema(Schema):
    limit = QueryInteger(1, 200)
    min_amount = QueryAmount()
    q = Text(10)
    flag = QueryBoolean()


@pytest.fixture
def client() -> FlaskClient:
    """A small app that answers with what it understood."""
    blueprint = Blueprint("echo", __name__, url_prefix="/v1")

    @blueprint.route("/echo")
    class Echo(MethodView):
        @blueprint.arguments(QuerySchema, location="query")
        def get(self, asked: dict[str, Any]) -> Any:
            return answer(asked)

        @blueprint.arguments(EverythingSchema)
        def post(self, asked: dict[str, Any]) -> Any:
            return answer(asked)

    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = READ_BYTES
    register_error_handlers(app)
    new_api(app).register_blueprint(blueprint)
    return app.test_client()


def post(client: FlaskClient, body: bytes, content_type: str = "application/json") -> TestResponse:
    return client.post("/v1/echo", data=body, content_type=content_type)


def flaws(response: TestResponse) -> dict[str, str]:
    """Which field is refused, and why."""
    assert response.status_code == 422, response.text
    assert response.get_json()["code"] == "validation_failed"
    return {error["field"]: error["code"] for error in response.get_json()["errors"]}


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}{}",
        b"nope",
        b"{'a': 1}",
        b'{"amount": 1,}',
        b'{"amount": 01}',
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"amount": -Infinity}',
        b'{"amount": 1, "amount": 1}',
        b'{"items": [{"amount": 1, "amount": 2}]}',
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"amount": 1}',
        '{"amount": 1}'.encode("utf-16"),
        b'{"name": "\n"}',
        b"\x00",
        b" ",
        nested(21),
        nested(1000),
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"items": ' + nested(20) + b"}",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_not_strict_json_is_malformed(client: FlaskClient, body: bytes) -> None:
    response = post(client, body)
    assert (response.status_code, response.get_json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"true", b"null", nested(20)])
def test_a_body_that_is_no_object_is_named_as_such(client: FlaskClient, body: bytes) -> None:
    assert flaws(post(client, body)) == {"": "not_an_object"}


def test_an_empty_body_is_missing(client: FlaskClient) -> None:
    assert flaws(post(client, b"")) == {"": "body_required"}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin1"],
)
def test_only_json_in_utf_8_is_taken(client: FlaskClient, content_type: str) -> None:
    response = post(client, b'{"amount": 1}', content_type)
    assert (response.status_code, response.get_json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"]
)
def test_json_may_say_that_it_is_utf_8(client: FlaskClient, content_type: str) -> None:
    assert post(client, b'{"amount": 1}', content_type).get_json() == {"amount_rials": 1}


def test_a_body_over_a_mebibyte_is_too_large(client: FlaskClient) -> None:
    response = post(client, b'{"name": "' + b"a" * MAX_BODY_BYTES + b'"}')
    assert (response.status_code, response.get_json()["code"]) == (413, "body_too_large")


def test_a_body_without_a_length_is_measured_too(client: FlaskClient) -> None:
    response = client.post(
        "/v1/echo",
        input_stream=io.BytesIO(b" " * (MAX_BODY_BYTES + 1)),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert (response.status_code, response.get_json()["code"]) == (413, "body_too_large")


def test_a_body_of_exactly_a_mebibyte_is_read(client: FlaskClient) -> None:
    body = b'{"amount": 1}'.ljust(MAX_BODY_BYTES)
    assert post(client, body).get_json() == {"amount_rials": 1}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        *(("amount", value, "not_an_integer") for value in NOT_INTEGERS),
        *(("amount", value, "out_of_range") for value in (0, -1, 10**15 + 1, 2**63 - 1)),
        ("amount", 2**63, "out_of_range"),
        ("amount", -(2**63) - 1, "out_of_range"),
        ("amount", None, "null_not_allowed"),
        ("keep", -1, "out_of_range"),
        ("name", 5, "not_a_string"),
        ("name", "", "blank"),
        ("name", " \u200c ", "blank"),
        ("name", "\f\u3000", "blank"),
        ("name", "abcdef", "too_long"),
        ("name", "a\x00", "invalid_text"),
        ("name", "\ud800", "invalid_text"),
        ("flag", "true", "not_a_boolean"),
        ("flag", 1, "not_a_boolean"),
        ("kind", "savings", "invalid_choice"),
        ("kind", ["income"], "not_a_string"),
        ("color", "#12345", "invalid_colour"),
        ("color", "#12345G", "invalid_colour"),
        ("color", "#123456\n", "invalid_colour"),
        ("id", UUID_TEXT.replace("-", ""), "invalid_uuid"),
        ("id", f"{{{UUID_TEXT}}}", "invalid_uuid"),
        ("id", 5, "invalid_uuid"),
        ("date", "1404-12-30", "invalid_date"),
        ("date", "1299-01-01", "invalid_date"),
        ("date", "1501-01-01", "invalid_date"),
        ("date", "1405-13-01", "invalid_date"),
        ("date", "1405-1-1x", "invalid_date"),
        ("date", 14050101, "not_a_string"),
        ("date_gregorian", "2026-02-30", "invalid_date"),
        ("date_gregorian", "1800-01-01", "invalid_date"),
        ("date_gregorian", "20261123", "invalid_date"),
        ("items", {}, "not_a_list"),
        ("items", [], "too_few"),
        ("items", [{}] * 4, "too_many"),
        ("unknown", 1, "unknown_field"),
    ],
)
def test_a_value_is_refused_with_a_code(
    client: FlaskClient, field: str, value: object, code: str
) -> None:
    assert flaws(post(client, json.dumps({field: value}).encode())) == {field: code}


def test_an_integer_of_five_thousand_digits_is_out_of_range(client: FlaskClient) -> None:
    body = b'{"amount": ' + b"9" * 5000 + b"}"
    assert flaws(post(client, body)) == {"amount": "out_of_range"}


@pytest.mark.parametrize("number", [b"1e400", b"-1e400"])
def test_a_number_beyond_floats_is_out_of_range(client: FlaskClient, number: bytes) -> None:
    assert flaws(post(client, b'{"amount": ' + number + b"}")) == {"amount": "out_of_range"}


def test_flaws_inside_lists_have_dotted_paths(client: FlaskClient) -> None:
    body = {"items": [{"amount": 1}, {"amount": 0, "x": 1}, 5], "amount": "1"}
    assert flaws(post(client, json.dumps(body).encode())) == {
        "items.1.amount": "out_of_range",
        "items.1.x": "unknown_field",
        "items.2": "not_an_object",
        "amount": "not_an_integer",
    }


def test_bad_text_is_found_wherever_it_is(client: FlaskClient) -> None:
    body = json.dumps({"items": [{"\ud800": {"b": ["\x00"]}}]}).encode()
    assert flaws(post(client, body)) == {
        "items.0.?": "invalid_text",
        "items.0.?.b.0": "invalid_text",
    }


def test_a_flood_of_unknown_fields_gets_a_short_answer(client: FlaskClient) -> None:
    body = {f"field-{number}" * 20: 1 for number in range(1500)}
    response = post(client, json.dumps(body).encode())
    assert len(response.get_json()["errors"]) == 100
    assert len(response.data) < 50_000


def test_values_arrive_as_they_were_meant(client: FlaskClient) -> None:
    body = {
        "unit": "toman",
        "amount": 10**14,
        "keep": 0,
        "name": "cafe\u0301s",
        "note": None,
        "flag": False,
        "kind": "income",
        "color": "#aAbB09",
        "id": UUID_TEXT.upper(),
        "date": "۱۴۰۵/۹/۲",
        "date_gregorian": "2026-11-23",
        "items": [{"amount": 5}],
    }
    assert post(client, json.dumps(body).encode()).get_json() == {
        "amount_rials": 10**15,
        "keep_rials": 0,
        "name": "cafés",
        "note": None,
        "flag": False,
        "kind": "income",
        "color": "#aAbB09",
        "id": UUID_TEXT,
        "date": "2026-11-23",
        "date_gregorian": "2026-11-23",
        "items": [{"amount_rials": 5}],
    }


def test_an_amount_in_toman_is_limited_in_rials(client: FlaskClient) -> None:
    body = {"unit": "toman", "amount": 10**14 + 1}
    assert flaws(post(client, json.dumps(body).encode())) == {"amount": "out_of_range"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", {"limit": "out_of_range"}),
        ("limit=201", {"limit": "out_of_range"}),
        ("limit=1.5", {"limit": "not_an_integer"}),
        ("limit=%2B5", {"limit": "not_an_integer"}),
        ("limit=" + "9" * 5000, {"limit": "not_an_integer"}),
        ("limit=", {"limit": "not_an_integer"}),
        ("limit=5&limit=5", {"limit": "duplicate"}),
        ("x=1", {"x": "unknown_field"}),
        ("flag=1", {"flag": "not_a_boolean"}),
        ("min_amount=-1", {"min_amount": "out_of_range"}),
        ("q=%00", {"q": "invalid_text"}),
        ("%00=1", {"?": "invalid_text"}),
    ],
)
def test_a_query_is_as_strict(client: FlaskClient, query: str, expected: dict[str, str]) -> None:
    assert flaws(client.get(f"/v1/echo?{query}")) == expected


def test_a_query_is_understood(client: FlaskClient) -> None:
    response = client.get("/v1/echo?limit=5&min_amount=0&q=%D9%86%D8%A7%D9%86&flag=true")
    assert response.get_json() == {"limit": 5, "min_amount": 0, "q": "نان", "flag": True}


@pytest.mark.parametrize("query", ["q=%FF", "q=%", "q=%zz", "&&&", "=", "q=%ED%A0%80"])
def test_a_strange_query_never_fails_the_server(client: FlaskClient, query: str) -> None:
    assert client.get(f"/v1/echo?{query}").status_code in (200, 422)
