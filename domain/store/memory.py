"""Memory: what a process knows of the ledgers that it recorded in last."""

import threading
from typing import Any, Final
from uuid import UUID

MOST_LEDGERS: Final = 1_000


class LedgerMemory:
    """What is known of a ledger as its history stood.

    A digest seals all of a history: if it is the same, so is everything that follows from it,
    whichever process recorded it, and whether a transaction was committed or not.
    """

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[bytes, Any]] = {}
        self._lock = threading.Lock()

    def recall(self, ledger_id: UUID, digest: bytes) -> Any:
        """What was remembered of this history, or None."""
        remembered = self._known.get(ledger_id)
        if remembered is None or remembered[0] != digest:
            return None
        return remembered[1]

    def remember(self, ledger_id: UUID, digest: bytes, known: Any) -> None:
        """Remember it instead of what was; what was remembered longest ago makes room."""
        with self._lock:
            self._known.pop(ledger_id, None)
            if len(self._known) >= MOST_LEDGERS:
                del self._known[next(iter(self._known))]
            self._known[ledger_id] = (digest, known)
