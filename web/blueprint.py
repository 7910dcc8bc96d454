"""Blueprint: flask-smorest's, typed, with strict bodies and documented sign-in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

import flask_smorest
import marshmallow as ma

from domain.store.standing import Role
from web.auth import current_account, require_role, require_sign_in
from web.body import body_reader, query_reader
from web.noting import note_access

View = TypeVar("View", bound=Callable[..., Any])
Resource = TypeVar("Resource", bound=Callable[..., Any])

SCHEMA = ma.Schema | type[ma.Schema]
READERS: Final = {"json": body_reader, "query": query_reader}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A group of resources. Views return finished responses; `response` only documents.

    flask-smorest writes the documentation of a view. Calls go past what it wraps views in.
    """

    def route(self, rule: str, **options: Any) -> Callable[[Resource], Resource]:
        """Serve a MethodView, or a function, at a path."""
        return cast(Callable[[Resource], Resource], super().route(rule, **options))

    def arguments(
        self, schema: SCHEMA, *, location: str = "json", **options: Any
    ) -> Callable[[View], View]:
        """Hand the view the checked body (`location="json"`) or query string (`"query"`)."""
        # One schema for all requests: making it anew for each costs more than checking with it.
        made = schema() if isinstance(schema, type) else schema
        document, read = super().arguments(made, location=location, **options), READERS[location]

        def decorate(view: View) -> View:
            read_this = read(made)

            @wraps(view)
            def handed(*args: Any, **kwargs: Any) -> Any:
                return view(*args, read_this(), **kwargs)

            return _described(cast(View, handed), document(view))

        return decorate

    def response(
        self, status_code: int, schema: SCHEMA | None = None, **options: Any
    ) -> Callable[[View], View]:
        """Document what a successful answer looks like."""
        document = super().response(status_code, schema, **options)
        return lambda view: _described(view, document(view))

    def alt_response(self, status_code: int, **options: Any) -> Callable[[View], View]:
        """Document another answer."""
        document = super().alt_response(status_code, **options)
        return lambda view: _described(view, document(view))

    @staticmethod
    def doc(**description: Any) -> Callable[[View], View]:
        """Add to the documentation of a view, word for word."""
        document = flask_smorest.Blueprint.doc(**description)
        return lambda view: _described(view, document(view))

    def signed_in(self, view: View) -> View:
        """Let only people with a live access token in; goes above every other decorator."""

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            require_sign_in()
            return view(*args, **kwargs)

        return self.doc(security=[{"bearer": []}])(cast(View, guarded))

    def for_role(self, role: Role) -> Callable[[View], View]:
        """Like `signed_in`, for people with this role: to all others there is nothing here.

        What an auditor asks for is noted before the view is called, whatever comes of it.
        """

        def decorate(view: View) -> View:
            @wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                require_role(role)
                if role == "auditor":
                    note_access(current_account())
                return view(*args, **kwargs)

            return self.doc(security=[{"bearer": []}], **{"x-role": role})(cast(View, guarded))

        return decorate


def _described(view: View, documented: Any) -> View:
    view._apidoc = documented._apidoc  # type: ignore[attr-defined]
    return view
