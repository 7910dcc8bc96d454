"""The command `flask import-django`."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from domain.store.database import open_database
from domain.store.ledgers import LedgerStore
from domain.store.migrate import upgrade
from domain.store.settings import read_settings
from projections.rows import LedgerRows
from web.moving.moves import Mover, Report
from web.moving.old_file import PEOPLE, NotTheOldFile, OldFile

MOST_NOTES_SHOWN: Final = 50
OUTCOMES: Final = ("moved", "joined", "unchanged", "refused")


@click.command("import-django")
@click.argument("sqlite_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Move into an empty database that is thrown away.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON and nothing else.")
def import_django(sqlite_file: Path, dry_run: bool, as_json: bool) -> None:
    """Move people, categories, transactions and budgets from the Django API's database.

    Amounts are Rials and dates Gregorian there. Run again, it adds nothing twice. It exits with
    1 when rows were left behind, and lists them.
    """
    try:
        with closing(OldFile(sqlite_file)) as old, _target(dry_run) as database_url:
            report = _moved(old, database_url, Console(quiet=as_json, stderr=True))
    except NotTheOldFile as error:
        raise click.ClickException(str(error)) from error
    click.echo(_as_json(report) if as_json else _as_text(report))
    sys.exit(1 if report.left_behind else 0)


@contextmanager
def _target(dry_run: bool) -> Iterator[str]:
    if not dry_run:
        yield read_settings().database_url
        return
    with TemporaryDirectory(prefix="dakhl-dry-run-") as home:
        yield f"sqlite:///{home}/ledger.sqlite3"


def _moved(old: OldFile, database_url: str, console: Console) -> Report:
    upgrade(database_url)
    with closing(open_database(database_url)) as database, Progress(console=console) as progress:
        task = progress.add_task("People", total=old.count(PEOPLE))
        store = LedgerStore(database, LedgerRows)
        return Mover(old, store, lambda: progress.advance(task)).move_everybody()


def _as_json(report: Report) -> str:
    found = {"counts": report.counts, "left_behind": report.left_behind, "notes": report.notes}
    return msgspec.json.encode(found).decode()


def _as_text(report: Report) -> str:
    lines = [
        f"{table}: " + ", ".join(f"{counts[name]:,} {name}" for name in OUTCOMES if counts[name])
        for table, counts in report.counts.items()
    ]
    shown = report.notes[:MOST_NOTES_SHOWN]
    lines += [f"  {note['table']} {note['id']}: {note['reason']}" for note in shown]
    if len(report.notes) > len(shown):
        lines.append(f"  and {len(report.notes) - len(shown):,} more: --json lists all of them")
    return "\n".join(lines)
