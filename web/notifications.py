"""Notifications over HTTP: what somebody was told, what they have read, how they want to hear."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.store import notices
from domain.store.database import Connection
from domain.store.ledgers import Head, read_head
from domain.store.notice_texts import reads
from domain.store.notices import KINDS, Channels, Notice, Wishes
from domain.store.sentences import LANGUAGES
from projections.paging import decode_cursor, page_of
from web.answers import answer
from web.auth import current_account
from web.blueprint import Blueprint
from web.body import refuse_unread_body, refuse_unread_query
from web.errors import Problem
from web.fields import Boolean, Choice, Nested, QueryBoolean, Schema, Uuid
from web.messages import preferred_language
from web.reads import Found, PageQuery, beside_ledger, paged, read
from web.schemas import page_schema
from web.services import services

NO_STORE: Final = {"Cache-Control": "no-store"}
_ORDER: Final = "notification"
_OF_BODIES: Final = {
    status.value: status.name
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )
}

blueprint = Blueprint(
    "notifications", __name__, url_prefix="/v1", description="What one is told, and how"
)


class NotificationQuery(PageQuery):
    """Which notifications: all, or those that were not read."""

    unread = QueryBoolean(load_default=False)


class NotificationSchema(ma.Schema):
    """Something one is told. `data` is what the sentences are made of; amounts are Rials."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": list(KINDS)})
    title = ma.fields.String(required=True)
    body = ma.fields.String(required=True)
    data = ma.fields.Dict(required=True)
    created_at = ma.fields.DateTime(required=True)
    read_at = ma.fields.DateTime(required=True, allow_none=True)


class NotificationsSchema(page_schema(NotificationSchema)):  # type: ignore[misc]
    """A page of what one is told, and how much of all was not read."""

    unread_count = ma.fields.Integer(required=True)


class ReadSchema(Schema):
    """Up to which notification everything was read; all, when it is not said."""

    up_to = Uuid()


class ReadResultSchema(ma.Schema):
    """How many were read by this, and how many are not read yet."""

    marked = ma.fields.Integer(required=True)
    unread_count = ma.fields.Integer(required=True)


class ChannelsSchema(Schema):
    """How one kind reaches somebody."""

    in_app = Boolean(required=True)
    sms = Boolean(required=True)


def _channels(*, required: bool) -> type[ma.Schema]:
    fields: dict[str, Any] = {kind: Nested(ChannelsSchema, required=required) for kind in KINDS}
    name = "ChannelsOfKindsSchema" if required else "SomeChannelsSchema"
    return Schema.from_dict(fields, name=name)


class NewNotificationSettingsSchema(Schema):
    """How one wants to hear each kind; what is left out is told in the app only, in Persian."""

    language = Choice(*LANGUAGES, load_default="fa")
    channels = Nested(_channels(required=False), required=True)


class NotificationSettingsSchema(ma.Schema):
    """How one hears each kind; `language` is an SMS's."""

    language = ma.fields.String(required=True, metadata={"enum": list(LANGUAGES)})
    channels = ma.fields.Nested(_channels(required=True), required=True)


@blueprint.route("/notifications")
class Notifications(MethodView):
    """What one was told."""

    @blueprint.signed_in
    @blueprint.arguments(NotificationQuery, location="query")
    @blueprint.response(200, NotificationsSchema)
    def get(self, query: dict[str, Any]) -> Response:
        """List what one was told, the newest first."""
        return read(lambda connection, head: _listed(connection, head, **query))


@blueprint.route("/notifications/<uuid:notification_id>/read")
class OneRead(MethodView):
    """One that was read."""

    @blueprint.signed_in
    @blueprint.response(200, NotificationSchema)
    def post(self, notification_id: UUID) -> Response:
        """Say that one was read. The first time counts."""
        refuse_unread_body(request)
        refuse_unread_query(request)
        notice = services().database.write(lambda connection: _read(connection, notification_id))
        return answer(_shown(notice), headers=NO_STORE)


@blueprint.route("/notifications/read")
class AllRead(MethodView):
    """All that were read."""

    @blueprint.signed_in
    @blueprint.arguments(ReadSchema)
    @blueprint.response(200, ReadResultSchema)
    @blueprint.doc(responses=_OF_BODIES)
    def post(self, asked: dict[str, Any]) -> Response:
        """Say that everything was read, or all up to one."""
        refuse_unread_query(request)
        counts = services().database.write(lambda connection: _read_all(connection, **asked))
        return answer(counts, headers=NO_STORE)


@blueprint.route("/notifications/settings")
class NotificationSettings(MethodView):
    """How one wants to hear."""

    @blueprint.signed_in
    @blueprint.response(200, NotificationSettingsSchema)
    def get(self) -> Response:
        """Show how one hears each kind."""
        return read(
            lambda connection, head: beside_ledger(
                Found(notices.wishes_of(connection, head.ledger_id))
            )
        )

    @blueprint.signed_in
    @blueprint.arguments(NewNotificationSettingsSchema)
    @blueprint.response(200, NotificationSettingsSchema)
    @blueprint.doc(responses=_OF_BODIES)
    def put(self, asked: dict[str, Any]) -> Response:
        """Say how one wants to hear each kind."""
        refuse_unread_query(request)
        said = {kind: Channels(**channels) for kind, channels in asked["channels"].items()}
        channels = {kind: said.get(kind, Channels()) for kind in KINDS}
        wishes = Wishes(asked["language"], channels)
        services().database.write(lambda connection: _keep(connection, wishes))
        return answer(wishes, headers=NO_STORE)


def _listed(
    connection: Connection, head: Head, limit: int, cursor: str | None = None, *, unread: bool
) -> Found:
    def page() -> Any:
        before = None if cursor is None else decode_cursor(cursor, _ORDER, [UUID])[0]
        found = notices.list_notices(connection, head.ledger_id, before, limit + 1, unread=unread)
        return page_of(found, limit, _ORDER, lambda notice: [notice.id])

    found = paged(page, _shown)
    count = notices.count_unread(connection, head.ledger_id)
    return beside_ledger(found, unread_count=count)


def _read(connection: Connection, notification_id: UUID) -> Notice:
    ledger_id = current_account().ledger_id
    notices.mark_read(connection, ledger_id, notification_id, services().ledgers.clock())
    notice = notices.find_notice(connection, ledger_id, notification_id)
    if notice is None:
        raise Problem("notification_not_found")
    return notice


def _read_all(connection: Connection, up_to: UUID | None = None) -> dict[str, int]:
    ledger_id, now = current_account().ledger_id, services().ledgers.clock()
    marked = notices.mark_all_read(connection, ledger_id, up_to, now)
    return {"marked": marked, "unread_count": notices.count_unread(connection, ledger_id)}


def _keep(connection: Connection, wishes: Wishes) -> None:
    head = read_head(connection, current_account().ledger_id, lock=True)
    notices.keep_wishes(connection, head.ledger_id, wishes)


def _shown(notice: Notice) -> dict[str, Any]:
    title, body = reads(notice, preferred_language())
    return {
        "id": notice.id,
        "kind": notice.kind,
        "title": title,
        "body": body,
        "data": notice.data,
        "created_at": notice.created_at,
        "read_at": notice.read_at,
    }
