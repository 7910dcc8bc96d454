"""The operator's command `flask chores`: what the clock did of late, and what is left of it."""

import click
import msgspec

from domain.store import chores, verification_nights
from web.auditing.shared import as_json_option, opened, say


@click.command("chores")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True)
@as_json_option
def chores_command(days: int, as_json: bool) -> None:
    """Show the last rounds of chores and nights of verification.

    Fails when the last round left a ledger for the next day, or a night found one astray.
    """
    with opened() as database:
        rounds = database.read(lambda c: chores.rounds(c, days))
        nights = database.read(lambda c: verification_nights.nights(c, days))
    for told in rounds:
        text = f"{told.day}  chores: {told.due:,} due, {told.done:,} done, {told.failed:,} failed"
        shown = {"kind": "chores", **msgspec.structs.asdict(told)}
        say(shown, f"{text}, {told.left:,} ranges left", as_json=as_json)
    for night in nights:
        text = f"{night.night}  verification: {night.verified:,} of {night.share:,} ledgers"
        shown = {"kind": "verification", **msgspec.structs.asdict(night)}
        say(shown, f"{text}, {night.astray:,} astray", as_json=as_json)
    if (rounds and rounds[0].failed) or any(night.astray for night in nights):
        raise click.ClickException("not all is in order: see docs/chores.md")
