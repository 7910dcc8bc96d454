"""Memory: what a process knows of the ledgers that it recorded in last."""

import threading
from typing import Any, Final
from uuid import UUID

MOST_LEDGERS: Final = 1_000

Standing = tuple[bytes, int]
"""A ledger's last digest, and the generation of its rows."""


class LedgerMemory:
    """What is known of a ledger as its history, and the rows projected from it, stood.

    A digest seals all of a history: if it is the same, so is everything that follows from it,
    whichever process recorded it, and whether a transaction was committed or not. Rows that were
    put right are another generation.
    """

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[Standing, Any]] = {}
        self._lock = threading.Lock()

    def recall(self, ledger_id: UUID, standing: Standing) -> Any:
        """What was remembered of this history, or None."""
        remembered = self._known.get(ledger_id)
        if remembered is None or remembered[0] != standing:
            return None
        return remembered[1]

    def remember(self, ledger_id: UUID, standing: Standing, known: Any) -> None:
        """Remember it instead of what was; what was remembered longest ago makes room."""
        with self._lock:
            self._known.pop(ledger_id, None)
            if len(self._known) >= MOST_LEDGERS:
                del self._known[next(iter(self._known))]
            self._known[ledger_id] = (standing, known)
