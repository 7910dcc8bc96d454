"""OpenAPI: the document at /v1/openapi.json, and pages at /docs that read it offline."""

import http
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import flask_smorest
from flask import Flask, Response
from flask_smorest.utils import prepare_response
from flask_swagger_ui import get_swaggerui_blueprint

from web.answers import answer
from web.contract import Manners
from web.operations import Names
from web.schemas import ProblemSchema
from web.words import with_words

DOCS_PATH: Final = "/docs"
OPENAPI_PATH: Final = "/v1/openapi.json"

SETTINGS: Final[Mapping[str, Any]] = {
    "API_TITLE": "Dakhl-o-Kharj",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/v1",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {"description": "A personal-finance ledger: Rials, Jalali dates, events."},
    },
}

SECURITY_SCHEMES: Final = {
    "bearer": "An access token, good for 15 minutes.",
    "refresh": "A refresh token, good once.",
}


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest's, documenting our problems and leaving errors to `web.errors`."""

    def _register_error_handlers(self) -> None:
        pass

    def _openapi_json(self) -> Response:
        return answer(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        document = with_words(self.spec.to_dict())
        # flask-smorest's own, for pages that are not ours.
        document["components"]["schemas"].pop("PaginationMetadata", None)
        return document

    def _register_responses(self) -> None:
        errors = {status.name: status.phrase for status in http.HTTPStatus if status >= 400}
        for name, phrase in {**errors, "DEFAULT_ERROR": "A problem"}.items():
            response = {"description": phrase, "schema": ProblemSchema}
            prepare_response(response, self.spec, "application/problem+json")
            self.spec.components.response(name, response, lazy=True)


def new_api(app: Flask) -> Any:
    """The collector of every resource's documentation, serving it."""
    app.config.update(SETTINGS)
    api = Api(app, spec_kwargs={"extra_plugins": [Manners(), Names()]})
    for name, description in SECURITY_SCHEMES.items():
        scheme = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": description,
        }
        api.spec.components.security_scheme(name, scheme)
    return api


def serve_docs(app: Flask) -> None:
    """Serve Swagger UI, whose files come with its package: nothing is fetched from outside."""
    # Unless it is said here, the page would repeat the Host header of its request.
    config = {
        "app_name": SETTINGS["API_TITLE"],
        "oauth2RedirectUrl": f"{DOCS_PATH}/oauth2-redirect.html",
        "validatorUrl": None,
    }
    app.register_blueprint(get_swaggerui_blueprint(DOCS_PATH, OPENAPI_PATH, config))

    app.add_url_rule(DOCS_PATH, view_func=app.view_functions["swagger_ui.show"])
