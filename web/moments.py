"""Moments: reading a ledger as it stood at a version, or at an instant."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

import marshmallow as ma
from flask import Response
from flask.globals import request_ctx

from domain.ledger import LedgerState
from domain.store.database import Connection
from domain.store.ledgers import Head, read_head
from projections.past import Past, Pasts, past_at, told_at, version_at
from projections.readings import Reading, RowsReading, Standing
from web.admission import PATIENCE_SECONDS, RETRY_SECONDS, Turns, leave_turn
from web.auth import current_account
from web.body import refuse_unread_query
from web.commands import tell_version
from web.errors import FieldError, Flaw, Problem, flaw, flawed
from web.events import MAX_VERSION
from web.fields import QueryInteger, Schema, Text
from web.reads import OF_LEDGER, Found, entity_tag, is_known, read, respond, unchanged
from web.services import services

T = TypeVar("T")

MOST_WAITING: Final = 4
"""Who wait for a fold hold a thread each."""

_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-5][0-9])"
)
_LONGEST_INSTANT: Final = len("2026-11-23T08:30:00.123456789+03:30")

_folding: Final = Turns(1)
_pasts: Final = Pasts()

Work = Callable[[Reading, Standing], Found]


class Instant(Text):
    """An instant such as `2026-11-23T08:30:00Z` (RFC 3339), with its offset from UTC."""

    def __init__(self, **options: Any) -> None:
        shown = {"example": "2026-11-23T08:30:00Z", "pattern": f"^{_INSTANT.pattern}$"}
        super().__init__(_LONGEST_INSTANT, metadata=shown, **options)

    def _deserialize(  # type: ignore[override]
        self, value: Any, *args: Any, **kwargs: Any
    ) -> dt.datetime:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            if _INSTANT.fullmatch(text):
                return dt.datetime.fromisoformat(text.upper())
        except ValueError:
            pass
        raise flaw("invalid_instant")


class MomentQuery(Schema):
    """As a ledger stood at which version, or at which instant; as it stands without either."""

    version = QueryInteger(0, MAX_VERSION)
    recorded_as_of = Instant()

    @ma.validates_schema
    def refuse_two(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Raise ValidationError when both are given."""
        if "version" in data and "recorded_as_of" in data:
            raise flaw("two_moments", "recorded_as_of")


def read_at(
    query: dict[str, Any], work: Work, *, follows_ledger: bool = True, of: UUID | None = None
) -> Response:
    """Answer, like `read`, from a ledger at the moment that is taken out of the query.

    The past is folded from events, one fold at a time: others wait for a while, and give their
    turn at the process to somebody else. Raises `Problem` when it takes too long.
    """
    return _at(
        query,
        lambda connection, head: work(RowsReading(connection, head.rows_id), head),
        lambda ledger_id, version: work(past := _remembered(ledger_id, version), past),
        follows_ledger=follows_ledger,
        of=of,
    )


def read_folded_at(
    query: dict[str, Any],
    now: Callable[[Connection, Head], Found],
    then: Callable[[LedgerState], Found],
) -> Response:
    """Answer, like `read_at`, with what a past that is kept cannot tell: each answer is a fold."""

    def fold(ledger_id: UUID, version: int) -> Found:
        return _folded(lambda connection: told_at(connection, ledger_id, version, then))

    return _at(query, now, fold, follows_ledger=True)


def _at(
    query: dict[str, Any],
    now: Callable[[Connection, Head], Found],
    then: Callable[[UUID, int], Found],
    *,
    follows_ledger: bool,
    of: UUID | None = None,
) -> Response:
    version, instant = query.pop("version", None), query.pop("recorded_as_of", None)
    if version is None and instant is None:
        return read(now, follows_ledger=follows_ledger, of=of)
    asked, ledger_id = request_ctx.request, of or current_account().ledger_id
    refuse_unread_query(asked)
    with services().database.reading() as connection:
        head = read_head(connection, ledger_id)
        tell_version(head.version)
        version = _reached(connection, head, version, instant)
        if version == head.version:
            return respond(asked, now(connection, head), head)
    if follows_ledger and is_known(asked, tag := entity_tag(OF_LEDGER, head, version)):
        return unchanged(tag, head)
    return respond(asked, then(ledger_id, version), head, version)


def _reached(
    connection: Connection, head: Head, version: int | None, instant: dt.datetime | None
) -> int:
    if instant is not None:
        return version_at(connection, head, instant)
    assert version is not None
    if version > head.version:
        raise flawed([FieldError("version", Flaw("version_not_reached", version=head.version))])
    return version


def _remembered(ledger_id: UUID, version: int) -> Past:
    def work(connection: Connection) -> Past:
        past = _pasts.recall(ledger_id, version)
        if past is None:
            past = past_at(connection, ledger_id, version)
            _pasts.keep(ledger_id, past)
        return past

    return _pasts.recall(ledger_id, version) or _folded(work)


def _folded(work: Callable[[Connection], T]) -> T:
    leave_turn()
    if _folding.waiting >= MOST_WAITING or not _folding.take(PATIENCE_SECONDS):
        raise Problem("overloaded", headers={"Retry-After": str(RETRY_SECONDS)})
    try:
        with services().database.reading() as connection:
            return work(connection)
    finally:
        _folding.give_back()
