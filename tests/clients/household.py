"""A household's first day, through the Python client made from our document.

Called as `python household.py BASE_URL PHONE OUTBOX`; prints what it has seen as JSON.
"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import TypeVar

from dakhl_client import AuthenticatedClient, Client
from dakhl_client.api.balance import show_balance
from dakhl_client.api.categories import add_category
from dakhl_client.api.identity import request_code, sign_in
from dakhl_client.api.reports import report_month
from dakhl_client.api.transactions import record_transaction
from dakhl_client.models import (
    Balance,
    Category,
    CodeRequest,
    CodeRequested,
    Direction,
    Kind,
    MonthlyReport,
    NewCategory,
    NewTransaction,
    Problem,
    Rehearsal,
    SignedIn,
    SignIn,
    Transaction,
    Unit,
)

T = TypeVar("T")


def given(kind: type[T], answer: object) -> T:
    """The answer, which has to be of this kind."""
    if not isinstance(answer, kind):
        raise TypeError(f"{kind.__name__} expected, not {answer}")
    return answer


def main(base_url: str, phone: str, outbox: Path) -> dict[str, object]:
    """Sign in, spend, look, and be refused."""
    stranger = Client(base_url)
    asked = given(CodeRequested, request_code.sync(client=stranger, body=CodeRequest(phone)))
    code = json.loads(outbox.read_text().splitlines()[-1])["code"]
    body = SignIn(phone=phone, code=code, request_id=asked.request_id)
    signed_in = given(SignedIn, sign_in.sync(client=stranger, body=body))
    client = AuthenticatedClient(base_url, token=signed_in.access_token)

    category = given(
        Category, add_category.sync(client=client, body=NewCategory("خوراک", Kind.EXPENSE))
    )
    entry = NewTransaction(category.id, amount=185_000, unit=Unit.TOMAN, date="1405-08-02")
    recorded = record_transaction.sync(client=client, body=entry, idempotency_key="bread-1")
    transaction = given(Transaction, recorded)
    day: date = transaction.date_gregorian
    direction: Direction | None = transaction.direction
    rehearsed = record_transaction.sync(client=client, body=entry, dry_run=True)

    balance = given(Balance, show_balance.sync(client=client))
    report = given(MonthlyReport, report_month.sync(client=client, year=1405, month=8))
    refused = record_transaction.sync_detailed(
        client=client, body=NewTransaction(category.id, amount=0), accept_language="en"
    )
    problem = given(Problem, refused.parsed)
    return {
        "is_new": signed_in.account.is_new,
        "amount": transaction.amount,
        "day": day.isoformat(),
        "direction": direction,
        "rehearsed_events": len(given(Rehearsal, rehearsed).events),
        "balance": balance.balance,
        "status": balance.status.value,
        "shares": [{"name": line.name, "share": line.share} for line in report.categories],
        "problem": problem.code,
        "flaws": [{"field": flaw.field, "code": flaw.code} for flaw in problem.errors or []],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
