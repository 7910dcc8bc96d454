"""Everything a request needs from outside, handed to the app once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import redis
from flask import Flask, current_app

from domain.store.database import Database
from domain.store.ledgers import LedgerStore
from domain.store.settings import Settings

EXTENSION: Final = "dakhl-o-kharj"


@dataclass(frozen=True, slots=True)
class Services:
    """The wired parts of the service; `send_code` takes a phone (E.164) and a code."""

    settings: Settings
    database: Database
    redis: redis.Redis
    ledgers: LedgerStore
    send_code: Callable[[str, str], None]


def provide(app: Flask, given: Services) -> None:
    """Make the services reachable from the app's requests."""
    app.extensions[EXTENSION] = given


def services() -> Services:
    """The services of the app that handles this request."""
    return cast(Services, current_app.extensions[EXTENSION])
