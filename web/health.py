"""Health: whether the process is up, and whether it can serve."""

from functools import lru_cache

from flask import Blueprint, Response

from domain.store.migrate import current_revision, latest_revision
from web.answers import answer
from web.errors import Problem
from web.services import services

blueprint = Blueprint("health", __name__)

_expected_revision = lru_cache(maxsize=1)(latest_revision)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process is up."""
    return answer({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """The database answers and its tables are what this code expects; 503 otherwise."""
    if current_revision(services().database) != _expected_revision():
        raise Problem("not_migrated")
    return answer({"status": "ready"})
