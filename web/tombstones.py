"""The operator's commands `flask tombstones …`: carry erasures over to a restored backup."""

import datetime as dt
from collections.abc import Callable
from typing import IO, TypeVar
from uuid import UUID

import click
import msgspec

from domain.store.database import Database
from domain.store.erasure import Tombstone, erase_again, tombstones
from domain.store.ledgers import utc_now
from web.auditing.shared import opened

T = TypeVar("T")


class PortableTombstone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tombstone as a line of a file; `digest` is hex, as in exported events."""

    ledger_id: UUID
    version: int
    digest: str
    erased_at: dt.datetime


@click.group("tombstones", help="What erased ledgers left behind.")
def tombstones_group() -> None:
    """Group the commands."""


@tombstones_group.command("export")
@click.option(
    "--output", type=click.File("wb"), default="-", help="A file; standard output if not said."
)
def _export(output: IO[bytes]) -> None:
    """Write every tombstone, one JSON object a line."""
    for stone in _with_database(lambda database: database.read(tombstones)):
        portable = PortableTombstone(
            stone.ledger_id, stone.version, stone.digest.hex(), stone.erased_at
        )
        output.write(msgspec.json.encode(portable) + b"\n")


@tombstones_group.command("apply")
@click.argument("file", type=click.File("rb"))
def _apply(file: IO[bytes]) -> None:
    """Erase again, in a restored backup, what was erased after it was made."""
    stones = [_parsed(number, line) for number, line in enumerate(file, 1)]
    erased = _with_database(lambda database: [_again(database, stone) for stone in stones])
    click.echo(f"tombstones: {len(stones)}, ledgers erased again: {sum(erased)}")


def _parsed(number: int, line: bytes) -> Tombstone:
    try:
        read = msgspec.json.decode(line, type=PortableTombstone)
        return Tombstone(read.ledger_id, read.version, bytes.fromhex(read.digest), read.erased_at)
    except ValueError as error:
        raise click.ClickException(f"line {number} is not a tombstone: {error}") from error


def _again(database: Database, stone: Tombstone) -> bool:
    return database.write(lambda connection: erase_again(connection, stone, utc_now()))


def _with_database(work: Callable[[Database], T]) -> T:
    with opened() as database:
        return work(database)
