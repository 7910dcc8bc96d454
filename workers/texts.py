"""Texts: notices by SMS, for those who wished for it."""

import datetime as dt
import sys
from typing import Final, Literal
from uuid import UUID

from redis import Redis

from domain.store import tallies
from domain.store.database import Database
from domain.store.ledgers import utc_now
from domain.store.logs import get_logger
from domain.store.notice_texts import reads
from domain.store.notices import TextState, find_text, sent_since, settle_text
from domain.store.settings import Settings
from workers.providers import TEXT_PROVIDERS, Refused, TextSms, Unavailable
from workers.senders import masked, write_line

log = get_logger()

LATE: Final = dt.timedelta(days=1)
"""What could not be sent for so long is no news any more."""

MOST_A_DAY: Final = 20
"""Of one ledger: a text costs whoever runs the service."""

LONGEST_NAME: Final = 40
"""Of a category, a device or an address: each 67 letters are one more SMS to pay for."""

Outcome = Literal["sent", "refused", "late", "too_many", "unavailable"]
_STATES: Final[dict[Outcome, TextState]] = {"sent": "sent", "late": "late"}


def send(
    settings: Settings, database: Database, redis: Redis, ledger_id: UUID, notice_id: UUID
) -> None:
    """Send a notice's text and note it. Raises `Unavailable`, for the queue to try again.

    Who dies between the two has it sent again, to a provider who can tell that it was before.
    """
    try:
        outcome = _settled(settings, database, ledger_id, notice_id)
    except Unavailable as error:
        _tell(settings, redis, "unavailable", str(error))
        raise
    if outcome is not None:
        _tell(settings, redis, outcome)


def _settled(
    settings: Settings, database: Database, ledger_id: UUID, notice_id: UUID
) -> Outcome | None:
    text = database.read(lambda c: find_text(c, ledger_id, notice_id))
    if text is None or text.state != "waiting":
        return None
    now = utc_now()
    outcome: Outcome = "sent"
    if now - text.notice.created_at > LATE:
        outcome = "late"
    elif database.read(lambda c: sent_since(c, ledger_id, now - LATE)) >= MOST_A_DAY:
        outcome = "too_many"
    else:
        title, body = reads(text.notice, text.language, LONGEST_NAME)
        name = "دخل و خرج" if text.language == "fa" else "Dakhl-o-Kharj"
        sms = TextSms(notice_id, text.phone, f"{name}\n{title}\n{body}")
        outcome = _hand_over(settings, sms)
    state = _STATES.get(outcome, "refused")
    database.write(lambda c: settle_text(c, ledger_id, notice_id, state))
    return outcome


def _hand_over(settings: Settings, sms: TextSms) -> Outcome:
    if settings.otp_sender == "console":
        sys.stderr.write(f"\n    SMS for {masked(sms.phone)}: {sms.text}\n\n")
        sys.stderr.flush()
        return "sent"
    if settings.otp_sender == "outbox":
        write_line(settings.otp_outbox, {"phone": sms.phone, "text": sms.text})
        return "sent"
    try:
        TEXT_PROVIDERS[settings.otp_sender](settings, sms)
    except Refused as error:
        # Without a traceback: what it names is all that may be known.
        log.error("text refused", provider=settings.otp_sender, reason=str(error))  # noqa: TRY400
        return "refused"
    return "sent"


def _tell(settings: Settings, redis: Redis, outcome: Outcome, reason: str | None = None) -> None:
    why = {} if reason is None else {"reason": reason}
    log.info("text", provider=settings.otp_sender, outcome=outcome, **why)
    tallies.count(redis, "texts", settings.otp_sender, outcome)
