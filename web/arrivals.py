"""The operator's command `flask ledgers import`: ledgers that come from another store."""

import sys
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from domain.store.database import Database
from projections.arrivals import (
    MOST_LINE_BYTES,
    Arrival,
    NotTaken,
    check_lines,
    refuse_phone,
    take_in,
)
from web.auditing.shared import as_json_option, opened, say
from web.people import Phone


@click.group("ledgers", help="Ledgers that come from another store.")
def ledgers_group() -> None:
    """Group the commands."""


@ledgers_group.command("import")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@click.option("--phone", type=Phone(), help="Make the account, so that its person can sign in.")
@as_json_option
def _import(files: tuple[IO[bytes], ...], phone: str | None, as_json: bool) -> None:
    """Take in ledgers from exports of events, to the byte; - is standard input.

    Nothing is taken in unless all of it is as it should be: exits with 1, and says what is not,
    in which line and version.
    """
    console = Console(quiet=as_json, stderr=True)
    try:
        with opened() as database:
            for arrival in _taken(database, files, phone, console):
                _show(arrival, as_json=as_json)
    except NotTaken as error:
        _explain(error, as_json=as_json)
        sys.exit(1)


def _taken(
    database: Database, files: tuple[IO[bytes], ...], phone: str | None, console: Console
) -> Iterator[Arrival]:
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,.0f}"))
    with TemporaryFile() as kept, Progress(*columns, console=console) as progress:
        checked = progress.add_task("Events checked", total=None)
        lines = (line for file in files for line in _lines(file))
        arrivals = check_lines(database, lines, kept, lambda: progress.advance(checked))
        if phone is not None:
            with database.reading() as connection:
                refuse_phone(connection, arrivals, phone)
        taken = progress.add_task("Ledgers taken in", total=len(arrivals))
        for arrival in arrivals:
            take_in(database, arrival, kept, phone)
            progress.advance(taken)
            yield arrival


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.readline(MOST_LINE_BYTES), b"")


def _show(arrival: Arrival, *, as_json: bool) -> None:
    shown = {
        "ledger_id": arrival.ledger_id,
        "account_id": arrival.account_id,
        "version": arrival.version,
        "digest": arrival.digest.hex(),
    }
    text = f"ledger {arrival.ledger_id}: version {arrival.version}, digest {arrival.digest.hex()}"
    say(shown, text, as_json=as_json)


def _explain(error: NotTaken, *, as_json: bool) -> None:
    found = {
        "code": error.code,
        "line": error.line or None,
        "ledger_id": error.ledger_id,
        "version": error.version,
    }
    places = [f"{name} {value}" for name, value in found.items() if name != "code" and value]
    said = ", ".join([error.code, *(place.replace("_id", "") for place in places)])
    say({"error": found}, f"nothing was taken in: {said}", as_json=as_json)
