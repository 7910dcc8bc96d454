"""Reads over HTTP: one snapshot each, and nothing sent again that the client has."""

import datetime as dt
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from flask import Request, Response, request
from flask.globals import app_ctx, request_ctx

from domain.base import Refusal
from domain.calendar import today_in_tehran
from domain.store.database import Connection
from domain.store.ledgers import Head, glance_at_head, read_head
from projections.paging import DEFAULT_LIMIT, MAX_LIMIT, InvalidCursor, Page
from web.answers import Whole, answer
from web.auth import current_account
from web.body import refuse_unread_query
from web.commands import VERSION_HEADER, tell_version
from web.errors import FieldError, Flaw, flawed
from web.fields import QueryInteger, Schema, Text
from web.messages import preferred_language
from web.services import services

T = TypeVar("T")

MAX_CURSOR_LENGTH: Final = 200


class LimitQuery(Schema):
    """How long a page is."""

    limit = QueryInteger(1, MAX_LIMIT, load_default=DEFAULT_LIMIT)


class PageQuery(LimitQuery):
    """Which page of a list, and how long."""

    cursor = Text(MAX_CURSOR_LENGTH)


class Found(msgspec.Struct, frozen=True):
    """What a read answers with. `version` is the resource's, where it is of a single one.

    `content` stands for what the answer says, where that changes without an event.
    """

    body: object
    version: int | None = None
    next_link: str | None = None
    content: str | None = None


OF_LEDGER: Final = Found(None)
"""Stands for any answer that is of no single resource."""


def today() -> dt.date:
    """The day in Tehran, the same throughout a request."""
    notes = app_ctx.g
    if "today" not in notes:
        notes.today = today_in_tehran(services().ledgers.clock())
    day: dt.date = notes.today
    return day


def read(
    work: Callable[[Connection, Head], Found],
    *,
    follows_ledger: bool = False,
    of: UUID | None = None,
) -> Response:
    """Answer from one snapshot of a ledger; 304 when nothing changed.

    It is the one of whoever is signed in, unless it is `of` another.

    The entity tag covers all that an answer depends on: the resource's version, the ledger's,
    how often its rows were put right, Tehran's day and the language. One that `follows_ledger`,
    is of no single resource and can no longer be refused, is not even made when the client has it.
    """
    asked = request_ctx.request
    refuse_unread_query(asked)
    ledger_id = of or current_account().ledger_id
    if follows_ledger and "HTTP_IF_NONE_MATCH" in asked.environ:
        head = glance_at_head(services().database, ledger_id)
        tag = entity_tag(OF_LEDGER, head)
        if is_known(asked, tag):
            return unchanged(tag, head)
    with services().database.reading() as connection:
        head = read_head(connection, ledger_id)
        try:
            found = work(connection, head)
        except Exception:
            # Whatever becomes of it: that is how the ledger stood.
            tell_version(head.version)
            raise
    return respond(asked, found, head)


def read_at_head(show: Callable[[Head], dict[str, Any]]) -> Response:
    """Answer, like `read`, from what a ledger's head tells: one statement."""
    asked = request_ctx.request
    refuse_unread_query(asked)
    head = glance_at_head(services().database, current_account().ledger_id)
    return respond(asked, Found(show(head)), head)


def respond(asked: Request, found: Found, head: Head, version: int | None = None) -> Response:
    """Answer with what was found of a ledger as it stands, or as it stood at a version."""
    tag = entity_tag(found, head, version)
    if is_known(asked, tag):
        return unchanged(tag, head)
    response = _answer(200, tag, head, msgspec.json.encode(found.body))
    if found.next_link is not None:
        response.headers.add("Link", _to_next(found.next_link))
    return response


def beside_ledger(found: Found, **more: object) -> Found:
    """An answer, and more in its body, that is known by what it says: no event need change it."""
    body = {**msgspec.to_builtins(found.body), **more}
    content = blake2b(msgspec.json.encode(body), digest_size=12).hexdigest()
    return msgspec.structs.replace(found, body=body, content=content)


def entity_tag(found: Found, head: Head, version: int | None = None) -> str:
    """What tells an answer from every other one to the same question."""
    of = head.version if version is None else version
    day, language = today().isoformat(), preferred_language()
    return f"{found.content or found.version or 0}.{of}.{head.generation}.{day}.{language}"


def unchanged(tag: str, head: Head) -> Response:
    """Tell the client that it has the answer."""
    return _answer(304, tag, head)


def is_known(asked: Request, tag: str) -> bool:
    """Whether the client has what this entity tag stands for."""
    if "HTTP_IF_NONE_MATCH" not in asked.environ:
        return False
    known = asked.if_none_match
    return known.star_tag or known.contains_weak(tag)


def _answer(status: int, tag: str, head: Head, body: bytes = b"") -> Response:
    headers = [
        (VERSION_HEADER, str(head.version)),
        ("Cache-Control", "private, no-cache"),
        ("ETag", f'"{tag}"'),
        ("Content-Type", "application/json"),
    ]
    return Whole(body, status, headers)


def not_kept(found: Found) -> Response:
    """Answer with what no version of one's ledger tells apart: a client keeps no copy."""
    link = {} if found.next_link is None else {"Link": _to_next(found.next_link)}
    return answer(found.body, headers={"Cache-Control": "no-store", **link})


def _to_next(link: str) -> str:
    """As RFC 8288 writes it."""
    return f'<{link}>; rel="next"'


def one(resource: T | None, refusal: type[Refusal]) -> T:
    """The resource, or the refusal that says it is not there."""
    if resource is None:
        raise refusal()
    return resource


def listed(page: Page[T], show: Callable[[T], dict[str, Any]]) -> Found:
    """A page of a list as API.md shapes it, with the link to the next one."""
    body = {
        "items": [show(item) for item in page.items],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }
    if page.next_cursor is None:
        return Found(body)
    asked = {**request.args.to_dict(), "cursor": page.next_cursor}
    return Found(body, next_link=f"{request.path}?{urlencode(asked)}")


def paged(read_page: Callable[[], Page[T]], show: Callable[[T], dict[str, Any]]) -> Found:
    """Read a page and shape it; a cursor that is not this list's is 422."""
    try:
        return listed(read_page(), show)
    except InvalidCursor as error:
        raise flawed([FieldError("cursor", Flaw("invalid_cursor"))]) from error
