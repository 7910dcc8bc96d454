"""The verifier, alone and under attack: whatever is changed is found, and named by its version."""

import json
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import verifier
from domain.base import Event
from domain.money import Totals
from domain.store.codec import NAMES, UPGRADES
from domain.store.portable import PortableEvent
from domain.verifier import (
    ENTRIES,
    MOVES,
    SILENT,
    Line,
    Unreadable,
    flaws_of_checkpoint,
    is_signature,
    read_checkpoint,
    read_key,
)
from tests.domain.examples import every_event, expense, household, income, opened
from tests.domain.given import LEDGER_ID, folded
from tests.exhibits import (
    OTHER_SIGNER,
    SIGNER,
    Exhibit,
    Told,
    exhibit,
    grown_from,
    others,
    own_leaf,
    told,
)
from tests.trees import leaf, mth

WHOLE = told(every_event)
LAST = len(every_event)
SMALL = told([opened, *household[1:2], income(1, 5)])
END = len(SMALL.lines)
GOOD = exhibit(SMALL, END, before=others(2), after=others(4)[2:])
Attack = Callable[[list[bytes]], list[bytes]]


def test_an_honest_export_is_proven_and_summed(tmp_path: Path) -> None:
    end = len(WHOLE.lines)
    code, said = exhibit(WHOLE, end, before=others(3), after=others(5)).verified(tmp_path)
    totals = folded(every_event).totals
    assert code == 0, said
    assert said == (
        f"ledger {LEDGER_ID}: versions 1 to {end}, each follows from the last\n"
        f"proven up to version {end}: leaf 3 of 9 in a checkpoint of tests\n"
        f"totals in Rials: income {totals.income}, expense {totals.expense},"
        f" savings {totals.savings}, balance {totals.balance}\n"
    )


def test_it_knows_every_event_s_part_in_the_totals() -> None:
    assert {*ENTRIES, *MOVES, *SILENT} == {*NAMES, *UPGRADES}
    assert list(PortableEvent.__struct_fields__) == [*Line._fields]


@given(st.lists(st.sampled_from(every_event), max_size=12))
def test_the_totals_are_the_service_s(events: list[Event]) -> None:
    chain = verifier.Chain(LEDGER_ID, ())
    for line in told(events).lines:
        chain.take(line)
    postings = [posting for event in events for posting in event.postings()]
    assert chain.findings == []
    assert chain.totals == msgspec.structs.asdict(reduce(Totals.plus, postings, Totals()))


def test_what_came_after_the_checkpoint_is_said_not_to_be_proven(tmp_path: Path) -> None:
    code, said = exhibit(SMALL, 2).verified(tmp_path)
    assert code == 0
    assert "proven up to version 2" in said
    assert "not proven: what follows version 2" in said


def test_a_tombstone_proves_what_an_erased_ledger_was(tmp_path: Path) -> None:
    code, said = exhibit(SMALL, END, kind="tombstone").verified(tmp_path)
    assert code == 0
    assert "kept when the ledger was erased" in said
    code, said = exhibit(SMALL, END, kind="tombstone").with_proof(kind="ledger").verified(tmp_path)
    assert code == 1


def test_growth_since_an_earlier_checkpoint_is_checked(tmp_path: Path) -> None:
    log = [*others(2), own_leaf(SMALL, END), *others(4)[2:]]
    for first in range(1, len(log) + 1):
        code, said = grown_from(GOOD, log, first).verified(tmp_path)
        assert code == 0, said
        assert "the log only grew since the earlier checkpoint" in said
    rewritten = [*others(1), leaf(b"x"), *log[2:]]
    for first in range(2, len(log) + 1):
        code, said = grown_from(GOOD, rewritten, first).verified(tmp_path)
        assert (code, said.count("consistency: the later")) == (1, 1)
    grown = grown_from(GOOD, log, 2)
    unsigned = replace(grown, earlier=OTHER_SIGNER.note(2, bytes(32)).encode())
    assert "earlier checkpoint: no signature is by the key" in unsigned.verified(tmp_path)[1]
    in_those_days = replace(unsigned, earlier_key=OTHER_SIGNER.public_key)
    assert "consistency: the later" in in_those_days.verified(tmp_path)[1]
    before = OTHER_SIGNER.note(2, mth(log[:2])).encode()
    across = replace(grown, earlier=before, earlier_key=OTHER_SIGNER.public_key)
    assert across.verified(tmp_path)[0] == 0
    other_sizes = replace(grown, consistency=b'{"first":1,"second":5,"path":[]}')
    assert other_sizes.verified(tmp_path)[0] == 1


ATTACKS: dict[str, tuple[str, Attack]] = {
    "the first is dropped": ("version 2:", lambda lines: lines[1:]),
    "one is dropped": ("version 6:", lambda lines: lines[:4] + lines[5:]),
    "the last is dropped": (f"version {LAST}:", lambda lines: lines[:-1]),
    "all are dropped": (f"version {LAST}:", lambda lines: []),
    "two are swapped": (
        "version 6:",
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
    ),
    "one comes twice": ("version 5:", lambda lines: [*lines[:5], lines[4], *lines[5:]]),
    "one is cut short": ("version 4:", lambda lines: [*lines[:3], lines[3][:-9], *lines[4:]]),
    "the last has no end": (f"version {LAST}:", lambda lines: [*lines[:-1], lines[-1][:-1]]),
    "there is an empty line": ("version 3:", lambda lines: [*lines[:2], b"\n", *lines[2:]]),
    "there is a space": ("version 1:", lambda lines: [b" " + lines[0], *lines[1:]]),
    "one is of another ledger": (
        "version 2: it is of another ledger",
        lambda lines: [lines[0], told(every_event, UUID(int=9)).lines[1], *lines[2:]],
    ),
    "it breaks off with a problem": (
        "version 4: the export breaks off here: session_ended",
        lambda lines: [*lines[:3], b'{"code":"session_ended","status":401}\n'],
    ),
    "it would write over what was said": (
        r"version 4: the export breaks off here: \x1b[2J\nall is well",
        lambda lines: [*lines[:3], b'{"code":"\\u001b[2J\\nall is well"}\n'],
    ),
    "an amount is changed": (
        "version 9: the event does not have the digest",
        lambda lines: [*lines[:8], lines[8].replace(b"250000", b"150000"), *lines[9:]],
    ),
    "a digest is changed": (
        "version 9: the event does not have the digest",
        lambda lines: [*lines[:8], lines[8][:-8] + b"00000" + lines[8][-3:], *lines[9:]],
    ),
    "an event is renamed": (
        "version 9: the event does not have the digest",
        lambda lines: [*lines[:8], lines[8].replace(b"expense-r", b"income-r"), *lines[9:]],
    ),
    "the end is another's": (
        f"version {LAST}: it is not the event that was proven",
        lambda lines: told([*every_event[:-1], expense(9, 1)]).lines,
    ),
    "an event is changed and all after it sealed anew": (
        f"version {LAST}: it is not the event that was proven",
        lambda lines: told([*every_event[:8], expense(2, 1), *every_event[9:]]).lines,
    ),
    "it is of another history": (
        f"version {LAST}:",
        lambda lines: told(every_event[:3]).lines,
    ),
}


class TestLeaves:
    """All leaves of a checkpoint show that a proof is of the ledger's last place."""

    OTHER = told([opened], UUID(int=0xD2))
    PLACES: ClassVar = [(OTHER, 1), (SMALL, 2), (SMALL, END)]

    def lines(self, places: list[tuple[Told, int]]) -> list[bytes]:
        """Leaves, one a line."""
        return [
            msgspec.json.encode(
                {
                    "leaf_index": index,
                    "kind": "ledger",
                    "ledger_id": str(ledger.ledger_id),
                    "version": version,
                    "digest": ledger.digests[version - 1].hex(),
                }
            )
            + b"\n"
            for index, (ledger, version) in enumerate(places)
        ]

    def proven(self, index: int) -> Exhibit:
        """A proof of one of the places, and all leaves."""
        hashes = [own_leaf(*place) for place in self.PLACES]
        found = exhibit(*self.PLACES[index], before=hashes[:index], after=hashes[index + 1 :])
        return replace(found, leaves=b"".join(self.lines(self.PLACES)))

    def test_the_last_place_is_known_to_be_the_last(self, tmp_path: Path) -> None:
        code, said = self.proven(2).verified(tmp_path)
        assert code == 0, said
        assert "all that the log tells of this ledger is so, and every leaf was read\n" in said

    def test_an_earlier_place_with_a_short_export_is_found(self, tmp_path: Path) -> None:
        quiet = replace(self.proven(1), lines=SMALL.lines[:2])
        assert replace(quiet, leaves=None).verified(tmp_path)[0] == 0
        code, said = quiet.verified(tmp_path)
        assert (code, said.splitlines()[0]) == (
            1,
            "version 2: it is not the ledger's last place in the log: version 3 is leaf 2",
        )

    def test_a_past_that_was_written_anew_is_found(self, tmp_path: Path) -> None:
        """Signed again, and the log only grew: the earlier leaf still tells what was."""
        places = [(told([opened, *household[1:2], income(1, 9)]), END), (SMALL, 2), (SMALL, END)]
        hashes = [own_leaf(*place) for place in places]
        signed = exhibit(SMALL, END, before=hashes[:2])
        anew = grown_from(replace(signed, leaves=b"".join(self.lines(places))), hashes, 1)
        assert replace(anew, leaves=None).verified(tmp_path)[0] == 0
        code, said = anew.verified(tmp_path)
        assert (code, said.count("version 3: it is not the event that leaf 0 tells of")) == (1, 1)

    def test_an_end_that_was_cut_off_is_found(self, tmp_path: Path) -> None:
        places = [(SMALL, END), (SMALL, 2)]
        signed = exhibit(SMALL, 2, before=[own_leaf(SMALL, END)])
        cut = replace(signed, lines=SMALL.lines[:2], leaves=b"".join(self.lines(places)))
        assert replace(cut, leaves=None).verified(tmp_path)[0] == 0
        code, said = cut.verified(tmp_path)
        assert (code, said.splitlines()[0]) == (1, "version 3: missing, leaf 0 tells of it")

    def test_leaves_that_are_not_the_checkpoint_s_are_found(self, tmp_path: Path) -> None:
        honest = self.lines(self.PLACES)
        other = self.lines([*self.PLACES[:1], self.PLACES[0], self.PLACES[2]])
        for leaves in (honest[:2], [*honest, honest[0]], honest[1:], honest[::-1], other, []):
            code, said = replace(self.proven(1), leaves=b"".join(leaves)).verified(tmp_path)
            assert code == 1, leaves
            assert said.startswith("leaves: ")

    @pytest.mark.parametrize("line", [b"{}\n", b"\n", b"x", b"[1]\n"])
    def test_what_is_no_leaf_cannot_be_read(self, line: bytes, tmp_path: Path) -> None:
        assert replace(self.proven(2), leaves=line).verified(tmp_path)[0] == 2

    @pytest.mark.slow
    def test_every_flipped_bit_of_them_is_found(self, tmp_path: Path) -> None:
        good = self.proven(2)
        assert good.leaves is not None
        for bit in range(len(good.leaves) * 8):
            code, said = replace(good, leaves=flipped(good.leaves, bit)).verified(tmp_path)
            assert code in (1, 2), (bit, said)


class TestExports:
    """Nothing of a history can be changed unseen."""

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_it_is_found_and_named(self, attack: str, tmp_path: Path) -> None:
        named, change = ATTACKS[attack]
        honest = exhibit(WHOLE, LAST, before=others(1))
        assert honest.verified(tmp_path)[0] == 0
        code, said = replace(honest, lines=change(WHOLE.lines)).verified(tmp_path)
        assert code == 1, said
        assert said.startswith(named), said
        assert re.search(r"^findings: \d+$", said, re.MULTILINE)
        assert "totals" not in said

    def test_an_event_appended_after_the_checkpoint_is_not_proven(self, tmp_path: Path) -> None:
        """Nor found: only a later checkpoint can tell. But it is said."""
        forged = told([*every_event, income(9, 10**9)])
        code, said = replace(exhibit(WHOLE, LAST), lines=forged.lines).verified(tmp_path)
        assert code == 0
        assert f"not proven: what follows version {LAST}" in said

    def test_a_forged_event_that_follows_from_nothing_is_found(self, tmp_path: Path) -> None:
        forged = told([*every_event[:-1], expense(9, 1), income(9, 10**9)])
        lines = [*WHOLE.lines, forged.lines[-1]]
        code, said = replace(exhibit(WHOLE, LAST), lines=lines).verified(tmp_path)
        assert code == 1
        assert said.startswith(f"version {LAST + 1}: it does not follow the event before it")

    def test_time_never_goes_back(self, tmp_path: Path) -> None:
        late = SMALL.lines[1].replace(b"08:32:00Z", b"08:32:00.000001Z")
        chain = verifier.Chain(LEDGER_ID, ())
        for line in (SMALL.lines[0], late, late.replace(b'"version":2', b'"version":3')):
            chain.take(line)
        assert not [finding for finding in chain.findings if "recorded before" in finding]
        early = SMALL.lines[2].replace(b"08:33:00Z", b"08:31:59.999999Z")
        chain.take(early.replace(b'"version":3', b'"version":4'))
        assert "version 4: it was recorded before the event before it" in chain.findings

    @pytest.mark.parametrize(
        "state",
        [
            "null",
            "[]",
            "{}",
            "{",
            '{"prev":1}',
            '{"prev":[],"recorded_at":"2026-11-23T08:31:00Z"}',
            '{"prev":"","recorded_at":"yesterday"}',
            '{"prev":"","recorded_at":7}',
            '{"prev":"","recorded_at":"2026-11-23T08:31:00Z","amount_rials":true}',
            '{"prev":"","recorded_at":"2026-11-23T08:31:00Z","amount_rials":1.5}',
            '{"prev":"","recorded_at":"2026-11-23T08:31:00Z"}',
            "[" * 100_000,
            "9" * 5000,
        ],
    )
    @pytest.mark.parametrize("topic", ["income-recorded.1", "transaction-voided.1", "party.1"])
    def test_no_state_however_odd_gets_by(self, state: str, topic: str) -> None:
        sealed = verifier.event_digest(LEDGER_ID, 1, topic, state).hex()
        event = PortableEvent(LEDGER_ID, 1, topic, state, sealed)
        chain = verifier.Chain(LEDGER_ID, ())
        chain.take(msgspec.json.encode(event) + b"\n")
        assert chain.findings
        assert all(finding.startswith("version 1: ") for finding in chain.findings)

    def test_of_very_many_findings_only_the_first_are_told(self, tmp_path: Path) -> None:
        code, said = replace(GOOD, lines=[b"x\n"] * 5000).verified(tmp_path)
        assert code == 1
        assert len(said.splitlines()) == verifier.MOST_SHOWN + 1
        assert said.endswith("findings: 5000\n")

    @given(st.binary(max_size=300), st.integers(0, END))
    def test_no_bytes_at_all_end_in_anything_but_a_finding(self, junk: bytes, place: int) -> None:
        chain = verifier.Chain(LEDGER_ID, [END])
        for line in [*SMALL.lines[:place], junk + b"\n", *SMALL.lines[place:]]:
            chain.take(line)
        assert chain.found


class TestProofsAndCheckpoints:
    """Nothing but the service's own proof of this ledger in this checkpoint will do."""

    def test_another_ledger_s_proof_is_not_this_one_s(self, tmp_path: Path) -> None:
        other = told([opened, income(1, 7)], UUID(int=0xD1))
        its = exhibit(other, 2, before=others(2))
        code, said = replace(its, lines=SMALL.lines).verified(tmp_path)
        assert code == 1
        assert f"version 1: it is of another ledger, {LEDGER_ID}" in said
        renamed = its.with_proof(ledger_id=str(LEDGER_ID))
        code, said = replace(renamed, lines=SMALL.lines).verified(tmp_path)
        assert code == 1
        assert said.startswith("version 2: the checkpoint does not hold it as proven")

    def test_a_proof_goes_with_its_own_checkpoint(self, tmp_path: Path) -> None:
        later = exhibit(SMALL, END, before=others(2), after=others(9))
        code, said = replace(GOOD, checkpoint=later.checkpoint).verified(tmp_path)
        assert (code, said.splitlines()[0]) == (
            1,
            "proof: it is for another checkpoint, of size 5",
        )
        moved = json.loads(later.proof)
        passed_off = replace(
            GOOD.with_proof(size=moved["size"], checkpoint=moved["checkpoint"]),
            checkpoint=later.checkpoint,
        )
        code, said = passed_off.verified(tmp_path)
        assert code == 1
        assert said.startswith(f"version {END}: the checkpoint does not hold it as proven")

    def test_an_old_proof_with_a_short_export_proves_no_more_than_it_says(
        self, tmp_path: Path
    ) -> None:
        older = exhibit(SMALL, 2)
        code, said = replace(older, lines=SMALL.lines[:2]).verified(tmp_path)
        assert code == 0
        assert "proven up to version 2" in said

    @pytest.mark.parametrize(
        "changes",
        [
            {"version": 2},
            {"version": END + 1},
            {"digest": "0" * 64},
            {"leaf_index": 0},
            {"leaf_index": 4},
            {"leaf_index": 2**62},
            {"size": 4},
            {"size": 6},
            {"path": []},
            {"path": ["0" * 64] * 3},
            {"path": ["0" * 64] * 5000},
        ],
    )
    def test_a_proof_that_was_changed_is_found(
        self, changes: dict[str, object], tmp_path: Path
    ) -> None:
        assert GOOD.with_proof(**changes).verified(tmp_path)[0] == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"version": 0},
            {"version": -1},
            {"version": True},
            {"version": 1.0},
            {"version": 10**400},
            {"ledger_id": LEDGER_ID.hex},
            {"ledger_id": "x"},
            {"kind": "promise"},
            {"digest": "A" * 64},
            {"path": [1]},
            {"path": "0" * 64},
            {"checkpoint": None},
            {"checkpoint": "\ud800"},
            {"checkpoint": "hello"},
            {"more": 1},
        ],
    )
    def test_what_is_no_proof_cannot_be_read(
        self, changes: dict[str, object], tmp_path: Path
    ) -> None:
        code, said = GOOD.with_proof(**changes).verified(tmp_path)
        assert code == 2
        assert said.startswith("cannot tell: ")

    @pytest.mark.parametrize("proof", [b"", b"[]", b"{}", b"\xff", b"[" * 99_999, b'{"a":1,"a":1}'])
    def test_what_is_no_object_cannot_be_read(self, proof: bytes, tmp_path: Path) -> None:
        assert replace(GOOD, proof=proof).verified(tmp_path)[0] == 2

    def test_a_checkpoint_of_another_key_is_found(self, tmp_path: Path) -> None:
        forged = exhibit(SMALL, END, signer=OTHER_SIGNER)
        code, said = replace(forged, key=SIGNER.public_key).verified(tmp_path)
        assert code == 1
        assert said.startswith("checkpoint: no signature is by the key tests+")
        name, signature = forged.checkpoint.decode().splitlines()[-1].split(" ")[1:]
        raw = read_key(SIGNER.public_key).id + b64decode(signature)[4:]
        same_id = forged.checkpoint.replace(signature.encode(), b64encode(raw))
        passed_off = replace(forged, checkpoint=same_id, key=SIGNER.public_key)
        assert "its signature does not fit" in passed_off.verified(tmp_path)[1]
        assert name == "tests"

    def test_a_signature_of_another_note_does_not_fit(self, tmp_path: Path) -> None:
        signature = SIGNER.note(9, bytes(32)).split("\n\n")[1]
        mixed = GOOD.checkpoint.decode().split("\n\n")[0] + "\n\n" + signature
        code, said = replace(GOOD, checkpoint=mixed.encode()).verified(tmp_path)
        assert (code, "its signature does not fit" in said) == (1, True)

    def test_a_checkpoint_of_another_log_is_found(self, tmp_path: Path) -> None:
        text = GOOD.checkpoint.decode().replace("tests\n", "elsewhere\n", 1)
        code, said = replace(GOOD, checkpoint=text.encode()).verified(tmp_path)
        assert (code, said.splitlines()[0]) == (
            1,
            "checkpoint: it is of 'elsewhere', not of the key's 'tests'",
        )

    def test_other_signatures_beside_ours_are_others_business(self, tmp_path: Path) -> None:
        witnessed = GOOD.checkpoint + b"\xe2\x80\x94 witness AAAAAAAA\n"
        assert replace(GOOD, checkpoint=witnessed).verified(tmp_path)[0] == 0

    @pytest.mark.parametrize(
        "note",
        [
            b"",
            b"tests\n1\n",
            b"tests\n01\nAAAA\n\n\xe2\x80\x94 tests AAAA\n",
            b"tests\n1\nAAA\n\n\xe2\x80\x94 tests AAAA\n",
            b"tests\n1\nAAAB====\n\n\xe2\x80\x94 tests AAAA\n",
            b"tests\n1\nAAAA\n\n- tests AAAA\n",
            b"tests\n1\nAAAA\n\n\xe2\x80\x94 tests AAAA",
            b"\xff",
            GOOD.checkpoint.replace(b"\n", b"\r\n"),
            GOOD.checkpoint[:-1],
        ],
    )
    def test_what_is_no_checkpoint_cannot_be_read(self, note: bytes, tmp_path: Path) -> None:
        assert replace(GOOD, checkpoint=note).verified(tmp_path)[0] == 2

    @pytest.mark.parametrize("key", ["", "tests", "tests+00000000+AAAA", "x" + SIGNER.public_key])
    def test_what_is_no_key_cannot_be_read(self, key: str, tmp_path: Path) -> None:
        assert replace(GOOD, key=key).verified(tmp_path)[0] == 2


def test_keys_and_signatures_are_those_of_others() -> None:
    """Vectors of golang.org/x/mod/sumdb: the Go checksum database's key, and a signed note."""
    go = read_key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    assert (go.name, go.id.hex()) == ("sum.golang.org", "033de0ae")
    key = read_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signature = b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert signature[:4] == key.id
    assert is_signature(key.public, signature[4:], text.encode())
    assert not is_signature(key.public, signature[4:], text.encode() + b"\n")


def flipped(content: bytes, bit: int) -> bytes:
    """The bytes with one bit changed."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flipped_exhibit(part: str, bit: int) -> Exhibit:
    """The good exhibit with one bit of one of its parts changed."""
    if part == "export":
        return replace(GOOD, lines=[flipped(b"".join(GOOD.lines), bit)])
    if part == "proof":
        return replace(GOOD, proof=flipped(GOOD.proof, bit))
    return replace(GOOD, checkpoint=flipped(GOOD.checkpoint, bit))


PARTS = {
    "export": len(b"".join(GOOD.lines)),
    "proof": len(GOOD.proof),
    "checkpoint": len(GOOD.checkpoint),
}


@given(
    st.sampled_from(sorted(PARTS)).flatmap(
        lambda part: st.tuples(st.just(part), st.integers(0, PARTS[part] * 8 - 1))
    )
)
def test_a_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, at: tuple[str, int]
) -> None:
    code, said = flipped_exhibit(*at).verified(tmp_path_factory.getbasetemp())
    assert code in (1, 2), (at, said)
    assert at[0] != "export" or said.startswith("version "), said


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_every_flipped_bit_is_found(part: str, tmp_path: Path) -> None:
    for bit in range(PARTS[part] * 8):
        code, said = flipped_exhibit(part, bit).verified(tmp_path)
        assert code in (1, 2), (bit, said)
        assert part != "export" or said.startswith("version "), said


class TestAlone:
    """It is one file, and runs with nothing of ours around it."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """An auditor's folder: the verifier, and what was handed over."""
        GOOD.verified(tmp_path)
        source = Path(verifier.__file__).read_bytes()
        (tmp_path / "verifier.py").write_bytes(source)
        return tmp_path

    def run(self, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        """Run it as an auditor does, where nothing of ours can be imported."""
        words = ["verifier.py", "ledger.ndjson", "--proof", "proof.json", "--key", GOOD.key]
        words += ["--checkpoint", "checkpoint.txt"]
        return subprocess.run(
            [sys.executable, "-I", *flags, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_runs_alone(self, folder: Path) -> None:
        ran = self.run(folder)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "totals in Rials: income 5, expense 0, savings 0, balance 5" in ran.stdout
        (folder / "ledger.ndjson").write_bytes(b"".join(GOOD.lines[:-1]))
        assert self.run(folder).returncode == 1

    def test_without_the_package_it_says_what_it_needs(self, folder: Path) -> None:
        ran = self.run(folder, "-S")
        assert ran.returncode == 2
        assert "python -m pip install cryptography" in ran.stderr

    def test_what_is_not_there_cannot_be_read(self, folder: Path) -> None:
        (folder / "ledger.ndjson").unlink()
        ran = self.run(folder)
        assert ran.returncode == 2
        assert "ledger.ndjson" in ran.stderr

    def test_the_checkpoint_in_the_proof_will_do(self, folder: Path, tmp_path: Path) -> None:
        words = [str(folder / "ledger.ndjson"), "--proof", str(folder / "proof.json")]
        assert verifier.main([*words, "--key", GOOD.key]) == 0
        with pytest.raises(SystemExit, match="2"):
            verifier.main([*words, "--key", GOOD.key, "--earlier", "x"])

    def test_it_imports_nothing_but_python_s_own(self) -> None:
        source = Path(verifier.__file__).read_text()
        named = set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
        assert named <= sys.stdlib_module_names


def test_our_notes_are_as_the_parser_wants_them() -> None:
    note = read_checkpoint(SIGNER.note(3, bytes(32)).encode())
    assert note.text == b"tests\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    assert flaws_of_checkpoint(note, read_key(SIGNER.public_key)) == []
    with pytest.raises(Unreadable):
        read_checkpoint(b"\n\n\n")
