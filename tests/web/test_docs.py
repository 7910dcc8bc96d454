"""The documents: nothing is missing from them, and the tour answers as they say."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from domain.store.notices import KINDS
from domain.store.settings import Settings
from tests.keeper import ROOT
from tests.servers import LiveServer
from web.errors import STATUSES
from web.messages import catalogue

README = (ROOT / "README.md").read_text()
UNWRITTEN = "…"


def setting_names() -> list[str]:
    """Every setting's name in the environment."""
    unlike = {"rate_limit_per_second": "RATE_LIMIT"}
    return [unlike.get(field.name, field.name.upper()) for field in fields(Settings)]


def page(name: str) -> str:
    """A document's text."""
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("name", setting_names())
def test_every_setting_is_explained(name: str) -> None:
    assert f"`{name}`" in README
    assert name in (ROOT / ".env.example").read_text()


@pytest.mark.parametrize(("code", "status"), STATUSES.items())
def test_every_problem_is_explained(code: str, status: int) -> None:
    assert f"| `{code}` | {status} |" in page("refusals.md")


def test_every_code_of_a_value_is_explained() -> None:
    said = (
        "balance_",
        "report_",
        "nothing_",
        "status_",
        "month_",
        "weekday_",
        "budget_",
        "goal_",
        "notice_",
    )
    codes = {str(code) for code in catalogue("en")._catalog if code} - STATUSES.keys()
    codes = {code for code in codes if not code.startswith(said)}
    assert codes <= set(re.findall(r"^\| `(\w+)` \|", page("refusals.md"), re.MULTILINE))


def test_every_finding_of_an_audit_is_explained() -> None:
    sources = ["projections/chain.py", "projections/verification.py", "projections/whole_store.py"]
    sources += ["domain/store/accesses.py", "domain/store/proofs.py", "web/auditing/verify.py"]
    text = "\n".join((ROOT / source).read_text() for source in sources)
    given = r'(?:\.add|Finding|BrokenSeal)\(\s*"([a-z_]+)"|"((?:row|ledger|rows)_[a-z]+)"'
    codes = {first or second for first, second in re.findall(given, text)} - {"ledger_id"}
    codes |= set(re.findall(r'"((?:event|tombstone)_[a-z]+)"', text))
    assert len(codes) >= 25
    explained = set(re.findall(r"`([a-z_]+)`", page("audit.md")))
    assert codes - explained == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_notice_is_explained(kind: str) -> None:
    assert f"| `{kind}` |" in page("notifications.md")


def test_every_endpoint_is_in_the_contract(app: Flask) -> None:
    text = page("api.md")
    for path in {rule.rule for rule in app.url_map.iter_rules()}:
        if "/docs" not in path:
            assert re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path) in text, path


def test_every_link_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.slow
def test_the_tour_answers_as_it_says(
    live_server: Callable[..., LiveServer], environ: dict[str, str]
) -> None:
    server = live_server()
    variables = {"API": f"{server.base_url}/v1"}
    for command, expected in tour():
        if "=" in command.split()[0]:
            name, value = command.split("=", 1)
            variables.setdefault(name, substituted(shlex.split(value)[0], variables))
            continue
        began = time.monotonic()
        answer = curl(substituted(command, variables))
        assert_alike(answer, expected, time.monotonic() - began)
        variables |= {k.upper(): v for k, v in answer.items() if isinstance(v, str)}
        variables["CODE"] = last_code(Path(environ["OTP_OUTBOX"]))


def tour() -> Iterator[tuple[str, Any]]:
    """The README's commands, each with the answer it shows."""
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        if "make " in block:
            continue
        for piece in block.removeprefix("$ ").split("\n$ "):
            command, _, answer = piece.strip().partition("\n")
            yield command, json.loads(answer) if answer else None


def substituted(command: str, variables: dict[str, str]) -> str:
    """A command with its shell variables filled in."""
    return re.sub(r"\$(\w+)", lambda found: variables[found[1]], command)


def curl(command: str) -> dict[str, Any]:
    """What `curl` would do, as far as the tour uses it."""
    words = iter(shlex.split(command)[2:])
    url, headers, body = "", {}, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        else:
            url = word
    answer = requests.request("GET" if body is None else "POST", url, headers=headers, data=body)
    found: dict[str, Any] = answer.json()
    return found


def last_code(outbox: Path) -> str:
    """The code that was sent last."""
    return str(json.loads(outbox.read_text().splitlines()[-1])["code"])


def assert_alike(found: Any, shown: Any, seconds: float) -> None:
    """The same keys and values, but where the document says that it left something out.

    What is left of a token is counted in whole seconds, from the beginning of the one it was made
    in: answered after so many `seconds`, it can be less by those and a part of one.
    """
    if shown == UNWRITTEN:
        return
    if isinstance(shown, dict):
        assert found.keys() == shown.keys()
        for name, value in shown.items():
            if name in ("expires_in", "refresh_expires_in"):
                assert 0 <= value - found[name] < 1 + seconds, name
            else:
                assert_alike(found[name], value, seconds)
    elif isinstance(shown, list):
        assert len(found) == len(shown)
        for one, other in zip(found, shown, strict=True):
            assert_alike(one, other, seconds)
    else:
        assert found == shown
