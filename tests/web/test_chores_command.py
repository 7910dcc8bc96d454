"""The command `flask chores`, as an operator types it."""

import datetime as dt
import json
from functools import partial

import pytest

from domain.store import chores, verification_nights
from domain.store.database import Database
from tests.books import NOON, Book
from tests.web.test_operator import flask

pytestmark = pytest.mark.slow


def test_rounds_and_nights_are_shown(database: Database, environ: dict[str, str]) -> None:
    nothing = flask("chores", **environ)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    day = dt.date(2026, 11, 22)
    one = Book(database).ledger_id
    database.write(partial(chores.begin_round, day=day, ranges=[(one, one)], due=3, now=NOON))
    night = database.write(partial(verification_nights.begin_night, night=day, now=NOON))
    shown = flask("chores", **environ)
    assert (shown.returncode, shown.stdout.splitlines()) == (
        0,
        [
            "2026-11-22  chores: 3 due, 0 done, 0 failed, 1 ranges left",
            "2026-11-22  verification: 0 of 1 ledgers, 0 astray",
        ],
    )
    database.write(lambda c: c.run("UPDATE verification_nights SET astray = 1"))
    found = flask("chores", "--json", **environ)
    assert found.returncode == 1
    assert "docs/chores.md" in found.stderr
    told = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(line["kind"], line.get("due"), line.get("share")) for line in told] == [
        ("chores", 3, None),
        ("verification", None, night.share),
    ]
