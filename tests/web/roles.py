"""People with a role, and what was noted of what they looked at."""

import time
from typing import Final
from uuid import UUID

from domain.store import accounts
from domain.store.accesses import NumberedAccess, all_accesses
from domain.store.database import Database
from domain.store.ledgers import utc_now
from domain.store.standing import Role
from tests.web.people import Person

NOTICE_SECONDS: Final = 1.1


def give(database: Database, person: Person, role: Role) -> Person:
    """Give somebody a role, and have every process know."""
    account_id = UUID(person.account_id)
    database.write(lambda c: accounts.set_role(c, account_id, role, utc_now()))
    time.sleep(NOTICE_SECONDS)
    return person


def log_of(database: Database) -> list[NumberedAccess]:
    """Every access."""
    return database.read(lambda connection: list(all_accesses(connection)))
