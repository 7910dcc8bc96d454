"""SMS: a code on its way through the queue, where nobody can read it, until it is of no use."""

from typing import Final, Literal

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from redis import Redis
from rq import Queue, Retry, get_current_job

from domain.store import tallies
from domain.store.logs import get_logger
from domain.store.sealing import sealer
from domain.store.settings import CODE_SECONDS, Settings, read_settings
from workers.providers import CODES_QUEUE, PROVIDERS, Refused, Sms, Unavailable

log = get_logger()

USEFUL_SECONDS: Final = CODE_SECONDS - 10
TRY_SECONDS: Final = 10
BACK_OFF_SECONDS: Final = [1, 3, 8, 20]
FAILURE_SECONDS: Final = 60

Outcome = Literal["sent", "repeated", "late", "refused"]


class _Sealed(msgspec.Struct, array_like=True):
    phone: str
    code: str


def enqueue(settings: Settings, redis: Redis, phone: str, code: str) -> None:
    """Have a worker send a code. Five tries with their pauses take at most 82 seconds."""
    Queue(CODES_QUEUE, connection=redis).enqueue(
        send_code,
        sealed(settings, phone, code),
        description="send-code",
        job_timeout=TRY_SECONDS,
        ttl=USEFUL_SECONDS,
        result_ttl=0,
        failure_ttl=FAILURE_SECONDS,
        retry=Retry(max=len(BACK_OFF_SECONDS), interval=BACK_OFF_SECONDS),
    )


def send_code(token: str) -> None:
    """The job. May run twice; after a provider's answer it sends nothing more.

    Raises `Unavailable`, for the queue to try again.
    """
    job = get_current_job()
    assert job is not None
    settings = read_settings()
    try:
        outcome = deliver(settings, job.connection, job.id, token)
    except Unavailable as error:
        log.warning("sms", provider=settings.otp_sender, outcome="unavailable", reason=str(error))
        tallies.count(job.connection, "sms", settings.otp_sender, "unavailable")
        raise
    log.info("sms", provider=settings.otp_sender, outcome=outcome)
    tallies.count(job.connection, "sms", settings.otp_sender, outcome)


def deliver(settings: Settings, redis: Redis, message_id: str, token: str) -> Outcome:
    """Hand a sealed code to the provider, unless that was done or is too late."""
    opened = unsealed(settings, token)
    if opened is None:
        return "late"
    answered = f"sms:answered:{message_id}"
    if redis.exists(answered):
        return "repeated"
    try:
        PROVIDERS[settings.otp_sender](settings, Sms(message_id, *opened))
    except Refused as error:
        # Without a traceback: what it names is all that may be known.
        log.error("sms refused", provider=settings.otp_sender, reason=str(error))  # noqa: TRY400
        outcome: Outcome = "refused"
    else:
        outcome = "sent"
    redis.set(answered, 1, ex=CODE_SECONDS)
    return outcome


def sealed(settings: Settings, phone: str, code: str) -> str:
    """A phone and a code, encrypted and dated."""
    return _fernet(settings).encrypt(msgspec.json.encode(_Sealed(phone, code))).decode()


def unsealed(settings: Settings, token: str) -> tuple[str, str] | None:
    """The phone and the code; None when the code is of no use any more, or not ours."""
    try:
        plain = _fernet(settings).decrypt(token, ttl=USEFUL_SECONDS)
    except InvalidToken:
        return None
    opened = msgspec.json.decode(plain, type=_Sealed)
    return opened.phone, opened.code


def _fernet(settings: Settings) -> Fernet:
    return sealer(settings.otp_pepper, "sms job")
