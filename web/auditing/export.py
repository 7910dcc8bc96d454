"""The command `flask audit export`: a ledger's events in their portable form."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO
from uuid import UUID

import click

from domain.store.database import Database
from domain.store.ledgers import Head, read_head
from domain.store.portable import portable_line
from projections.history import stream_events
from web.auditing.shared import opened

STANDARD_OUTPUT = "-"


@click.command("export")
@click.argument("ledger_id", type=click.UUID)
@click.option("--output", required=True, help="A file, there only when it is whole; - is stdout.")
def export(ledger_id: UUID, output: str) -> None:
    """Write every event of a ledger, one portable line each, and say where it stands.

    Exits with 1 when the events do not come to the digest of the ledger's head.
    """
    with opened() as database:
        head = database.read(lambda connection: read_head(connection, ledger_id))
        with _file(output) as file:
            digest = _write(database, head, file)
    is_whole = digest == head.digest.hex()
    click.echo(f"version {head.version}, digest {digest}", err=output == STANDARD_OUTPUT)
    if not is_whole:
        click.echo("the head has another digest: see `flask audit verify`", err=True)
    sys.exit(0 if is_whole else 1)


def _write(database: Database, head: Head, file: IO[bytes]) -> str:
    """The digest of the last event."""
    digest = ""
    rows = stream_events(database, head.ledger_id, 0, head.version, lambda _connection: None)
    for row in rows:
        digest = row.digest
        file.write(portable_line(row.ledger_id, row.version, row.topic, row.state, digest))
    return digest


@contextmanager
def _file(output: str) -> Iterator[IO[bytes]]:
    """Standard output, or a file that takes its name when all of it is on the disk."""
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    try:
        with _written(_place(output)) as file:
            yield file
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from error


def _place(output: str) -> Path:
    """Where a link leads: it stays one. A device or a folder would make way for the file."""
    path = Path(output).resolve()
    if path.exists() and not path.is_file():
        raise click.ClickException(f"{output or path} is not a file; - is standard output")
    return path


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        unfinished = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink()
            raise
