"""Proofs over HTTP and from the command line: what is handed out is what the verifier takes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from click.testing import Result
from flask import Flask
from werkzeug.test import TestResponse

from domain import verifier
from domain.store import accounts
from domain.store.checkpoints import Checkpoint, new_signer, sign_checkpoint
from domain.store.database import Database
from domain.store.erasure import erase
from domain.store.ledgers import utc_now
from domain.store.settings import Settings
from tests.web.households import NOBODYS_ID, add_category, record, refused, shown
from tests.web.people import Person
from tests.web.roles import give
from web.services import Services
from workers import jobs

LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
def auditor(sign_in: Callable[..., Person], database: Database) -> Person:
    """Somebody who audits."""
    return give(database, sign_in("09120000001"), "auditor")


@pytest.fixture
def flask(app: Flask, environ: dict[str, str]) -> Callable[..., Result]:
    """Runs the `flask` command on this test's database."""
    runner = app.test_cli_runner(env=environ)
    return lambda *words: runner.invoke(args=words)


def sign(services: Services) -> Checkpoint:
    """What the daily job does."""
    signed = sign_checkpoint(services.database, new_signer(services.settings), utc_now())
    assert signed is not None
    return signed


def ledger_of(database: Database, person: Person) -> UUID:
    """The id of somebody's ledger."""
    account = database.read(lambda c: accounts.account_by_id(c, UUID(person.account_id)))
    assert account is not None
    return account.ledger_id


def seen(answer: TestResponse) -> dict[str, Any]:
    """What an auditor is answered."""
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def spend(person: Person, amount: int) -> None:
    """Record an expense."""
    found = person.get("/v1/categories").get_json()["items"]
    category = found[0]["id"] if found else add_category(person, "expense", "خوراک")
    record(person, category, amount, "1405-09-02")


def verified(folder: Path, key: str, **files: bytes | str) -> int:
    """The verifier's exit code about files that somebody was handed."""
    words = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        words += [str(path)] if name == "ledger" else [f"--{name}", str(path)]
    return verifier.main([*words, "--key", key])


def test_what_is_handed_out_proves_a_ledger(
    auditor: Person, person: Person, database: Database, services: Services, tmp_path: Path
) -> None:
    spend(person, 5)
    sign(services)
    earlier = seen(auditor.get("/v1/audit/checkpoints/latest"))
    spend(person, 7)
    sign(services)
    latest = seen(auditor.get("/v1/audit/checkpoints/latest"))
    assert seen(auditor.get(f"/v1/audit/checkpoints/{latest['size']}")) == latest
    sizes = f"first={earlier['size']}&second={latest['size']}"
    files = {
        "ledger": person.get("/v1/events", headers=LINES).data,
        "proof": auditor.get(f"/v1/audit/ledgers/{ledger_of(database, person)}/proof").data,
        "checkpoint": latest["note"],
        "earlier": earlier["note"],
        "consistency": auditor.get(f"/v1/audit/consistency?{sizes}").data,
    }
    assert verified(tmp_path, latest["public_key"], **files) == 0
    leaves = seen(auditor.get("/v1/audit/leaves?limit=200"))["items"]
    files["leaves"] = b"".join(msgspec.json.encode(one) + b"\n" for one in leaves)
    assert verified(tmp_path, latest["public_key"], **files) == 0
    own = person.get("/v1/events/proof")
    assert own.data == files["proof"]
    assert verified(tmp_path, latest["public_key"], **{**files, "proof": own.data}) == 0
    older = person.get(f"/v1/events/proof?size={earlier['size']}")
    short = {"ledger": files["ledger"], "proof": older.data}
    assert verified(tmp_path, latest["public_key"], **short) == 0
    assert older.get_json()["version"] < own.get_json()["version"]
    wrong = files["ledger"].replace(b'amount_rials\\":7', b'amount_rials\\":8')
    assert wrong != files["ledger"]
    assert verified(tmp_path, latest["public_key"], **{**files, "ledger": wrong}) == 1


def test_checkpoints_are_listed_newest_first(
    auditor: Person, person: Person, services: Services
) -> None:
    sizes = []
    for amount in (5, 6, 7):
        spend(person, amount)
        sizes.append(sign(services).size)
    first = seen(auditor.get("/v1/audit/checkpoints?limit=2"))
    assert [one["size"] for one in first["items"]] == sizes[:0:-1]
    assert first["items"][0].keys() == {"size", "root", "signed_at", "note", "public_key"}
    rest = seen(auditor.get(f"/v1/audit/checkpoints?cursor={first['next_cursor']}"))
    assert [one["size"] for one in rest["items"]] == sizes[:1]
    assert rest["has_more"] is False


def test_leaves_are_listed_by_the_page(auditor: Person, person: Person, services: Services) -> None:
    refused(auditor.get("/v1/audit/leaves"), 404, "checkpoint_not_found")
    spend(person, 5)
    sign(services)
    spend(person, 6)
    size = sign(services).size
    first = seen(auditor.get("/v1/audit/leaves?limit=2"))
    rest = seen(auditor.get(f"/v1/audit/leaves?limit=2&cursor={first['next_cursor']}"))
    found = [*first["items"], *rest["items"]]
    assert [one["leaf_index"] for one in found] == list(range(size)) == [0, 1, 2]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert len(seen(auditor.get("/v1/audit/leaves?size=2"))["items"]) == 2
    refused(auditor.get("/v1/audit/leaves?size=1"), 404, "checkpoint_not_found")


def test_an_erased_ledger_is_proven_by_its_tombstone(
    auditor: Person, person: Person, database: Database, services: Services, tmp_path: Path
) -> None:
    spend(person, 5)
    ledger_id = ledger_of(database, person)
    lines = person.get("/v1/events", headers=LINES).data
    database.write(lambda c: erase(c, ledger_id, utc_now()))
    sign(services)
    proof = auditor.get(f"/v1/audit/ledgers/{ledger_id}/proof")
    assert seen(proof)["kind"] == "tombstone"
    key = seen(auditor.get("/v1/audit/checkpoints/latest"))["public_key"]
    assert verified(tmp_path, key, ledger=lines, proof=proof.data) == 0


def test_what_was_not_signed_is_not_there(
    auditor: Person, person: Person, services: Services
) -> None:
    for path in ("checkpoints/latest", "checkpoints/1", f"ledgers/{NOBODYS_ID}/proof"):
        refused(auditor.get(f"/v1/audit/{path}"), 404, "checkpoint_not_found")
    refused(person.get("/v1/events/proof"), 404, "checkpoint_not_found")
    assert seen(auditor.get("/v1/audit/checkpoints"))["items"] == []
    size = sign(services).size
    refused(auditor.get(f"/v1/audit/ledgers/{NOBODYS_ID}/proof"), 404, "proof_not_found")
    for unsigned in (size + 1, 0, 10**18, 10**30):
        path = f"/v1/audit/checkpoints/{unsigned}"
        refused(auditor.get(path), 404, "checkpoint_not_found")
    assert auditor.get(f"/v1/audit/checkpoints/{'9' * 5000}").status_code == 404
    refused(auditor.get("/v1/audit/consistency?first=1&second=99"), 404, "checkpoint_not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/audit/consistency",
        "/v1/audit/consistency?first=2&second=1",
        "/v1/audit/consistency?first=0&second=1",
        "/v1/audit/consistency?first=x&second=1",
        "/v1/audit/checkpoints?limit=0",
        "/v1/audit/checkpoints?cursor=x",
        "/v1/audit/checkpoints/latest?x=1",
        "/v1/audit/verifier?x=1",
        f"/v1/audit/ledgers/{NOBODYS_ID}/proof?size=-1",
        "/v1/events/proof?size=99999999999999999999",
        "/v1/events/proof?x=1",
    ],
)
def test_what_makes_no_sense_is_refused(auditor: Person, path: str) -> None:
    refused(auditor.get(path), 422, "validation_failed")


def test_one_s_own_proof_is_new_with_every_checkpoint(person: Person, services: Services) -> None:
    sign(services)
    first = person.get("/v1/events/proof")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert person.get("/v1/events/proof", headers=tag).status_code == 304
    spend(person, 5)
    sign(services)
    second = person.get("/v1/events/proof", headers=tag)
    assert second.status_code == 200
    assert second.get_json()["version"] > first.get_json()["version"]


def test_nobody_is_handed_another_s_proof(
    person: Person, sign_in: Callable[..., Person], database: Database, services: Services
) -> None:
    other = sign_in("09351112233")
    sign(services)
    assert shown(person.get("/v1/events/proof"))["ledger_id"] == str(ledger_of(database, person))
    assert shown(other.get("/v1/events/proof"))["ledger_id"] == str(ledger_of(database, other))


def test_the_verifier_is_handed_out_whole(auditor: Person) -> None:
    answer = auditor.get("/v1/audit/verifier")
    assert answer.status_code == 200
    assert answer.content_type == "text/x-python; charset=utf-8"
    assert answer.data == Path(verifier.__file__).read_bytes()


class TestCommands:
    """`flask checkpoints …`."""

    def test_an_operator_signs_and_proves(
        self, flask: Callable[..., Result], person: Person, database: Database, tmp_path: Path
    ) -> None:
        spend(person, 5)
        first = json.loads(flask("checkpoints", "sign", "--json").stdout)
        assert flask("checkpoints", "sign").stdout.startswith(f"size {first['size']}  root ")
        spend(person, 6)
        assert flask("checkpoints", "sign").exit_code == 0
        second = json.loads(flask("checkpoints", "show", "--json").stdout)
        listed = flask("checkpoints", "list", "--json").stdout.splitlines()
        assert [json.loads(line) for line in listed] == [second, first]
        assert flask("checkpoints", "list", "--limit", "1").stdout.count("\n") == 1
        note = flask("checkpoints", "show", str(first["size"])).stdout
        assert note == first["note"]
        key = flask("checkpoints", "key").stdout.strip()
        assert key == first["public_key"]

        ledger_id = str(ledger_of(database, person))
        proof, growth = tmp_path / "p", tmp_path / "g"
        assert flask("checkpoints", "prove", ledger_id, "--output", str(proof)).exit_code == 0
        sizes = [str(first["size"]), str(second["size"])]
        assert flask("checkpoints", "consistency", *sizes, "--output", str(growth)).exit_code == 0
        files = {
            "ledger": person.get("/v1/events", headers=LINES).data,
            "proof": proof.read_bytes(),
            "checkpoint": second["note"],
            "earlier": note,
            "consistency": growth.read_bytes(),
        }
        assert verified(tmp_path, key, **files) == 0
        written = flask("checkpoints", "leaves").stdout
        assert verified(tmp_path, key, **files, leaves=written) == 0
        assert len(flask("checkpoints", "leaves", "--size", sizes[0]).stdout.splitlines()) == 1
        before = flask("checkpoints", "prove", ledger_id, "--size", sizes[0]).stdout
        assert json.loads(before)["size"] == first["size"]

    def test_what_is_not_there_fails(self, flask: Callable[..., Result], person: Person) -> None:
        assert "no such checkpoint" in flask("checkpoints", "show").output
        assert flask("checkpoints", "sign").exit_code == 0
        for words, why in (
            (("show", "99"), "no such checkpoint was signed"),
            (("prove", NOBODYS_ID), "the checkpoint does not hold this ledger"),
            (("consistency", "1", "99"), "no such checkpoint was signed"),
        ):
            failed = flask("checkpoints", *words)
            assert failed.exit_code == 1
            assert why in failed.output
        assert flask("checkpoints", "consistency", "2", "1").exit_code == 2

    def test_an_empty_store_has_nothing_to_sign(self, flask: Callable[..., Result]) -> None:
        failed = flask("checkpoints", "sign")
        assert failed.exit_code == 1
        assert "there is no ledger yet" in failed.output

    def test_the_verifier_is_written_whole(
        self, flask: Callable[..., Result], tmp_path: Path
    ) -> None:
        path = tmp_path / "verifier.py"
        assert flask("checkpoints", "verifier", "--output", str(path)).exit_code == 0
        assert path.read_bytes() == Path(verifier.__file__).read_bytes()


def test_the_daily_job_signs(
    person: Person, settings: Settings, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert jobs.sign_checkpoint() == 1
    assert jobs.sign_checkpoint() == 1
