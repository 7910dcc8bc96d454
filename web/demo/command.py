"""The command `flask demo`."""

from contextlib import closing
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import track

from domain.store.database import open_database
from domain.store.ledgers import LedgerStore
from domain.store.migrate import upgrade
from domain.store.registration import find_or_register
from domain.store.settings import Settings, read_settings
from projections.rows import LedgerRows
from web.demo.telling import Told, months_up_to_today, tell

PHONE: Final = "+989120000000"
TYPED_PHONE: Final = "09120000000"


@click.command("demo")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON and nothing else.")
def demo(as_json: bool) -> None:
    """Fill the account 09120000000 with two years of a household's money, up to today."""
    settings = read_settings()
    if settings.app_env == "production":
        raise click.ClickException("the demo account is somebody's real number; not in production")
    upgrade(settings.database_url)
    with closing(open_database(settings.database_url)) as database:
        store = LedgerStore(database, LedgerRows)
        told = _told(store, Console(quiet=as_json, stderr=True))
    new = {"phone": TYPED_PHONE, "entries": told.entries, "budgets": told.budgets}
    click.echo(msgspec.json.encode(new).decode() if as_json else _how_to_sign_in(told, settings))


def _told(store: LedgerStore, console: Console) -> Told:
    account, _ = store.database.write(lambda connection: find_or_register(connection, store, PHONE))
    months = months_up_to_today(store)
    steps = track(tell(store, account, months), "Months", len(months), console=console)
    parts = list(steps)
    return Told(sum(part.entries for part in parts), sum(part.budgets for part in parts))


def _how_to_sign_in(told: Told, settings: Settings) -> str:
    where = {
        "console": "appears in the terminal of `make run`",
        "outbox": f"is the last line of {settings.otp_outbox}",
    }.get(settings.otp_sender, "is sent by SMS")
    address = f"http://{settings.host}:{settings.port}"
    body = f'{{"phone": "{TYPED_PHONE}"}}'
    return f"""{told.entries:,} entries and {told.budgets:,} budgets are new in the demo account.

Sign in as {TYPED_PHONE} while `make run` is running:
  curl -s {address}/v1/auth/otp -H 'Content-Type: application/json' -d '{body}'
The code {where}; hand it to {address}/v1/auth/token with the request_id."""
