"""What is asked for: the requests behind every line of the table."""

import json
from typing import Final
from urllib.parse import quote

import msgspec

from domain.calendar import format_jalali
from tests.benchmarks.books import (
    COMMON_WORD,
    LEAST_RIALS,
    RANGE_RIALS,
    RARE_WORD,
    Book,
    amount_rials,
    day,
)
from tests.benchmarks.plan import Case, Plan, Request

DIFFERENT_BODIES: Final = 256
LONGEST_PAGE: Final = 200
MATCHES: Final = 60
"""How many entries a search for amounts finds, on a ledger of any size: more than a page."""

WEB: Final = "GET /healthz"
BALANCE: Final = "GET balance"
KNOWN: Final = "GET balance, known already (304)"
MONTHLY: Final = "GET monthly report"
YEARLY: Final = "GET yearly report"
GROWTH: Final = "GET growth of a year"
CALENDAR: Final = "GET calendar of a month"
LARGEST: Final = "GET largest entries"
NEWEST: Final = "GET 50 transactions, newest"
HALFWAY: Final = "GET 50 transactions, halfway down"
CATEGORY: Final = "GET 50 transactions, one category"
AMOUNTS: Final = "GET 50 transactions, a few amounts"
COMMON: Final = "GET 50 transactions, a common word"
RARE: Final = "GET one transaction, a rare word"
ABSENT: Final = "GET no transaction, an absent word"
POST_MANY: Final = "POST transaction, many ledgers"
POST_KEYED: Final = "POST transaction with a key, many ledgers"
POST_ONE: Final = "POST transaction, one ledger"
POST_BATCH: Final = "POST a batch, many ledgers"

CURVES: Final = (BALANCE, POST_MANY)
"""What is drawn against the number of connections."""

HISTORIES: Final = (BALANCE, MONTHLY, YEARLY, NEWEST, HALFWAY, CATEGORY, AMOUNTS, RARE)
"""What is drawn against the size of a ledger."""


def yardstick() -> Case:
    """What the web server alone can do: no sign-in, no database."""
    return Case(WEB, [Request("/healthz")])


def reads(book: Book) -> list[Case]:
    """Every read that is measured, on one ledger."""
    page = "/v1/transactions?limit=50"
    category = book.categories["expense"][0]
    paths = {
        BALANCE: "/v1/balance",
        MONTHLY: "/v1/reports/monthly?year=1403&month=6",
        YEARLY: "/v1/reports/yearly?year=1403",
        GROWTH: "/v1/reports/growth?year=1404",
        CALENDAR: "/v1/reports/calendar?year=1403&month=6",
        LARGEST: "/v1/reports/largest",
        NEWEST: page,
        HALFWAY: _halfway(book),
        CATEGORY: f"{page}&category_id={category}",
        AMOUNTS: f"{page}&{_few_amounts(book.size)}",
        COMMON: f"{page}&q={quote(COMMON_WORD)}",
        RARE: f"{page}&q={quote(RARE_WORD)}",
        ABSENT: f"{page}&q={quote('زعفران')}",
    }
    tag = book.person.get("/v1/balance").headers["ETag"]
    known = Request("/v1/balance", book.token, known_tag=tag)
    return [
        *(Case(name, [Request(path, book.token)], book.size) for name, path in paths.items()),
        Case(KNOWN, [known], book.size, status=304),
    ]


def writes(people: list[Book], measured: list[Book], plan: Plan) -> list[Case]:
    """Every command that is measured: on many ledgers, and all on one."""
    everybody = [request for bodies in zip(*map(_posts, people), strict=True) for request in bodies]
    batches = [_batch(book, plan.batch) for book in people]
    return [
        _recording(POST_MANY, everybody),
        msgspec.structs.replace(_recording(POST_KEYED, everybody), is_keyed=True),
        *(_recording(POST_ONE, _posts(book), book.size) for book in measured),
        msgspec.structs.replace(_recording(POST_BATCH, batches), entries=plan.batch),
    ]


def everyday(people: list[Book]) -> Case:
    """What people do all day: three reads to a command."""
    paths = ("/v1/balance", "/v1/transactions?limit=50", "/v1/reports/monthly?year=1403&month=6")
    requests = [
        request
        for book in people
        for request in (*(Request(path, book.token) for path in paths), _posts(book)[0])
    ]
    return Case("everyday", requests)


def _recording(name: str, requests: list[Request], size: int | None = None) -> Case:
    return Case(name, requests, size, entries=1, status=201)


def _posts(book: Book) -> list[Request]:
    return [
        Request("/v1/transactions", book.token, _json(_entry(book, number)))
        for number in range(DIFFERENT_BODIES)
    ]


def _batch(book: Book, size: int) -> Request:
    items = [_entry(book, number) for number in range(size)]
    return Request("/v1/transactions/batch", book.token, _json({"items": items}))


def _entry(book: Book, number: int) -> dict[str, object]:
    expenses = book.categories["expense"]
    return {
        "category_id": expenses[number % len(expenses)],
        "amount": amount_rials(number),
        "date": format_jalali(day(number)),
        "description": f"نان و پنیر {number}",
    }


def _json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False)


def _few_amounts(size: int) -> str:
    """A range of amounts with about `MATCHES` entries in it, all of a ledger that has fewer."""
    width = RANGE_RIALS * min(1, MATCHES / size)
    return f"min_amount={LEAST_RIALS}&max_amount={LEAST_RIALS + round(width)}"


def _halfway(book: Book) -> str:
    """The address of the page that starts after half of the ledger's transactions."""
    cursor, left = "", book.size // 2
    while left > 0:
        limit = min(left, LONGEST_PAGE)
        page = book.person.get(f"/v1/transactions?limit={limit}{cursor}").json()
        cursor, left = f"&cursor={quote(page['next_cursor'])}", left - limit
    return f"/v1/transactions?limit=50{cursor}"
