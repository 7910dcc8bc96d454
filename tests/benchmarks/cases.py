"""What is asked for: the requests behind every line of the table."""

import json
from typing import Final
from urllib.parse import quote

from domain.calendar import format_jalali
from tests.benchmarks.books import Book, amount_rials, day
from tests.benchmarks.plan import Case, Request

DIFFERENT_BODIES: Final = 256
LONGEST_PAGE: Final = 200


def yardstick() -> Case:
    """What the web server alone can do: no sign-in, no database."""
    return Case("GET /healthz", [Request("/healthz")])


def reads(book: Book) -> list[Case]:
    """Every read that is measured, on one ledger."""
    category = book.categories["expense"][0]
    paths = {
        "GET balance": "/v1/balance",
        "GET monthly report": "/v1/reports/monthly?year=1403&month=6",
        "GET yearly report": "/v1/reports/yearly?year=1403",
        "GET 50 transactions, newest": "/v1/transactions?limit=50",
        "GET 50 transactions, halfway down": _halfway(book),
        "GET 50 transactions, one category": f"/v1/transactions?limit=50&category_id={category}",
    }
    return [Case(name, [Request(path, book.token)], book.size) for name, path in paths.items()]


def writes(people: list[Book], measured: list[Book]) -> list[Case]:
    """Every command that is measured: on many ledgers, and all on one."""
    everybody = [request for bodies in zip(*map(_posts, people), strict=True) for request in bodies]
    many = f"{len(people)} ledgers"
    return [
        Case(f"POST transaction, {many}", everybody),
        Case(f"POST transaction with a key, {many}", everybody, is_keyed=True),
        *(Case("POST transaction, one ledger", _posts(book), book.size) for book in measured),
    ]


def _posts(book: Book) -> list[Request]:
    expenses = book.categories["expense"]
    return [
        Request("/v1/transactions", book.token, _body(expenses[number % len(expenses)], number))
        for number in range(DIFFERENT_BODIES)
    ]


def _body(category_id: str, number: int) -> str:
    entry = {
        "category_id": category_id,
        "amount": amount_rials(number),
        "date": format_jalali(day(number)),
        "description": f"نان و پنیر {number}",
    }
    return json.dumps(entry, ensure_ascii=False)


def _halfway(book: Book) -> str:
    """The address of the page that starts after half of the ledger's transactions."""
    cursor, left = "", book.size // 2
    while left > 0:
        limit = min(left, LONGEST_PAGE)
        page = book.person.get(f"/v1/transactions?limit={limit}{cursor}").json()
        cursor, left = f"&cursor={quote(page['next_cursor'])}", left - limit
    return f"/v1/transactions?limit=50{cursor}"
