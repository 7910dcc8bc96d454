"""The operator's commands: `flask db …`, and those of their own files."""

import click
from flask import Flask

from domain.store.database import open_database
from domain.store.migrate import current_revision, latest_revision, upgrade
from domain.store.settings import read_settings
from web.arrivals import ledgers_group
from web.auditing.command import audit_group
from web.checkpoints import checkpoints_group
from web.chores import chores_command
from web.demo.command import demo
from web.moving.command import import_django
from web.people import accounts_group
from web.projections_commands import projections_group
from web.tombstones import tombstones_group


def register_commands(app: Flask) -> None:
    """Give the `flask` command what an operator needs."""
    app.cli.add_command(_db)
    app.cli.add_command(accounts_group)
    app.cli.add_command(tombstones_group)
    app.cli.add_command(audit_group)
    app.cli.add_command(ledgers_group)
    app.cli.add_command(checkpoints_group)
    app.cli.add_command(projections_group)
    app.cli.add_command(chores_command)
    app.cli.add_command(demo)
    app.cli.add_command(import_django)


@click.group("db", help="The database's tables.")
def _db() -> None:
    pass


@_db.command("upgrade")
def _upgrade() -> None:
    """Bring the tables to what this version of the code expects."""
    upgrade(read_settings().database_url)
    click.echo(f"The tables are at {latest_revision()}.")


@_db.command("current")
def _current() -> None:
    """Say where the tables stand; fails when they need an upgrade."""
    database = open_database(read_settings().database_url)
    try:
        current = current_revision(database)
    finally:
        database.close()
    click.echo(f"tables: {current or 'empty'}, code: {latest_revision()}")
    if current != latest_revision():
        raise click.ClickException("run `flask db upgrade`")
