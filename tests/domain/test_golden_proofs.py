"""docs/proofs.md tells auditors the truth: its bytes, and what the verifier says of them."""

import json
import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from domain import verifier
from domain.store.checkpoints import Signer
from domain.store.portable import portable_line
from domain.verifier import KINDS, leaf_hash
from tests.domain.store.test_codec import GOLDEN, GOLDEN_LEDGER
from tests.trees import leaf, mth, path, proof

PAGE: Final = (Path(__file__).parent.parent.parent / "docs/proofs.md").read_text()
LEAVES, KEY, EARLIER, CHECKPOINT = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
CONSISTENCY, PROOF = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
RUNS: Final = re.findall(r"^\$ (python .*)\n((?:[^$`].*\n)*)", PAGE, re.MULTILINE)
SIGNER: Final = Signer("dakhl-o-kharj", bytes(range(32)))
PLACES: Final = [("ledger", 2), ("ledger", 3), ("tombstone", 3)]
DIGESTS: Final = {version: bytes.fromhex(sealed) for version, _, _, sealed in GOLDEN}


def test_the_leaves_are_these_bytes() -> None:
    written, hashes = (part.split("\n") for part in LEAVES.strip().split("\n\n"))
    for place, told, hashed in zip(PLACES, written, hashes, strict=True):
        kind, version = place
        raw = KINDS[kind] + GOLDEN_LEDGER.bytes + version.to_bytes(8, "big") + DIGESTS[version]
        assert raw.hex() == told
        assert leaf(raw).hex() == hashed
        assert leaf_hash(kind, GOLDEN_LEDGER, version, DIGESTS[version]).hex() == hashed


def test_the_proofs_and_checkpoints_are_of_these_leaves() -> None:
    log = [leaf_hash(kind, GOLDEN_LEDGER, version, DIGESTS[version]) for kind, version in PLACES]
    assert SIGNER.public_key == KEY.strip()
    assert SIGNER.note(2, mth(log[:2])) == EARLIER
    assert SIGNER.note(3, mth(log)) == CHECKPOINT
    steps = [node.hex() for node in proof(2, log)]
    assert json.loads(CONSISTENCY) == {"first": 2, "second": 3, "path": steps}
    assert json.loads(PROOF) == {
        "ledger_id": str(GOLDEN_LEDGER),
        "kind": "tombstone",
        "version": 3,
        "digest": DIGESTS[3].hex(),
        "leaf_index": 2,
        "size": 3,
        "path": [node.hex() for node in path(2, log)],
        "checkpoint": CHECKPOINT,
    }


def test_the_verifier_says_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = b"".join(
        portable_line(GOLDEN_LEDGER, version, topic, state, sealed)
        for version, topic, state, sealed in GOLDEN
    )
    changed = lines.replace(b":250000", b":250001")
    assert changed != lines
    monkeypatch.chdir(tmp_path)
    for name, content in (
        ("ledger.ndjson", lines),
        ("changed.ndjson", changed),
        ("proof.json", PROOF.encode()),
        ("checkpoint.txt", CHECKPOINT.encode()),
        ("earlier.txt", EARLIER.encode()),
        ("consistency.json", CONSISTENCY.encode()),
    ):
        Path(name).write_bytes(content)
    codes = []
    for command, answer in RUNS:
        words = [KEY.strip() if word == "$KEY" else word for word in shlex.split(command)]
        assert words[:2] == ["python", "verifier.py"]
        codes.append(verifier.main(words[2:]))
        assert capsys.readouterr().out == answer
    assert codes == [0, 1]
