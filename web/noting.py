"""Noting: an auditor's every look is written down for good before anything is read for it."""

import re
from collections.abc import Iterator
from typing import Final

from flask.globals import request_ctx

from domain.store.accesses import Access, note
from domain.store.accounts import CurrentAccount
from domain.store.database import StoreUnavailable
from domain.store.masking import masked_text
from domain.store.pools import SPOILED
from web.operations import operation_id
from web.request_ids import request_id
from web.services import services

MOST_DETAIL: Final = 300
LEFT_OUT: Final = "…"

_NAME: Final = re.compile(r"[a-z_]{1,30}")
# Numbers, ids, days and instants: the log outlives people, so it holds no word anybody typed.
_VALUE: Final = re.compile(r"[0-9a-fTZ:.+-]{1,40}|true|false")


def note_access(auditor: CurrentAccount) -> None:
    """Commit that this auditor asked for this, whatever becomes of the request.

    Raises `StoreUnavailable` when it cannot be written: then there is no answer either.
    """
    given, asked = services(), request_ctx.request
    method = "GET" if asked.method == "HEAD" else asked.method
    rule = "" if asked.url_rule is None else asked.url_rule.rule
    access = Access(
        at=given.ledgers.clock(),
        account_id=auditor.account_id,
        action=operation_id(method, rule) or rule,
        ledger_id=(asked.view_args or {}).get("ledger_id"),
        detail="&".join(_detail())[:MOST_DETAIL],
        request_id=masked_text(request_id()),
    )
    try:
        given.database.write(lambda connection: note(connection, access))
    except SPOILED as error:
        raise StoreUnavailable(str(error)) from error


def _detail() -> Iterator[str]:
    """What else the path and the query say, as far as it is a plain value."""
    asked = request_ctx.request
    path = ((name, str(value)) for name, value in (asked.view_args or {}).items())
    yield from (f"{name}={value}" for name, value in path if name != "ledger_id")
    for name, value in asked.args.items(multi=True):
        shown = name if _NAME.fullmatch(name) else LEFT_OUT
        yield f"{shown}={masked_text(value) if _VALUE.fullmatch(value) else LEFT_OUT}"
