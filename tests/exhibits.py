"""What an auditor takes away: an export, a proof, checkpoints; and what the verifier says of it."""

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import msgspec

from domain.base import Event
from domain.store.checkpoints import Signer
from domain.store.codec import digest, first_prev, to_stored
from domain.store.portable import portable_line
from domain.verifier import leaf_hash, main
from tests.domain.given import LEDGER_ID, recorded
from tests.trees import leaf, mth, path, proof

SEED = b"a seed for tests, of thirty-two."
SIGNER = Signer("tests", SEED)
OTHER_SIGNER = Signer("tests", b"another one of thirty-two bytes!")


@dataclass(frozen=True)
class Exhibit:
    """Everything that the verifier is handed, as bytes of files."""

    lines: list[bytes]
    proof: bytes
    checkpoint: bytes
    key: str = SIGNER.public_key
    earlier: bytes | None = None
    consistency: bytes | None = None
    leaves: bytes | None = None
    earlier_key: str | None = None

    def with_proof(self, **changes: object) -> "Exhibit":
        """The same, with some fields of the proof changed."""
        return replace(self, proof=json.dumps({**json.loads(self.proof), **changes}).encode())

    def verified(self, folder: Path) -> tuple[int, str]:
        """The verifier's exit code, and all that it said."""
        words = [str(_file(folder / "ledger.ndjson", b"".join(self.lines)))]
        words += ["--proof", str(_file(folder / "proof.json", self.proof))]
        words += ["--checkpoint", str(_file(folder / "checkpoint.txt", self.checkpoint))]
        words += ["--key", self.key]
        if self.earlier is not None and self.consistency is not None:
            words += ["--earlier", str(_file(folder / "earlier.txt", self.earlier))]
            words += ["--consistency", str(_file(folder / "consistency.json", self.consistency))]
        if self.earlier_key is not None:
            words += ["--earlier-key", self.earlier_key]
        if self.leaves is not None:
            words += ["--leaves", str(_file(folder / "leaves.ndjson", self.leaves))]
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = main(words)
        return code, said.getvalue()


@dataclass(frozen=True)
class Told:
    """One ledger's lines, and the digest of each."""

    ledger_id: UUID
    lines: list[bytes]
    digests: list[bytes]


def told(events: Sequence[Event], ledger_id: UUID = LEDGER_ID) -> Told:
    """Events as an export has them, each following from the last."""
    prev, lines, digests = first_prev(ledger_id), [], []
    for place in recorded(events):
        sealed = msgspec.structs.replace(place, ledger_id=ledger_id, prev=prev.hex())
        stored = to_stored(sealed)
        prev = digest(ledger_id, place.version, stored.topic, stored.state)
        lines.append(
            portable_line(ledger_id, place.version, stored.topic, stored.state, prev.hex())
        )
        digests.append(prev)
    return Told(ledger_id, lines, digests)


def own_leaf(ledger: Told, version: int, kind: str = "ledger") -> bytes:
    """The leaf of a ledger as it stood at a version."""
    return leaf_hash(kind, ledger.ledger_id, version, ledger.digests[version - 1])


def others(count: int) -> list[bytes]:
    """Leaves of other ledgers."""
    return [leaf(bytes([number])) for number in range(count)]


def exhibit(
    ledger: Told,
    version: int,
    *,
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    kind: str = "ledger",
    signer: Signer = SIGNER,
) -> Exhibit:
    """A ledger whose place at a version is a leaf between others."""
    log = [*before, own_leaf(ledger, version, kind), *after]
    note = signer.note(len(log), mth(log))
    said = {
        "ledger_id": str(ledger.ledger_id),
        "kind": kind,
        "version": version,
        "digest": ledger.digests[version - 1].hex(),
        "leaf_index": len(before),
        "size": len(log),
        "path": [node.hex() for node in path(len(before), log)],
        "checkpoint": note,
    }
    written = json.dumps(said, ensure_ascii=False).encode() + b"\n"
    return Exhibit(ledger.lines, written, note.encode(), signer.public_key)


def grown_from(found: Exhibit, log: Sequence[bytes], first: int) -> Exhibit:
    """The same exhibit, with an earlier checkpoint and what leads from it to this one."""
    steps = [node.hex() for node in proof(first, list(log))]
    said = {"first": first, "second": len(log), "path": steps}
    earlier = SIGNER.note(first, mth(list(log[:first]))).encode()
    return replace(found, earlier=earlier, consistency=json.dumps(said).encode())


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
