"""The access line, and the lines around it, as an operator's tools read them."""

import io
import json
import logging
import re
from collections.abc import Callable
from typing import Any, TextIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.store.logs import configure_logs, get_logger
from tests.logs import Log
from tests.web.people import Person

FIELDS = {"event", "level", "at", "request_id", "route", "method", "status", "duration_ms"}


def test_a_request_is_one_line(logged: Log, client: FlaskClient) -> None:
    client.get("/v1/me", headers={"X-Request-Id": "find-me"})
    [line] = logged.lines()
    assert line.keys() == {*FIELDS, "problem"}
    assert (line["event"], line["level"], line["request_id"]) == ("request", "info", "find-me")
    assert (line["route"], line["method"], line["status"]) == ("/v1/me", "GET", 401)
    assert line["problem"] == "token_missing"
    assert 0 < line["duration_ms"] < 60_000


def test_it_names_the_account_by_its_id(logged: Log, sign_in: Callable[..., Person]) -> None:
    person = sign_in()
    person.get("/v1/balance")
    person.refresh()
    _otp, *known = logged.lines()
    assert {line["route"] for line in known} == {
        "/v1/auth/token",
        "/v1/balance",
        "/v1/auth/refresh",
    }
    assert {line["account_id"] for line in known} == {person.account_id}


def test_one_person_is_never_taken_for_another(
    logged: Log, client: FlaskClient, sign_in: Callable[..., Person]
) -> None:
    sign_in()
    logged.lines()
    client.get("/v1/balance")
    [line] = logged.lines()
    assert "account_id" not in line


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere/09121234567", "/v1//balance"])
def test_an_unknown_path_is_not_repeated(logged: Log, client: FlaskClient, path: str) -> None:
    client.get(path)
    [line] = logged.lines()
    assert line["route"] == "unmatched"
    assert path not in str(line)


def test_a_strange_method_is_not_repeated(logged: Log, client: FlaskClient) -> None:
    client.open("/healthz", method="FROBNICATE")
    [line] = logged.lines()
    assert (line["method"], line["route"]) == ("other", "unmatched")


def test_a_bug_is_a_traceback_once_and_a_warning(
    logged: Log, app: Flask, client: FlaskClient
) -> None:
    def fail() -> Any:
        raise RuntimeError("about 09121234567")

    app.add_url_rule("/fail", view_func=fail)
    client.get("/fail")
    bug, line = logged.lines()
    assert (bug["level"], line["level"]) == ("error", "warning")
    assert bug["exception"].count("Traceback") == 1
    assert "0912***4567" in bug["exception"]
    assert "exception" not in line
    assert bug["request_id"] == line["request_id"]
    assert (line["status"], line["problem"]) == (500, "internal_error")


def test_probes_are_quiet(logged: Log, client: FlaskClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path).status_code == 200
    assert logged.lines() == []


def test_a_library_s_line_has_the_same_shape(logged: Log) -> None:
    logging.getLogger("somebody").warning("called %s with %s", "09121234567", {"code": "1"})
    [line] = logged.lines()
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "called 0912***4567 with {'code': '1'}",
        "level": "warning",
        "logger": "somebody",
    }


def test_a_library_s_chatter_is_left_out(logged: Log) -> None:
    logging.getLogger("somebody").info("hello")
    get_logger().debug("hello")
    assert logged.lines() == []


def test_what_a_line_is_given_is_masked(logged: Log) -> None:
    get_logger().info("sent", phone="+98 912 123 4567", code="123456", by={"token": 1})
    [line] = logged.lines()
    assert (line["phone"], line["code"]) == ("+98 912 ***4567", "[hidden]")
    assert line["by"] == {"token": "[hidden]"}


def test_development_gets_readable_lines(nowhere: TextIO) -> None:
    stream = io.StringIO()
    configure_logs("development", stream)
    get_logger().info("sent", phone="+989121234567")
    configure_logs("production", nowhere)
    assert "\x1b[" in stream.getvalue()
    assert "+98912***4567" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_development_s_lines_stay_lines(nowhere: TextIO) -> None:
    stream = io.StringIO()
    configure_logs("development", stream)
    get_logger().info("sent", by="a\nb", to="\x1b[2J\u202e", of="two words", nobody=None)
    get_logger().error("failed", exc_info=RuntimeError("about 09121234567"))
    configure_logs("production", nowhere)
    sent, failed, why = re.sub(r"\x1b\[[0-9;]+m", "", stream.getvalue()).splitlines()
    said = r"by='a\nb' to='\x1b[2J\u202e' of='two words' nobody=None"
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info {5}\] sent {21}" + re.escape(said), sent)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[error {4}\] failed +", failed)
    assert why == "RuntimeError: about 0912***4567"
