"""Reading what is saved by itself."""

from uuid import UUID

from domain.ledger import SavingPolicy
from domain.store.database import Connection, as_record
from projections.statements import SAVING_POLICY


def saving_policy(connection: Connection, rows_id: UUID) -> SavingPolicy:
    """The saving policy of a ledger; one that saves nothing when none was ever set."""
    row = connection.peek(SAVING_POLICY, ledger_id=rows_id)
    return SavingPolicy() if row is None else as_record(row, SavingPolicy)
