"""Commands over HTTP: idempotency, preconditions and dry runs, all inside one transaction."""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from flask import Response, after_this_request, request

from domain.base import Refusal
from domain.store.idempotency import Frozen, Request, recall, remember
from domain.store.ledgers import Bracket
from projections.balances import Balance
from projections.history import readable_recorded
from web.access import tell_outcome
from web.admission import leave_turn
from web.answers import Whole
from web.auth import current_account
from web.body import refuse_unread_body
from web.errors import FieldError, Flaw, Problem, flawed
from web.fields import QueryBoolean, Schema
from web.rendering import show_balance
from web.services import services

KEY_HEADER: Final = "Idempotency-Key"
VERSION_HEADER: Final = "Ledger-Version"

_VISIBLE_ASCII: Final = re.compile(r"[!-~]{1,255}")


class CommandQuery(Schema):
    """Every command can be tried out first: `dry_run=true` records nothing."""

    dry_run = QueryBoolean(load_default=False)


class Made(msgspec.Struct, frozen=True):
    """What a command answers with. `version` is the resource's; a None body is a 204."""

    body: object
    status: int = 200
    version: int | None = None
    location: str | None = None


def perform(work: Callable[[Bracket], Made], *, dry_run: bool) -> Response:
    """Run a command in one transaction on the ledger of whoever is signed in.

    Its `Idempotency-Key` is looked at before anything else, and its answer is kept with it. A
    refusal keeps nothing. A dry run does all the same, and then undoes it.
    """
    refuse_unread_body(request)
    account = current_account()
    keyed = _idempotent_request()
    asked = _Asked(work, None if dry_run else keyed, dry_run)
    tell_outcome(asked.outcome)
    # All that wait for the writer are recorded together: each may, and nobody waits for them.
    leave_turn()
    try:
        frozen = services().ledgers.transact(
            account.ledger_id, str(account.account_id), asked.answer, dry_run=dry_run
        )
    except (Refusal, Problem):
        if asked.version is not None:
            tell_version(asked.version)
        raise
    tell_outcome("rehearsed" if dry_run else asked.outcome)
    replayed = {"Idempotency-Replayed": "true"} if asked.outcome == "replayed" else {}
    return Whole(frozen.body, frozen.status, [*{**frozen.headers, **replayed}.items()])


class _Asked:
    """A command, and what came of it when it was last tried: that may be more than once."""

    def __init__(
        self, work: Callable[[Bracket], Made], request: Request | None, dry_run: bool
    ) -> None:
        self.outcome = "failed"
        self.version: int | None = None
        """Where the ledger stood before it."""
        self._work = work
        self._request = request
        self._is_dry_run = dry_run

    def answer(self, bracket: Bracket) -> Frozen:
        """What it answers with: for a repeated request, what it did the first time."""
        self.version = bracket.ledger.version
        connection, ledger_id, request = bracket.connection, bracket.ledger_id, self._request
        frozen = None if request is None else recall(connection, ledger_id, request)
        if frozen is not None:
            self.outcome = "replayed"
            return frozen
        made = self._work(bracket)
        self.outcome = "recorded" if bracket.recorded else "unchanged"
        if self._is_dry_run:
            return _freeze(_rehearsal(bracket), self.version)
        answer = _freeze(made, bracket.ledger.version)
        if request is not None:
            remember(connection, ledger_id, bracket.ledger.version, request, answer)
        return answer


def require_match(version: int | None) -> None:
    """Raise 412 when the request's `If-Match` names another version of the resource.

    An entity tag begins with the resource's version; weak ones never match (RFC 9110, 13.1.1),
    nor does what is no entity tag at all: whoever sent it wanted no blind change.
    """
    tags = request.if_match
    if version is None or "If-Match" not in request.headers or tags.star_tag:
        return
    # Werkzeug reads the tag `""` as None.
    if str(version) not in {(tag or "").partition(".")[0] for tag in tags.as_set()}:
        raise Problem("version_mismatch")


def tell_version(version: int) -> None:
    """Have this request's answer, a refusal too, carry the ledger's version."""

    @after_this_request
    def add_header(response: Response) -> Response:
        response.headers.setdefault(VERSION_HEADER, str(version))
        return response


def _rehearsal(bracket: Bracket) -> Made:
    totals = bracket.ledger.totals
    balance = Balance(totals.income, totals.expense, totals.savings, bracket.ledger.version)
    events = [readable_recorded(recorded) for recorded in bracket.recorded]
    return Made({"events": events, "balance": show_balance(balance)})


def _freeze(made: Made, ledger_version: int) -> Frozen:
    headers = {VERSION_HEADER: str(ledger_version)}
    if made.version is not None:
        headers["ETag"] = f'"{made.version}"'
    if made.location is not None:
        headers["Location"] = made.location
    if made.body is None:
        return Frozen(204, headers, b"")
    headers["Content-Type"] = "application/json"
    return Frozen(made.status, headers, msgspec.json.encode(made.body))


def _idempotent_request() -> Request | None:
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not _VISIBLE_ASCII.fullmatch(key):
        raise flawed([FieldError(KEY_HEADER, Flaw("invalid_idempotency_key"))])
    return Request(key, _fingerprint())


def _fingerprint() -> bytes:
    """The SHA-256 of method, path, query and canonical JSON."""
    body = request.get_data()
    asked = [
        request.method,
        request.path,
        sorted(request.args.items(multi=True)),
        msgspec.json.decode(body) if body else None,
    ]
    return sha256(msgspec.json.encode(asked, order="sorted")).digest()
