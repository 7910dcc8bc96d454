"""Registration: a phone number becomes an account with a ledger, once."""

from uuid import uuid4

from domain.store import accounts
from domain.store.accounts import Account
from domain.store.database import Connection
from domain.store.ledgers import LedgerStore, utc_now


def find_or_register(
    connection: Connection, ledgers: LedgerStore, phone: str
) -> tuple[Account, bool]:
    """The account with an E.164 number, and whether it was made just now, its ledger opened."""
    found = accounts.account_by_phone(connection, phone, lock=True)
    if found is not None:
        return found, False
    account = Account(uuid4(), phone, "person", uuid4(), utc_now())
    if accounts.add_account(connection, account):
        ledgers.open_ledger(connection, account.ledger_id, account.id)
        return account, True
    # Somebody registered the number between the look and the insert.
    return find_or_register(connection, ledgers, phone)
