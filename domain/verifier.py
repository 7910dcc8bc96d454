"""Checks an exported ledger against a proof and a signed checkpoint, without the service.

    python verifier.py LEDGER.ndjson --proof PROOF.json --checkpoint CHECKPOINT.txt --key KEY
                       [--earlier EARLIER.txt --consistency CONSISTENCY.json]
                       [--leaves LEAVES.ndjson]

One file for Python 3.11 or later. Only the signature's check needs a package, `cryptography`.
What is checked and what that means: docs/proofs.md and docs/events.md. Memory does not grow with
the export. Exit codes: 0 all of it holds; 1 it does not, each finding a line; 2 a file cannot be
read.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterable, Sequence
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID

KINDS: Final = {"ledger": b"\x01", "tombstone": b"\x02"}
"""What a leaf tells of: a ledger as it stood, or one that was erased, as it ended."""

ED25519: Final = b"\x01"
SIGNATURE_LINE: Final = re.compile("\u2014 ([^ +]+) ([A-Za-z0-9+/]+=*)")
HEX_DIGEST: Final = re.compile("[0-9a-f]{64}")
INSTANT: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}(\.[0-9]{6})?Z")
ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
LARGEST: Final = 2**63 - 1
LONGEST_LINE: Final = 2**24
"""Bytes. An event has a few hundred, and a thousand characters of text at most."""
MOST_SHOWN: Final = 20

ENTRIES: Final = {
    "income-recorded.1": "income",
    "expense-recorded.1": "expense",
    "saving-deposited.1": "deposits",
    "saving-withdrawn.1": "withdrawals",
    "surplus-saved.1": "deposits",
}
"""Events that are an entry, and the total it adds to."""
MOVES: Final = {
    "transaction-corrected.1": (("before", -1), ("after", 1)),
    "transaction-voided.1": (("entry", -1),),
    "transaction-restored.1": (("entry", 1),),
}
"""Events that carry entries whole: those that leave the totals, and those that come in."""
SILENT: Final = frozenset(
    {
        "ledger-opened.1",
        "category-added.1",
        "category-changed.1",
        "category-removed.1",
        *(f"budget-{what}.{n}" for what in ("set", "revised", "removed") for n in (1, 2)),
        *(f"goal-{what}.1" for what in ("set", "revised", "removed")),
        "auto-saving-set.1",
        "auto-saving-done.1",
        "recurrence-set.1",
        "recurrence-revised.1",
        "recurrence-removed.1",
        "recurrence-happened.1",
        "draft-confirmed.1",
        "draft-dismissed.1",
    }
)
"""Events that change no total."""
TOTALS: Final = {
    ("income", None): "income",
    ("expense", None): "expense",
    ("savings", "deposit"): "deposits",
    ("savings", "withdraw"): "withdrawals",
}
"""The total that an entry of this kind and direction is part of."""


class Unreadable(Exception):
    """Something that is not what it should be; the message says why."""


class Key(NamedTuple):
    """A public key under a name: C2SP signed-note, `name+id+base64(0x01 || 32 bytes)`."""

    name: str
    id: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """A tree head in C2SP tlog-checkpoint form: `text` is what the signatures are over."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: list[tuple[str, bytes]]


class Proof(NamedTuple):
    """That the tree of a checkpoint has a leaf which tells where a ledger stood."""

    ledger_id: UUID
    kind: str
    version: int
    digest: bytes
    leaf_index: int
    size: int
    path: list[bytes]
    checkpoint: str


PROOF: Final[dict[str, type]] = {
    "ledger_id": str,
    "kind": str,
    "version": int,
    "digest": str,
    "leaf_index": int,
    "size": int,
    "path": list,
    "checkpoint": str,
}
"""A proof's fields in JSON; hashes are 64 hex digits."""
LEAF: Final[dict[str, type]] = {
    "leaf_index": int,
    "kind": str,
    "ledger_id": str,
    "version": int,
    "digest": str,
}
CONSISTENCY: Final[dict[str, type]] = {"first": int, "second": int, "path": list}


class Leaf(NamedTuple):
    """What the log told of a ledger at some checkpoint."""

    leaf_index: int
    kind: str
    ledger_id: UUID
    version: int
    digest: bytes


class Line(NamedTuple):
    """An event in its portable form; `state` is the exact text that is sealed."""

    ledger_id: str
    version: int
    topic: str
    state: str
    digest: str


def leaf_hash(kind: str, ledger_id: UUID, version: int, digest: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, 2.1), whose 57 bytes are kind, ledger, version, digest."""
    told = KINDS[kind] + ledger_id.bytes + version.to_bytes(8, "big") + digest
    return sha256(b"\x00" + told).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a tree's node (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def event_digest(ledger_id: UUID, version: int, topic: str, state: str) -> bytes:
    """What seals an event and all before it (docs/events.md)."""
    head = ledger_id.bytes + version.to_bytes(8, "big") + topic.encode()
    return sha256(head + b"\x00" + state.encode()).digest()


class Edge:
    """A tree that grows leaf by leaf (RFC 6962, 2.1): of it only its perfect subtrees are kept."""

    def __init__(self, subtrees: Iterable[tuple[int, bytes]] = ()) -> None:
        self._subtrees = list(subtrees)
        """Levels and hashes, left to right."""

    def add(self, leaf: bytes) -> list[bytes]:
        """Add the hash of a leaf; the hashes of subtrees it made perfect, from level 1 up."""
        node = leaf
        made: list[bytes] = []
        while self._subtrees and self._subtrees[-1][0] == len(made):
            node = node_hash(self._subtrees.pop()[1], node)
            made.append(node)
        self._subtrees.append((len(made), node))
        return made

    @property
    def root(self) -> bytes:
        """The tree's root, once it has a leaf."""
        return joined([node for _, node in self._subtrees])


def joined(nodes: Sequence[bytes]) -> bytes:
    """The hash over perfect subtrees beside each other, each smaller than the one before."""
    return reduce(lambda right, left: node_hash(left, right), reversed(nodes))


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a path leads to, or None when it cannot be one (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return None
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(
    first: tuple[int, bytes], second: tuple[int, bytes], path: Sequence[bytes]
) -> bool:
    """Whether a tree (size, root) is the beginning of another (RFC 9162, 2.1.4.2)."""
    (first_size, first_root), (second_size, second_root) = first, second
    if first_size == second_size:
        return not path and first_root == second_root
    if not 0 < first_size < second_size:
        return False
    is_whole = first_size & (first_size - 1) == 0
    nodes = [first_root, *path] if is_whole else list(path)
    place, last = first_size - 1, second_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not nodes:
        return False
    before = after = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, node)
        place, last = place >> 1, last >> 1
    return last == 0 and (before, after) == (first_root, second_root)


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes that a signature names its key by (C2SP signed-note, Ed25519)."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def written_key(name: str, public: bytes) -> str:
    """A public key as people hand it on, and as `read_key` reads it."""
    encoded = base64.b64encode(ED25519 + public).decode()
    return f"{name}+{key_id(name, public).hex()}+{encoded}"


def read_key(text: str) -> Key:
    """A public key that was handed on; raises `Unreadable`."""
    name, _, rest = text.strip().partition("+")
    said_id, _, encoded = rest.partition("+")
    decoded = _decoded(encoded, "the key")
    if decoded[:1] != ED25519 or len(decoded) != 33:
        raise Unreadable("the key is not an Ed25519 key, `name+id+base64`")
    if key_id(name, decoded[1:]).hex() != said_id:
        raise Unreadable("the key's id is not that of its name and bytes: it was changed")
    return Key(name, key_id(name, decoded[1:]), decoded[1:])


def read_checkpoint(note: bytes) -> Checkpoint:
    """A signed note, whatever it is worth; raises `Unreadable`."""
    try:
        text, gap, signed = note.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise Unreadable("the checkpoint is not UTF-8") from error
    head, lines = text.split("\n"), signed.split("\n")
    if not gap or len(head) < 3 or "" in head or lines[-1] or len(lines) < 2:
        raise Unreadable("the checkpoint is not a signed note of origin, size and root")
    if not re.fullmatch("0|[1-9][0-9]{0,18}", head[1]) or int(head[1]) > LARGEST:
        raise Unreadable("the checkpoint's size is not a number")
    root = _decoded(head[2], "the checkpoint's root")
    signatures = []
    for line in lines[:-1]:
        found = SIGNATURE_LINE.fullmatch(line)
        if found is None:
            raise Unreadable("a signature of the checkpoint cannot be read")
        signatures.append((found[1], _decoded(found[2], "a signature")))
    return Checkpoint(head[0], int(head[1]), root, f"{text}\n".encode(), signatures)


def flaws_of_checkpoint(checkpoint: Checkpoint, key: Key) -> list[str]:
    """Why a checkpoint is not one that this key signed; nothing when it is."""
    if checkpoint.origin != key.name:
        return [f"checkpoint: it is of {checkpoint.origin!r}, not of the key's {key.name!r}"]
    own = [
        signed[4:]
        for name, signed in checkpoint.signatures
        if (name, signed[:4]) == (key.name, key.id)
    ]
    if not own:
        return [f"checkpoint: no signature is by the key {key.name}+{key.id.hex()}"]
    if not all(is_signature(key.public, signature, checkpoint.text) for signature in own):
        return ["checkpoint: its signature does not fit: it was forged or changed"]
    return []


def is_signature(public: bytes, signature: bytes, text: bytes) -> bool:
    """Whether an Ed25519 signature (RFC 8032) fits; raises `Unreadable` without the package."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # only here needed
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError as error:
        needed = "the signature's check needs a package: python -m pip install cryptography"
        raise Unreadable(needed) from error
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_proof(data: bytes) -> Proof:
    """A proof of inclusion; raises `Unreadable`."""
    said = _place(data, "the proof", PROOF)
    return Proof(**{**said, "path": _hashes(said["path"])})


def read_line(line: bytes) -> Line:
    """One line of an export; raises `Unreadable` when a byte is not as the service writes it."""
    if not line.endswith(b"\n"):
        raise Unreadable("its line is cut short")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable("its line is not JSON") from error
    if isinstance(said, dict) and "code" in said and "version" not in said:
        raise Unreadable(f"the export breaks off here: {said['code']}")
    kinds = (str, int, str, str, str)
    if not isinstance(said, dict) or [*said] != [*Line._fields]:
        raise Unreadable("its line is not an event")
    if [type(value) for value in said.values()] != [*kinds] or not 0 < said["version"] <= LARGEST:
        raise Unreadable("its line is not an event")
    if _written(said) + b"\n" != line:
        raise Unreadable("its line is not written as the service writes it")
    return Line(**said)


class Chain:
    """One ledger's lines, one after the other: where they stand, and what is wrong with them."""

    def __init__(self, ledger_id: UUID, watched: Iterable[int]) -> None:
        self.version = 0
        self.totals = dict.fromkeys(TOTALS.values(), 0)
        self.findings: list[str] = []
        self.found = 0
        self.watched: dict[int, bytes | None] = dict.fromkeys(watched)
        """The digests at the versions that the log tells of, as they have come by."""
        self._ledger_id, self._written_id = ledger_id, str(ledger_id)
        self._prevs = {sha256(ledger_id.bytes).hexdigest()}
        self._recorded_at = ""

    def take(self, data: bytes) -> None:
        """Check the next line."""
        try:
            line = read_line(data)
            digest = self._sealed(line)
            self._follow(line, json.loads(line.state))
        except (Unreadable, KeyError, TypeError, ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, Unreadable) else "its state cannot be read"
            self.find(f"version {self.version + 1}: {why}")
            self.version += 1
            self._prevs = set()
            return
        self._prevs = {digest.hex(), line.digest}
        if line.version in self.watched:
            self.watched[line.version] = digest

    def find(self, finding: str) -> None:
        """Note that something is wrong; of very many only the first are kept."""
        self.found += 1
        if self.found <= MOST_SHOWN:
            self.findings.append(finding)

    def _sealed(self, line: Line) -> bytes:
        if line.ledger_id != self._written_id:
            raise Unreadable(f"it is of another ledger, {line.ledger_id}")
        digest = event_digest(self._ledger_id, line.version, line.topic, line.state)
        if digest.hex() != line.digest:
            self.find(f"version {line.version}: the event does not have the digest it is given")
        return digest

    def _follow(self, line: Line, state: dict[str, Any]) -> None:
        where = f"version {line.version}:"
        if line.version != self.version + 1:
            self.find(f"{where} it comes where version {self.version + 1} should")
        elif self._prevs and state["prev"] not in self._prevs:
            self.find(f"{where} it does not follow the event before it (prev)")
        if _written(state).decode() != line.state:
            self.find(f"{where} its state is not written as the service writes it")
        recorded_at = _instant(state["recorded_at"])
        if recorded_at < self._recorded_at:
            self.find(f"{where} it was recorded before the event before it")
        for total, amount_rials in postings(line.topic, state):
            self.totals[total] += amount_rials
        self.version, self._recorded_at = line.version, recorded_at


def postings(topic: str, state: dict[str, Any]) -> list[tuple[str, int]]:
    """What an event adds to which total, Rials; raises `Unreadable` for one it does not know."""
    if topic in SILENT:
        return []
    if topic in ENTRIES:
        return [(ENTRIES[topic], _amount(state))]
    if topic not in MOVES:
        raise Unreadable(f"this verifier does not know {topic!r}: take a newer one")
    return [
        (TOTALS[state["kind"], state[name]["direction"]], sign * _amount(state[name]))
        for name, sign in MOVES[topic]
    ]


def main(words: Sequence[str] | None = None) -> int:
    """Check what the command line names, say what was found; the exit code."""
    parser = _arguments()
    asked = parser.parse_args(words)
    if (asked.earlier is None) != (asked.consistency is None):
        parser.error("--earlier and --consistency go together")
    try:
        proof = read_proof(Path(asked.proof).read_bytes())
        findings, checkpoint = _check_proof(asked, proof)
        flaws, places = _check_leaves(asked, proof, checkpoint)
        findings += flaws
        chain = Chain(proof.ledger_id, {proof.version, *(place.version for place in places)})
        with Path(asked.ledger).open("rb") as file:
            _walk(chain, file)
    except (Unreadable, OSError, UnicodeError) as error:
        sys.stderr.write(f"cannot tell: {_shown(str(error))}\n")
        return 2
    if chain.version < proof.version:
        end = f"the export ends at version {chain.version}"
        chain.find(f"version {proof.version}: it is missing, {end}, the proof is of this one")
    elif chain.watched[proof.version] not in (None, proof.digest):
        chain.find(f"version {proof.version}: it is not the event that was proven")
    _compare(chain, [place for place in places if place.leaf_index != proof.leaf_index])
    _tell([*findings, *chain.findings])
    found = len(findings) + chain.found
    _tell([f"findings: {found}"] if found else _good_news(asked, chain, proof, checkpoint))
    return 1 if found else 0


def _walk(chain: Chain, file: BinaryIO) -> None:
    while line := file.readline(LONGEST_LINE):
        chain.take(line)


def _compare(chain: Chain, places: Iterable[Leaf]) -> None:
    """Whether the export is what the log told of the ledger at each of its checkpoints."""
    for place in places:
        if chain.version < place.version:
            chain.find(f"version {place.version}: missing, leaf {place.leaf_index} tells of it")
        elif chain.watched[place.version] not in (None, place.digest):
            chain.find(
                f"version {place.version}: it is not the event that leaf {place.leaf_index}"
                " tells of: it was changed after it was written down"
            )


def _check_proof(asked: argparse.Namespace, proof: Proof) -> tuple[list[str], Checkpoint]:
    """What is wrong with the proof and its checkpoints; and the checkpoint."""
    key, own = read_key(asked.key), read_checkpoint(proof.checkpoint.encode())
    checkpoint, findings = own, flaws_of_checkpoint(own, key)
    if asked.checkpoint:
        checkpoint = read_checkpoint(Path(asked.checkpoint).read_bytes())
        findings = [f"the proof's {flaw}" for flaw in findings]
        findings = [*flaws_of_checkpoint(checkpoint, key), *findings]
    leaf = leaf_hash(proof.kind, proof.ledger_id, proof.version, proof.digest)
    if proof.size != checkpoint.size or own.text != checkpoint.text:
        findings.append(f"proof: it is for another checkpoint, of size {proof.size}")
    elif root_by_inclusion(leaf, proof.leaf_index, proof.size, proof.path) != checkpoint.root:
        findings.append(f"version {proof.version}: the checkpoint does not hold it as proven")
    if asked.earlier:
        earlier = read_checkpoint(Path(asked.earlier).read_bytes())
        earlier_key = read_key(asked.earlier_key or asked.key)
        findings += [f"earlier {flaw}" for flaw in flaws_of_checkpoint(earlier, earlier_key)]
        findings += _check_growth(earlier, checkpoint, Path(asked.consistency).read_bytes())
    return findings, checkpoint


def _check_growth(earlier: Checkpoint, later: Checkpoint, data: bytes) -> list[str]:
    said = _object(data, "the consistency proof", CONSISTENCY)
    if (said["first"], said["second"]) != (earlier.size, later.size):
        return ["consistency: it is for checkpoints of other sizes"]
    heads = (earlier.size, earlier.root), (later.size, later.root)
    if not is_consistent(*heads, _hashes(said["path"])):
        return ["consistency: the later checkpoint does not go on from the earlier one"]
    return []


def _check_leaves(
    asked: argparse.Namespace, proof: Proof, checkpoint: Checkpoint
) -> tuple[list[str], list[Leaf]]:
    """Whether these are all leaves of the checkpoint, and the proven one is the ledger's last.

    Also every place of the ledger that they tell of.
    """
    if not asked.leaves:
        return [], []
    edge, size, places = Edge(), 0, list[Leaf]()
    with Path(asked.leaves).open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            leaf = Leaf(**_place(line, f"leaf {size}", LEAF))
            if leaf.leaf_index != size:
                return [f"leaves: leaf {leaf.leaf_index} comes where leaf {size} should"], []
            if leaf.ledger_id == proof.ledger_id:
                places.append(leaf)
            edge.add(leaf_hash(leaf.kind, leaf.ledger_id, leaf.version, leaf.digest))
            size += 1
    if not size or size != checkpoint.size or edge.root != checkpoint.root:
        return ["leaves: they are not all leaves of the checkpoint, and no others"], []
    if places and places[-1].leaf_index > proof.leaf_index:
        where = f"version {places[-1].version} is leaf {places[-1].leaf_index}"
        said = f"version {proof.version}: it is not the ledger's last place in the log: {where}"
        return [said], places
    return [], places


def _good_news(
    asked: argparse.Namespace, chain: Chain, proof: Proof, checkpoint: Checkpoint
) -> list[str]:
    place = f"leaf {proof.leaf_index} of {proof.size} in a checkpoint of {checkpoint.origin}"
    kept = ", kept when the ledger was erased" if proof.kind == "tombstone" else ""
    news = [
        f"ledger {proof.ledger_id}: versions 1 to {chain.version}, each follows from the last",
        f"proven up to version {proof.version}: {place}{kept}",
    ]
    if chain.version > proof.version:
        news.append(f"not proven: what follows version {proof.version}; ask for a later proof")
    if asked.earlier:
        news.append("the log only grew since the earlier checkpoint")
    if asked.leaves:
        news.append("all that the log tells of this ledger is so, and every leaf was read")
    totals = chain.totals
    savings = totals["deposits"] - totals["withdrawals"]
    balance = totals["income"] - totals["expense"] - savings
    sums = f"income {totals['income']}, expense {totals['expense']}, savings {savings}"
    return [*news, f"totals in Rials: {sums}, balance {balance}"]


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Check an exported ledger against a checkpoint.")
    parser.add_argument("ledger", help="the export: one event a line")
    parser.add_argument("--proof", required=True, help="where the ledger is in the checkpoint")
    parser.add_argument("--checkpoint", help="the signed note; not said: the one in the proof")
    parser.add_argument("--key", required=True, help="the public key, from somewhere you trust")
    parser.add_argument("--earlier", help="a checkpoint that you kept: that nothing was taken out")
    parser.add_argument("--earlier-key", help="the key that signed that one; not said: the same")
    parser.add_argument("--consistency", help="the proof from the earlier one to this one")
    parser.add_argument("--leaves", help="all leaves of the checkpoint: that none is a later one")
    return parser


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{_shown(line)}\n")


def _shown(text: str) -> str:
    """Text in one line: what a file says cannot move a terminal's cursor, or hide other lines."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _object(data: bytes, what: str, kinds: dict[str, type]) -> dict[str, Any]:
    """A JSON object with exactly these names, each once, whose values are text, counts or lists."""
    try:
        said = json.loads(data, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{what} is not a JSON object") from error
    if not isinstance(said, dict) or said.keys() != kinds.keys():
        raise Unreadable(f"{what} does not have exactly the fields {', '.join(kinds)}")
    for name, value in said.items():
        is_count = type(value) is int and 0 <= value <= LARGEST
        if not (is_count if kinds[name] is int else type(value) is kinds[name]):
            raise Unreadable(f"{what} has a {name} that cannot be")
    return said


def _place(data: bytes, what: str, kinds: dict[str, type]) -> dict[str, Any]:
    """Like `_object`, of a leaf or what has the fields of one: id and digest become values."""
    said = _object(data, what, kinds)
    try:
        ledger_id = UUID(said["ledger_id"])
    except ValueError as error:
        raise Unreadable(f"{what} names no ledger") from error
    if str(ledger_id) != said["ledger_id"] or said["kind"] not in KINDS or not said["version"]:
        raise Unreadable(f"{what} names no ledger, kind or version")
    return {**said, "ledger_id": ledger_id, "digest": _hashes([said["digest"]])[0]}


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _hashes(texts: list[Any]) -> list[bytes]:
    if not all(isinstance(text, str) and HEX_DIGEST.fullmatch(text) for text in texts):
        raise Unreadable("a hash of the proof is not 64 hex digits")
    return [bytes.fromhex(text) for text in texts]


def _decoded(text: str, what: str) -> bytes:
    """Base64 in its only spelling: unused bits are zero."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Unreadable(f"{what} is not base64") from error
    if base64.b64encode(decoded).decode() != text:
        raise Unreadable(f"{what} is not base64")
    return decoded


def _written(value: object) -> bytes:
    return ENCODER.encode(value).encode()


def _instant(text: str) -> str:
    if not INSTANT.fullmatch(text):
        raise Unreadable("when it was recorded cannot be read")
    # Without its Z it sorts as time does, with a fraction and without.
    return text.removesuffix("Z")


def _amount(entry: dict[str, Any]) -> int:
    amount_rials = entry["amount_rials"]
    if type(amount_rials) is not int:
        raise Unreadable("its amount is not a whole number")
    return amount_rials


if __name__ == "__main__":
    sys.exit(main())
