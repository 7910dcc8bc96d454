"""Streams: answers that take a thread for as long as their reader likes."""

import threading
from contextlib import ExitStack
from typing import Final
from uuid import UUID

from domain.store import accounts
from domain.store.database import Connection
from domain.store.standing import Role
from web.auth import current_account
from web.errors import Problem

MOST_STREAMS: Final = 4
STREAM_RETRY_SECONDS: Final = 5

_door: Final = threading.Lock()
_readers: Final[set[UUID]] = set()


def take_turn() -> ExitStack:
    """A turn to stream, until it is closed: one a person, few a process. Problem 429 otherwise."""
    reader = current_account().account_id
    with _door:
        if reader in _readers or len(_readers) >= MOST_STREAMS:
            headers = {"Retry-After": str(STREAM_RETRY_SECONDS)}
            details = {"retry_after": STREAM_RETRY_SECONDS}
            raise Problem("too_many_requests", details, headers=headers)
        _readers.add(reader)
    turn = ExitStack()
    turn.callback(_readers.discard, reader)
    return turn


def admit(connection: Connection, session_id: UUID, role: Role | None = None) -> None:
    """Raise Problem when somebody who was let in is to be let in no more.

    Asked of the database and not of `web.standing`, which forgets what no token outlives: a slow
    reader does.
    """
    reader = accounts.current_account(connection, session_id)
    if reader is None:
        raise Problem("session_ended")
    if reader.is_suspended:
        raise Problem("account_suspended")
    if role is not None and reader.role != role:
        raise Problem("not_found")
