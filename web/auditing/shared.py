"""What the commands of auditors have in common."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
import msgspec

from domain.store.database import Database, StoreUnavailable, open_database
from domain.store.ledgers import LedgerMissing
from domain.store.migrate import current_revision, latest_revision
from domain.store.settings import read_settings

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@contextmanager
def opened(*, is_synced: bool = True) -> Iterator[Database]:
    """The database of the settings; what is not there ends the command with 1 and a sentence."""
    with closing(open_database(read_settings().database_url, is_synced=is_synced)) as database:
        try:
            if current_revision(database) != latest_revision():
                raise click.ClickException("the tables are of another version: `flask db upgrade`")
            yield database
        except LedgerMissing as error:
            raise click.ClickException(f"there is no ledger {error.args[0]}") from error
        except StoreUnavailable as error:
            raise click.ClickException(f"the database is unavailable: {error}") from error


def say(value: object, text: str, *, as_json: bool) -> None:
    """One line: for a script, or for a person."""
    click.echo(msgspec.json.encode(value).decode() if as_json else text)


def short(value: object) -> str:
    """A value in a line for a person."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:200]}…"
