"""The operator's commands `flask checkpoints …`: sign where every ledger stands, and prove it."""

from collections.abc import Callable
from typing import IO, TypeVar
from uuid import UUID

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from domain.store.checkpoints import Checkpoint, checkpoints_before, new_signer, sign_checkpoint
from domain.store.database import Connection
from domain.store.leaf_log import all_leaves
from domain.store.ledgers import utc_now
from domain.store.proofs import (
    CheckpointMissing,
    LedgerNotProven,
    prove_consistency,
    prove_ledger,
    signed_checkpoint,
)
from domain.store.settings import read_settings
from projections.paging import MAX_KEY
from web.auditing.shared import as_json_option, opened, say
from web.proofs import show_checkpoint, show_consistency, show_leaf, show_proof, verifier_source

T = TypeVar("T")

_output = click.option(
    "--output", type=click.File("wb"), default="-", help="A file; standard output if not said."
)
_size = click.IntRange(1, MAX_KEY)


@click.group("checkpoints", help="Where every ledger stood, signed, and proofs of it.")
def checkpoints_group() -> None:
    """Group the commands."""


@checkpoints_group.command("sign")
@as_json_option
def _sign(as_json: bool) -> None:
    """Take every ledger that changed into the log, and sign its head."""
    signer = new_signer(read_settings())
    told = TextColumn("ledgers looked at: {task.completed}")
    with Progress(SpinnerColumn(), told, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        with opened() as database:
            signed = sign_checkpoint(
                database, signer, utc_now(), lambda count: progress.advance(task, count)
            )
    if signed is None:
        raise click.ClickException("there is no ledger yet")
    _show(signed, as_json=as_json)


@checkpoints_group.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@as_json_option
def _list(limit: int, as_json: bool) -> None:
    """List the checkpoints that were signed, newest first."""
    with opened() as database:
        for checkpoint in database.read(lambda c: checkpoints_before(c, MAX_KEY, limit)):
            _show(checkpoint, as_json=as_json)


@checkpoints_group.command("show")
@click.argument("size", type=_size, required=False)
@as_json_option
def _show_one(size: int | None, as_json: bool) -> None:
    """Show the note of the checkpoint over SIZE leaves, or of the latest: what auditors keep."""
    found = _found(lambda connection: signed_checkpoint(connection, size))
    if as_json:
        _show(found, as_json=True)
    else:
        click.echo(found.note, nl=False)


@checkpoints_group.command("prove")
@click.argument("ledger_id", type=click.UUID)
@click.option("--size", type=_size, help="In the checkpoint over so many leaves, not the latest.")
@_output
def _prove(ledger_id: UUID, size: int | None, output: IO[bytes]) -> None:
    """Prove where a ledger stood, as JSON for the verifier."""
    proof = _found(lambda connection: prove_ledger(connection, ledger_id, size))
    _write(output, show_proof(proof))


@checkpoints_group.command("consistency")
@click.argument("first", type=_size)
@click.argument("second", type=_size)
@_output
def _consistency(first: int, second: int, output: IO[bytes]) -> None:
    """Prove that the checkpoint over SECOND leaves goes on from that over FIRST."""
    if first > second:
        raise click.UsageError("FIRST is the smaller one")
    path = _found(lambda connection: prove_consistency(connection, first, second))
    _write(output, show_consistency(first, second, path))


@checkpoints_group.command("leaves")
@click.option("--size", type=_size, help="Of the checkpoint over so many leaves, not the latest.")
@_output
def _leaves(size: int | None, output: IO[bytes]) -> None:
    """Write every leaf of a checkpoint, one JSON object a line, for the verifier."""

    def write(connection: Connection) -> None:
        for leaf in all_leaves(connection, signed_checkpoint(connection, size).size):
            _write(output, show_leaf(leaf))

    _found(write)


@checkpoints_group.command("key")
def _key() -> None:
    """Say the public key that checks what is signed from now on."""
    click.echo(new_signer(read_settings()).public_key)


@checkpoints_group.command("verifier")
@_output
def _verifier(output: IO[bytes]) -> None:
    """Write the verifier: one Python file for auditors to take away."""
    output.write(verifier_source())


def _show(checkpoint: Checkpoint, *, as_json: bool) -> None:
    at = checkpoint.signed_at.isoformat(timespec="seconds")
    text = f"size {checkpoint.size}  root {checkpoint.root.hex()}  signed {at}"
    say(show_checkpoint(checkpoint), text, as_json=as_json)


def _write(output: IO[bytes], said: dict[str, object]) -> None:
    output.write(msgspec.json.encode(said) + b"\n")


def _found(work: Callable[[Connection], T]) -> T:
    try:
        with opened() as database:
            return database.read(work)
    except CheckpointMissing as error:
        raise click.ClickException("no such checkpoint was signed") from error
    except LedgerNotProven as error:
        raise click.ClickException("the checkpoint does not hold this ledger") from error
