"""Limits: how many requests a second one account may make, counted in this process."""

import math
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from flask import Flask, Response, current_app, g
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from web.errors import Problem

EXTENSION: Final = "account-limit"
WINDOW_SECONDS: Final = 1


class AccountLimit:
    """Counts requests of accounts. In memory: recording money never waits for Redis."""

    def __init__(self, per_second: int) -> None:
        self._item = RateLimitItemPerSecond(per_second)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, account_id: UUID) -> Mapping[str, str]:
        """Count one request, and give its headers; Problem `too_many_requests` (429)."""
        allowed = self._limiter.hit(self._item, str(account_id))
        resets_at, remaining = self._limiter.get_window_stats(self._item, str(account_id))
        seconds = max(1, math.ceil(resets_at - time.time()))
        headers = limit_headers("account", self._item.amount, WINDOW_SECONDS, remaining, seconds)
        if not allowed:
            raise Problem("too_many_requests", {"retry_after": seconds}, headers=headers)
        del headers["Retry-After"]
        return headers


def limit_headers(
    name: str, quota: int, window_seconds: int, remaining: int, seconds: int
) -> dict[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers, and Retry-After."""
    return {
        "RateLimit-Policy": f'"{name}";q={quota};w={window_seconds}',
        "RateLimit": f'"{name}";r={remaining};t={seconds}',
        "Retry-After": str(seconds),
    }


def register_limit(app: Flask, per_second: int | None) -> None:
    """Limit every account's requests; None leaves them unlimited."""
    if per_second is not None:
        app.extensions[EXTENSION] = AccountLimit(per_second)
        app.after_request(_add_headers)


def count_request(account_id: UUID) -> None:
    """Count this request against its account."""
    limit: AccountLimit | None = current_app.extensions.get(EXTENSION)
    if limit is not None:
        g.limit_headers = limit.count(account_id)


def _add_headers(response: Response) -> Response:
    for name, value in g.get("limit_headers", {}).items():
        response.headers.add(name, value)
    return response
