"""The operator's commands `flask accounts …`: who there is, who may come in, who may do what."""

from collections.abc import Callable
from typing import Final

import click
import msgspec

from domain.store import accounts
from domain.store.accounts import Account
from domain.store.database import Connection, Database
from domain.store.ledgers import utc_now
from domain.store.masking import masked_phone
from domain.store.standing import Role
from web.auditing.shared import as_json_option, opened
from web.phones import parse_phone

GIVEN_ROLES: Final = ("auditor", "operator")

Work = Callable[[Connection, Account], bool]


class Phone(click.ParamType[str]):
    """A mobile number, as people write it; E.164 inside."""

    name = "phone"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return parse_phone(value)
        except ValueError:
            self.fail(f"{value!r} is not a mobile number", param, ctx)


class Shown(msgspec.Struct, frozen=True):
    """An account as these commands show it."""

    id: str
    phone: str
    role: Role
    is_suspended: bool
    created_at: str


_phone = click.argument("phone", type=Phone())
_role = click.argument("role", type=click.Choice(GIVEN_ROLES))


@click.group("accounts", help="People: who may come in, and who may do what.")
def accounts_group() -> None:
    """Group the commands."""


@accounts_group.command("list")
@click.option("--show-phones", is_flag=True, help="Whole numbers, not masked ones.")
@as_json_option
def _list(show_phones: bool, as_json: bool) -> None:
    """List every account, oldest first."""
    with opened() as database, database.reading() as connection:
        for account in accounts.accounts_by_age(connection):
            _show(account, as_json=as_json, whole=show_phones)


@accounts_group.command("suspend")
@_phone
@as_json_option
def _suspend(phone: str, as_json: bool) -> None:
    """Let somebody in nowhere; every process knows within five seconds."""
    _change(phone, lambda at, who: accounts.suspend(at, who.id, utc_now()), as_json)


@accounts_group.command("resume")
@_phone
@as_json_option
def _resume(phone: str, as_json: bool) -> None:
    """End a suspension."""
    _change(phone, lambda at, who: accounts.resume(at, who.id, utc_now()), as_json)


@accounts_group.command("grant")
@_phone
@_role
@as_json_option
def _grant(phone: str, role: Role, as_json: bool) -> None:
    """Give an account a role, in the place of another that it may have."""
    _change(phone, lambda at, who: accounts.set_role(at, who.id, role, utc_now()), as_json)


@accounts_group.command("revoke")
@_phone
@_role
@as_json_option
def _revoke(phone: str, role: Role, as_json: bool) -> None:
    """Take a role away; an account with another role keeps that."""

    def revoke(connection: Connection, account: Account) -> bool:
        has_it = account.role == role
        return has_it and accounts.set_role(connection, account.id, "person", utc_now())

    _change(phone, revoke, as_json)


def _change(phone: str, work: Work, as_json: bool) -> None:
    """Do it, and show how the account stands now: exit code 1 when nobody has this number.

    Done already is no failure: a script may run twice.
    """
    with opened() as database:
        account, has_changed = _changed(database, phone, work)
    if not as_json:
        click.echo("Done." if has_changed else "Nothing to do.")
    _show(account, as_json=as_json, whole=False)


def _changed(database: Database, phone: str, work: Work) -> tuple[Account, bool]:
    def write(connection: Connection) -> tuple[Account, bool]:
        found = accounts.account_by_phone(connection, phone, lock=True)
        if found is None:
            raise click.ClickException("nobody has this number")
        has_changed = work(connection, found)
        after = accounts.account_by_phone(connection, phone)
        assert after is not None
        return after, has_changed

    return database.write(write)


def _show(account: Account, *, as_json: bool, whole: bool) -> None:
    shown = Shown(
        str(account.id),
        account.phone if whole else masked_phone(account.phone),
        account.role,
        account.suspended_at is not None,
        account.created_at.isoformat(timespec="seconds"),
    )
    if as_json:
        click.echo(msgspec.json.encode(shown).decode())
    else:
        state = "suspended" if shown.is_suspended else "active"
        line = f"{shown.id}  {shown.phone:<16}  {shown.role:<8}  {state:<9}  {shown.created_at}"
        click.echo(line)
