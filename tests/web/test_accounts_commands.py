"""The `flask accounts` commands, as an operator and a script use them."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.web.people import Person
from tests.web.test_operator import flask

SignIn = Callable[..., Person]
Command = Callable[..., Result]


@pytest.fixture
def command(app: Flask, environ: dict[str, str]) -> Command:
    """Runs `flask accounts …` on the test's database."""

    def run(*words: str) -> Result:
        runner = app.test_cli_runner()
        return runner.invoke(args=["accounts", *words], env=environ)

    return run


def lines(result: Result) -> list[dict[str, Any]]:
    """What a command said with --json."""
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_accounts_are_listed_with_masked_phones(command: Command, sign_in: SignIn) -> None:
    first, second = sign_in(), sign_in("09351112233")
    shown = lines(command("list", "--json"))
    assert [account["id"] for account in shown] == [first.account_id, second.account_id]
    assert shown[0] == {
        "id": first.account_id,
        "phone": "+98912***4567",
        "role": "person",
        "is_suspended": False,
        "created_at": shown[0]["created_at"],
    }
    assert "9121234567" not in command("list").output
    assert "+989121234567" in command("list", "--show-phones").output
    assert len(command("list").output.splitlines()) == 2


def test_nobody_is_no_failure_to_list(command: Command) -> None:
    assert lines(command("list", "--json")) == []


def test_a_suspended_person_is_out_and_comes_back(command: Command, sign_in: SignIn) -> None:
    person = sign_in()
    assert person.get("/v1/balance").status_code == 200
    assert lines(command("suspend", "0912 123 4567", "--json"))[0]["is_suspended"] is True
    time.sleep(1.1)
    assert person.get("/v1/balance").get_json()["code"] == "account_suspended"
    assert person.refresh().status_code == 403
    again = command("suspend", "09121234567")
    assert (again.exit_code, again.output.splitlines()[0]) == (0, "Nothing to do.")
    done = command("resume", "۰۹۱۲۱۲۳۴۵۶۷")
    assert (done.exit_code, done.output.splitlines()[0]) == (0, "Done.")
    time.sleep(1.1)
    assert person.get("/v1/balance").status_code == 200
    assert person.refresh().status_code == 200


def test_roles_are_granted_and_revoked(command: Command, sign_in: SignIn) -> None:
    person = sign_in()
    assert lines(command("grant", "09121234567", "auditor", "--json"))[0]["role"] == "auditor"
    assert person.get("/v1/me").get_json()["role"] == "auditor"
    assert lines(command("revoke", "09121234567", "operator", "--json"))[0]["role"] == "auditor"
    assert lines(command("grant", "09121234567", "operator", "--json"))[0]["role"] == "operator"
    assert lines(command("revoke", "09121234567", "operator", "--json"))[0]["role"] == "person"


@pytest.mark.parametrize(
    ("words", "exit_code", "reason"),
    [
        (("suspend", "09121234567"), 1, "nobody has this number"),
        (("grant", "09121234567", "auditor"), 1, "nobody has this number"),
        (("suspend", "12"), 2, "is not a mobile number"),
        (("grant", "09121234567", "king"), 2, "is not one of"),
        (("grant", "09121234567"), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_fails_and_says_why(
    command: Command, words: tuple[str, ...], exit_code: int, reason: str
) -> None:
    result = command(*words)
    assert result.exit_code == exit_code
    assert reason in result.output


@pytest.mark.slow
def test_an_operator_types_it(environ: dict[str, str], sign_in: SignIn) -> None:
    sign_in()
    done = flask("accounts", "grant", "09121234567", "operator", "--json", **environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["role"] == "operator"
    missing = flask("accounts", "suspend", "09350000000", **environ)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "nobody has this number" in missing.stderr
