"""Proofs over HTTP: the checkpoints that were signed, and what each of them vouches for."""

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
import msgspec
from flask import Response, request
from flask.views import MethodView

from domain import verifier
from domain.store.checkpoints import Checkpoint, checkpoints_before
from domain.store.database import Connection
from domain.store.leaf_log import Leaf, leaves_after
from domain.store.ledgers import Head
from domain.store.proofs import (
    CheckpointMissing,
    LedgerNotProven,
    prove_consistency,
    prove_ledger,
    signed_checkpoint,
)
from domain.verifier import KINDS, Proof
from projections.paging import MAX_KEY, Page
from web.blueprint import Blueprint
from web.body import refuse_unread_query
from web.errors import FieldError, Flaw, Problem, flawed
from web.fields import QueryInteger, Schema
from web.reads import Found, LimitQuery, not_kept, paged, read
from web.schemas import page_schema
from web.services import services

MOST_LEAVES: Final = 2**53 - 1
HASH: Final = {"pattern": "^[0-9a-f]{64}$"}
PYTHON: Final = "text/x-python"

blueprint = Blueprint("proofs", __name__, url_prefix="/v1", description="Proofs")


class CheckpointsQuery(LimitQuery):
    """Which page, newest first."""

    cursor = QueryInteger(1, MOST_LEAVES)


class ProofQuery(Schema):
    """In which checkpoint; the latest when it is not said."""

    size = QueryInteger(1, MOST_LEAVES)


class ConsistencyQuery(Schema):
    """From which checkpoint to which: the numbers of their leaves."""

    first = QueryInteger(1, MOST_LEAVES, required=True)
    second = QueryInteger(1, MOST_LEAVES, required=True)


class LeavesQuery(LimitQuery):
    """Which page of the leaves of which checkpoint; the latest when it is not said."""

    size = QueryInteger(1, MOST_LEAVES)
    cursor = QueryInteger(1, MOST_LEAVES, load_default=0)


class CheckpointSchema(ma.Schema):
    """A signed tree head: `note` is what to keep, in C2SP tlog-checkpoint form."""

    size = ma.fields.Integer(required=True)
    root = ma.fields.String(required=True, metadata=HASH)
    signed_at = ma.fields.DateTime(required=True)
    note = ma.fields.String(required=True)
    public_key = ma.fields.String(required=True)


class ProofSchema(ma.Schema):
    """That a checkpoint holds a ledger as it stood: the verifier takes it as it is."""

    ledger_id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": [*KINDS]})
    version = ma.fields.Integer(required=True)
    digest = ma.fields.String(required=True, metadata=HASH)
    leaf_index = ma.fields.Integer(required=True)
    size = ma.fields.Integer(required=True)
    path = ma.fields.List(ma.fields.String(metadata=HASH), required=True)
    checkpoint = ma.fields.String(required=True)


class LeafSchema(ma.Schema):
    """A place in the log; one a line, the verifier takes them as they are."""

    leaf_index = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": [*KINDS]})
    ledger_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    digest = ma.fields.String(required=True, metadata=HASH)


class ConsistencySchema(ma.Schema):
    """That a checkpoint goes on from an earlier one: the verifier takes it as it is."""

    first = ma.fields.Integer(required=True)
    second = ma.fields.Integer(required=True)
    path = ma.fields.List(ma.fields.String(metadata=HASH), required=True)


@blueprint.route("/audit/checkpoints")
class Checkpoints(MethodView):
    """All that were signed."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(CheckpointsQuery, location="query")
    @blueprint.response(200, page_schema(CheckpointSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List the checkpoints that were signed, newest first."""
        before, limit = query.get("cursor", MAX_KEY), query["limit"]
        found = services().database.read(lambda c: checkpoints_before(c, before, limit + 1))
        more = str(found[limit - 1].size) if len(found) > limit else None
        return not_kept(paged(lambda: Page(found[:limit], more), show_checkpoint))


@blueprint.route("/audit/checkpoints/latest")
class LatestCheckpoint(MethodView):
    """The last one."""

    @blueprint.for_role("auditor")
    @blueprint.response(200, CheckpointSchema)
    def get(self) -> Response:
        """Show the checkpoint that was signed last."""
        return _checkpoint(None)


@blueprint.route("/audit/checkpoints/<int:size>")
class OneCheckpoint(MethodView):
    """One of them."""

    @blueprint.for_role("auditor")
    @blueprint.response(200, CheckpointSchema)
    def get(self, size: int) -> Response:
        """Show the checkpoint over so many leaves."""
        return _checkpoint(size)


@blueprint.route("/audit/ledgers/<uuid:ledger_id>/proof")
class LedgerProof(MethodView):
    """Where a ledger stood."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(ProofQuery, location="query")
    @blueprint.response(200, ProofSchema)
    def get(self, query: dict[str, Any], ledger_id: UUID) -> Response:
        """Prove where a ledger stood at a checkpoint, or where it ended if it was erased."""
        with services().database.reading() as connection:
            return not_kept(Found(_proof(connection, ledger_id, query.get("size"))))


@blueprint.route("/audit/leaves")
class Leaves(MethodView):
    """The log itself."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(LeavesQuery, location="query")
    @blueprint.response(200, page_schema(LeafSchema))
    def get(self, query: dict[str, Any]) -> Response:
        """List the leaves of a checkpoint, in their order."""
        after, limit = query["cursor"], query["limit"]
        with services().database.reading() as connection:
            size = _signed(connection, query.get("size")).size
            found = leaves_after(connection, after, size, limit + 1)
        more = str(after + limit) if len(found) > limit else None
        return not_kept(paged(lambda: Page(found[:limit], more), show_leaf))


@blueprint.route("/audit/consistency")
class Consistency(MethodView):
    """From one checkpoint to another."""

    @blueprint.for_role("auditor")
    @blueprint.arguments(ConsistencyQuery, location="query")
    @blueprint.response(200, ConsistencySchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Prove that a checkpoint goes on from an earlier one: nothing was taken out."""
        first, second = query["first"], query["second"]
        if first > second:
            beyond = Flaw("out_of_range", minimum=first, maximum=MOST_LEAVES)
            raise flawed([FieldError("second", beyond)])
        try:
            path = services().database.read(lambda c: prove_consistency(c, first, second))
        except CheckpointMissing as error:
            raise Problem("checkpoint_not_found") from error
        return not_kept(Found(show_consistency(first, second, path)))


@blueprint.route("/audit/verifier")
class Verifier(MethodView):
    """The program that checks all of it."""

    @blueprint.for_role("auditor")
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=PYTHON)
    def get(self) -> Response:
        """Take away the verifier: one Python file that needs nothing of ours."""
        refuse_unread_query(request)
        return Response(verifier_source(), content_type=f"{PYTHON}; charset=utf-8")


@blueprint.route("/events/proof")
class OwnProof(MethodView):
    """Where one's own ledger stood."""

    @blueprint.signed_in
    @blueprint.arguments(ProofQuery, location="query")
    @blueprint.response(200, ProofSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """Prove where one's own ledger stood at a checkpoint."""

        def prove(connection: Connection, head: Head) -> Found:
            proof = _proof(connection, head.ledger_id, query.get("size"))
            # A later checkpoint has more leaves, and so another entity tag.
            return Found(proof, version=proof["size"])

        return read(prove)


def show_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint as a client reads it."""
    return {
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "signed_at": checkpoint.signed_at,
        "note": checkpoint.note,
        "public_key": checkpoint.public_key,
    }


def show_proof(proof: Proof) -> dict[str, Any]:
    """A proof as the verifier reads it."""
    hashes = [node.hex() for node in proof.path]
    return {**proof._asdict(), "digest": proof.digest.hex(), "path": hashes}


def show_leaf(leaf: Leaf) -> dict[str, Any]:
    """A leaf as the verifier reads it."""
    return {**msgspec.structs.asdict(leaf), "digest": leaf.digest.hex()}


def show_consistency(first: int, second: int, path: list[bytes]) -> dict[str, Any]:
    """A consistency proof as the verifier reads it."""
    return {"first": first, "second": second, "path": [node.hex() for node in path]}


def verifier_source() -> bytes:
    """The verifier's one file, to the byte."""
    return Path(verifier.__file__).read_bytes()


def _checkpoint(size: int | None) -> Response:
    refuse_unread_query(request)
    if size is not None and size > MOST_LEAVES:
        raise Problem("checkpoint_not_found")
    found = services().database.read(lambda connection: _signed(connection, size))
    return not_kept(Found(show_checkpoint(found)))


def _signed(connection: Connection, size: int | None) -> Checkpoint:
    try:
        return signed_checkpoint(connection, size)
    except CheckpointMissing as error:
        raise Problem("checkpoint_not_found") from error


def _proof(connection: Connection, ledger_id: UUID, size: int | None) -> dict[str, Any]:
    try:
        return show_proof(prove_ledger(connection, ledger_id, size))
    except CheckpointMissing as error:
        raise Problem("checkpoint_not_found") from error
    except LedgerNotProven as error:
        raise Problem("proof_not_found") from error
