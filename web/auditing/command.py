"""The commands `flask audit …`: verify, replay and export ledgers, and see who looked at them."""

import sys
from collections.abc import Iterator
from uuid import UUID

import click
import msgspec

from domain.store.accesses import NumberedAccess, all_accesses, broken_seals, last_access
from domain.store.database import Database
from web.auditing.export import export
from web.auditing.replay import replay
from web.auditing.shared import as_json_option, opened, say
from web.auditing.verify import verify


@click.group("audit", help="Ledgers, verified, replayed and taken away; who looked at them.")
def audit_group() -> None:
    """Group the commands."""


audit_group.add_command(verify)
audit_group.add_command(replay)
audit_group.add_command(export)


@audit_group.command("accesses")
@click.option("--ledger", "ledger_id", type=click.UUID, help="Only those of one ledger.")
@click.option("--account", "account_id", type=click.UUID, help="Only those of one auditor.")
@click.option("--verify", "is_check", is_flag=True, help="Look for accesses changed or missing.")
@as_json_option
def _accesses(
    ledger_id: UUID | None, account_id: UUID | None, is_check: bool, as_json: bool
) -> None:
    """List what auditors looked at, oldest first; or check the log of it: 1 on a finding."""
    with opened() as database:
        if is_check:
            _check(database, as_json=as_json)
            return
        for access in _listed(database):
            if ledger_id in (None, access.ledger_id) and account_id in (None, access.account_id):
                _show(access, as_json=as_json)


def _listed(database: Database) -> Iterator[NumberedAccess]:
    with database.reading() as connection:
        yield from all_accesses(connection)


def _check(database: Database, *, as_json: bool) -> None:
    broken = list(broken_seals(_listed(database)))
    for one in broken:
        say(one, f"access {one.number}: {one.code}", as_json=as_json)
    last = database.read(last_access)
    number, digest = (0, None) if last is None else (last.number, last.digest.hex())
    summary = {"accesses": number, "digest": digest, "findings": len(broken)}
    text = f"accesses: {number:,}, findings: {len(broken)}, digest of the last: {digest or 'none'}"
    say(summary, text, as_json=as_json)
    sys.exit(1 if broken else 0)


def _show(access: NumberedAccess, *, as_json: bool) -> None:
    shown = {**msgspec.structs.asdict(access), "digest": access.digest.hex()}
    at = access.at.isoformat(timespec="seconds")
    ledger = access.ledger_id or "-"
    line = f"{access.number:>6}  {at}  {access.account_id}  {access.action:<18}  {ledger}"
    say(shown, f"{line}  {access.detail}".rstrip(), as_json=as_json)
