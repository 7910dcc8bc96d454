"""Notices: what people are told, once each, and how they want to hear it; outside the stream."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args
from uuid import UUID

import msgspec

from domain.store.database import Connection, as_record
from domain.store.ids import new_id
from domain.store.pending import Write
from domain.store.queue import MESSAGES_QUEUE, Task
from domain.store.sentences import Language

Kind = Literal[
    "budget_near",
    "budget_reached",
    "budget_missed",
    "surplus_saved",
    "draft_waiting",
    "sign_in",
    "export_ready",
    "webhook_paused",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

TextState = Literal["waiting", "sent", "refused", "late"]

KEPT: Final = dt.timedelta(days=365)
"""How long a notice stays that was read."""

TEXT_SECONDS: Final = 30
_REMOVED_AT_ONCE: Final = 500
_ASKED_AT_ONCE: Final = 1000

_COLUMNS: Final = "ledger_id, id, kind, key, data, created_at"
_AS_WISHED: Final = "coalesce(s.in_app, TRUE), CASE WHEN s.sms THEN 'waiting' END"
_TELL: Final = f"""
    INSERT INTO notifications ({_COLUMNS}, is_shown, text)
    SELECT :ledger_id, :id, :kind, :key, :data, :now, {_AS_WISHED}
    FROM (SELECT 1 AS one) AS this LEFT JOIN notification_settings AS s
        ON s.ledger_id = :ledger_id AND s.kind = :kind
    WHERE TRUE
    ON CONFLICT (ledger_id, key) DO NOTHING RETURNING text
"""
_TELL_LATER: Final = Write(
    "notifications",
    {
        "ledger_id": "uuid",
        "id": "uuid",
        "kind": "text",
        "key": "text",
        "data": "text",
        "created_at": "timestamptz",
    },
    f"""
    INSERT INTO notifications ({_COLUMNS}, is_shown, text)
    SELECT given.ledger_id, id, given.kind, key, data, created_at, {_AS_WISHED}
    FROM given LEFT JOIN notification_settings AS s
        ON s.ledger_id = given.ledger_id AND s.kind = given.kind
    WHERE TRUE ON CONFLICT (ledger_id, key) DO NOTHING
    """,
)
_SELECT: Final = "SELECT id, kind, data, created_at, read_at FROM notifications"
_UNREAD: Final = "ledger_id = :ledger_id AND is_shown AND read_at IS NULL"


class Notice(msgspec.Struct, frozen=True):
    """Something that a person is told. `data` is what its sentence is made of."""

    id: UUID
    kind: Kind
    data: dict[str, Any]
    created_at: dt.datetime
    read_at: dt.datetime | None


class Channels(msgspec.Struct, frozen=True):
    """How one kind of notice reaches somebody."""

    in_app: bool = True
    sms: bool = False


class Wishes(msgspec.Struct, frozen=True):
    """How somebody wants to hear each kind; `language` is of what is sent to them."""

    language: Language
    channels: Mapping[Kind, Channels]


class Text(msgspec.Struct, frozen=True):
    """A notice that is to be sent to a phone (E.164)."""

    notice: Notice
    phone: str
    language: Language
    state: TextState


def tell(
    connection: Connection,
    ledger_id: UUID,
    kind: Kind,
    key: str,
    data: Mapping[str, object],
    now: dt.datetime,
) -> list[Task]:
    """Tell a ledger's person something, unless they were told before under this key.

    Gives what is to be enqueued after the commit; the sweep finds it, too. The ledger, or its
    person's account, is to be locked, or an erasure could miss the row.
    """
    notice_id = new_id()
    row = connection.one(
        _TELL,
        ledger_id=ledger_id,
        id=notice_id,
        kind=kind,
        key=f"{kind}:{key}",
        data=msgspec.json.encode(data).decode(),
        now=now,
    )
    return [] if row is None or row["text"] is None else [text_task(ledger_id, notice_id)]


def tell_later(
    connection: Connection,
    ledger_id: UUID,
    kind: Kind,
    key: str,
    data: Mapping[str, object],
    now: dt.datetime,
) -> None:
    """Like `tell`, with what else the transaction writes; the sweep finds what is to be sent."""
    told = msgspec.json.encode(data).decode()
    connection.later(_TELL_LATER, (ledger_id, new_id(), kind, f"{kind}:{key}", told, now))


def text_task(ledger_id: UUID, notice_id: UUID) -> Task:
    """The task that sends a notice's SMS. Nobody can read the number or the sentence in it."""
    arguments = (str(ledger_id), str(notice_id))
    return Task(f"text-{notice_id}", "send_text", arguments, TEXT_SECONDS, MESSAGES_QUEUE)


def told_keys(connection: Connection, ledger_id: UUID, keys: Sequence[str]) -> set[str]:
    """Which of these (`kind:key`) a ledger's person was told."""
    told: set[str] = set()
    for place in range(0, len(keys), _ASKED_AT_ONCE):
        some = enumerate(keys[place : place + _ASKED_AT_ONCE])
        names = {f"key_{number}": key for number, key in some}
        listed = ", ".join(f":{name}" for name in names)
        sql = f"SELECT key FROM notifications WHERE ledger_id = :ledger_id AND key IN ({listed})"
        told |= {row["key"] for row in connection.all(sql, ledger_id=ledger_id, **names)}
    return told


def list_notices(
    connection: Connection, ledger_id: UUID, before: UUID | None, limit: int, *, unread: bool
) -> list[Notice]:
    """Up to `limit` notices that came before one, the newest first."""
    sql = f"{_SELECT} WHERE ledger_id = :ledger_id AND is_shown"
    sql += " AND read_at IS NULL" if unread else ""
    sql += "" if before is None else " AND id < :before"
    sql += " ORDER BY id DESC LIMIT :limit"
    rows = connection.all(sql, ledger_id=ledger_id, before=before, limit=limit)
    return [_as_notice(row) for row in rows]


def find_notice(connection: Connection, ledger_id: UUID, notice_id: UUID) -> Notice | None:
    """A notice that is shown, or None."""
    sql = f"{_SELECT} WHERE ledger_id = :ledger_id AND id = :id AND is_shown"
    row = connection.one(sql, ledger_id=ledger_id, id=notice_id)
    return None if row is None else _as_notice(row)


def count_unread(connection: Connection, ledger_id: UUID) -> int:
    """How many notices somebody has not read."""
    sql = f"SELECT count(*) AS count FROM notifications WHERE {_UNREAD}"
    row = connection.one(sql, ledger_id=ledger_id)
    return 0 if row is None else int(row["count"])


def mark_read(connection: Connection, ledger_id: UUID, notice_id: UUID, now: dt.datetime) -> None:
    """Note that somebody has read a notice; the first time counts."""
    sql = f"UPDATE notifications SET read_at = :now WHERE {_UNREAD} AND id = :id"
    connection.run(sql, ledger_id=ledger_id, id=notice_id, now=now)


def mark_all_read(
    connection: Connection, ledger_id: UUID, up_to: UUID | None, now: dt.datetime
) -> int:
    """Note that somebody has read everything, or all up to a notice; how many it was."""
    sql = f"UPDATE notifications SET read_at = :now WHERE {_UNREAD}"
    sql += "" if up_to is None else " AND id <= :up_to"
    return connection.run(sql, ledger_id=ledger_id, up_to=up_to, now=now)


def wishes_of(connection: Connection, ledger_id: UUID) -> Wishes:
    """How somebody wants to hear each kind; in the app and in Persian, unless they said else."""
    rows = connection.all(
        "SELECT kind, in_app, sms, language FROM notification_settings"
        " WHERE ledger_id = :ledger_id",
        ledger_id=ledger_id,
    )
    said = {row["kind"]: as_record(row, Channels) for row in rows}
    language: Language = rows[0]["language"] if rows else "fa"
    return Wishes(language, {kind: said.get(kind, Channels()) for kind in KINDS})


def keep_wishes(connection: Connection, ledger_id: UUID, wishes: Wishes) -> None:
    """Remember how somebody wants to hear each kind. Their ledger is to be locked."""
    connection.run(
        "DELETE FROM notification_settings WHERE ledger_id = :ledger_id", ledger_id=ledger_id
    )
    connection.run_many(
        """
        INSERT INTO notification_settings (ledger_id, kind, in_app, sms, language)
        VALUES (:ledger_id, :kind, :in_app, :sms, :language)
        """,
        [
            {
                "ledger_id": ledger_id,
                "kind": kind,
                "language": wishes.language,
                **msgspec.structs.asdict(channels),
            }
            for kind, channels in wishes.channels.items()
        ],
    )


def find_text(connection: Connection, ledger_id: UUID, notice_id: UUID) -> Text | None:
    """The SMS of a notice, or None where there is none, or nobody any more to send it to."""
    row = connection.one(
        """
        SELECT n.id, n.kind, n.data, n.created_at, n.read_at, n.text AS state, a.phone, (
            SELECT s.language FROM notification_settings AS s
            WHERE s.ledger_id = n.ledger_id LIMIT 1
        ) AS language
        FROM notifications AS n JOIN accounts AS a ON a.ledger_id = n.ledger_id
        WHERE n.ledger_id = :ledger_id AND n.id = :id AND n.text IS NOT NULL
        """,
        ledger_id=ledger_id,
        id=notice_id,
    )
    if row is None:
        return None
    return Text(_as_notice(row), row["phone"], row["language"] or "fa", row["state"])


def settle_text(connection: Connection, ledger_id: UUID, notice_id: UUID, state: TextState) -> None:
    """Note what became of a notice's SMS."""
    connection.run(
        "UPDATE notifications SET text = :state WHERE ledger_id = :ledger_id AND id = :id",
        state=state,
        ledger_id=ledger_id,
        id=notice_id,
    )


def sent_since(connection: Connection, ledger_id: UUID, since: dt.datetime) -> int:
    """How many of a ledger's notices since an instant were sent."""
    row = connection.one(
        """
        SELECT count(*) AS count FROM notifications
        WHERE ledger_id = :ledger_id AND text = 'sent' AND created_at > :since
        """,
        ledger_id=ledger_id,
        since=since,
    )
    return 0 if row is None else int(row["count"])


def waiting_texts(connection: Connection, before: dt.datetime) -> list[Task]:
    """The tasks that send what was told before an instant and is not sent yet."""
    rows = connection.all(
        "SELECT ledger_id, id FROM notifications WHERE text = 'waiting' AND created_at < :before",
        before=before,
    )
    found = [(msgspec.convert(row["ledger_id"], UUID), row["id"]) for row in rows]
    return [text_task(ledger_id, msgspec.convert(id_, UUID)) for ledger_id, id_ in found]


def remove_old_notices(connection: Connection, now: dt.datetime) -> int:
    """Forget a few that were read, and came a year ago; how many there were."""
    return connection.run(
        """
        DELETE FROM notifications WHERE (ledger_id, id) IN (
            SELECT ledger_id, id FROM notifications
            WHERE read_at IS NOT NULL AND created_at < :before LIMIT :most
        )
        """,
        before=now - KEPT,
        most=_REMOVED_AT_ONCE,
    )


def _as_notice(row: dict[str, Any]) -> Notice:
    return as_record({**row, "data": msgspec.json.decode(row["data"])}, Notice)
