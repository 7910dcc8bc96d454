"""The app: every resource, behind one set of manners."""

from collections.abc import Callable
from typing import Any, Final

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from web import (
    audit,
    balance,
    batches,
    budgets,
    calendar,
    categories,
    changes,
    deliveries,
    drafts,
    erasure,
    events,
    exports,
    forecast,
    goals,
    growth,
    health,
    identity,
    imports,
    jobs,
    largest,
    notifications,
    proofs,
    rebuilds,
    recurrences,
    reports,
    saving_policy,
    transactions,
    webhooks,
)
from web.access import register_access
from web.admission import register_admission
from web.auth import register_tokens
from web.body import READ_BYTES
from web.errors import register_error_handlers
from web.limits import register_limit
from web.metrics import blueprint as metrics
from web.openapi import new_api, serve_docs
from web.operator import register_commands
from web.request_ids import HEADER, request_id
from web.services import Services, provide

RESOURCES: Final = (
    identity.blueprint,
    erasure.blueprint,
    categories.blueprint,
    batches.blueprint,
    transactions.blueprint,
    budgets.blueprint,
    recurrences.blueprint,
    drafts.blueprint,
    goals.blueprint,
    balance.blueprint,
    saving_policy.blueprint,
    reports.blueprint,
    growth.blueprint,
    forecast.blueprint,
    calendar.blueprint,
    largest.blueprint,
    events.blueprint,
    changes.blueprint,
    imports.blueprint,
    exports.blueprint,
    jobs.blueprint,
    notifications.blueprint,
    rebuilds.blueprint,
    audit.blueprint,
    proofs.blueprint,
    webhooks.blueprint,
    deliveries.blueprint,
)


class _App(Flask):
    """Flask, where nothing is a coroutine: it would look again at whatever it calls."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func


def create_app(given: Services) -> Flask:
    """The WSGI app, everything outside of which is in `given`."""
    app = _App(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = READ_BYTES
    app.url_map.merge_slashes = False
    provide(app, given)
    register_access(app)
    register_admission(app)
    register_error_handlers(app)
    register_tokens(app, given)
    register_limit(app, given.settings.rate_limit_per_second)
    register_commands(app)
    app.after_request(_finish)
    _register_resources(app)
    if given.settings.trusted_proxies:
        trusted = ProxyFix(app.wsgi_app, x_for=given.settings.trusted_proxies, x_proto=0)
        app.wsgi_app = trusted  # type: ignore[method-assign]
    return app


def _register_resources(app: Flask) -> None:
    api = new_api(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics)
    serve_docs(app)


def _finish(response: Response) -> Response:
    """What every answer carries."""
    # They are new to every answer: to add one costs less than to look whether it is there.
    response.headers.add(HEADER, request_id())
    response.headers.add("X-Content-Type-Options", "nosniff")
    if "Vary" in response.headers:
        response.vary.add("Accept-Language")
    else:
        response.headers.add("Vary", "Accept-Language")
    return response
