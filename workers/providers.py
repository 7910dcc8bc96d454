"""Providers: what each of them is sent, and how it says whether it took it."""

import hmac
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec

from domain.store.settings import Settings

CODES_QUEUE: Final = "dakhl-o-kharj-codes"
"""A queue of their own: a long job must not keep people waiting for a code."""

SILENCE_SECONDS: Final = 5
LONGEST_ANSWER_BYTES: Final = 64 * 1024
RETRIED_STATUSES: Final = (408, 425, 429)
# The operation failed; the server cannot answer just now (kavenegar.com/rest.html, errors).
KAVENEGAR_RETRIED: Final = (402, 409)
# A fault of theirs; too many requests (sms.ir's REST API, status table).
SMSIR_RETRIED: Final = (0, 20)
SMSIR_PARAMETER: Final = "CODE"

LOCAL_ID_BITS: Final = 2**62 - 1
"""Kavenegar's `localid` is a 64-bit number: the random part of a notice's id."""

SIGNATURE_HEADER: Final = "Dakhl-Signature"
MESSAGE_ID_HEADER: Final = "Dakhl-Message-Id"


class Unavailable(Exception):
    """The provider did not take the message and may take it later. Names no secret."""


class Refused(Exception):
    """The provider will never take this message. Names no secret."""


class Sms(msgspec.Struct, frozen=True):
    """A code for a phone (E.164). `id` stays the same however often it is tried."""

    id: str
    phone: str
    code: str


T = TypeVar("T")

Provider = Callable[[Settings, Sms], None]
"""Hands a message over, or raises `Unavailable` or `Refused`."""


class _KavenegarReturn(msgspec.Struct):
    status: int


class _KavenegarAnswer(msgspec.Struct):
    outcome: _KavenegarReturn = msgspec.field(name="return")


class _SmsirAnswer(msgspec.Struct):
    status: int


class TextSms(msgspec.Struct, frozen=True):
    """A text for a phone (E.164). `id` stays the same however often it is tried."""

    id: UUID
    phone: str
    text: str


def kavenegar(settings: Settings, sms: Sms) -> None:
    """verify/lookup."""
    form = {
        "receptor": as_dialled(sms.phone),
        "token": sms.code,
        "template": settings.kavenegar_template,
    }
    _ask_kavenegar(settings, "verify/lookup", form)


def kavenegar_text(settings: Settings, sms: TextSms) -> None:
    """sms/send. By the `localid` it knows what it was asked for before, and sends it once."""
    form = {
        "receptor": as_dialled(sms.phone),
        "message": sms.text,
        "localid": str(sms.id.int & LOCAL_ID_BITS),
    }
    line = {"sender": settings.kavenegar_sender} if settings.kavenegar_sender else {}
    _ask_kavenegar(settings, "sms/send", {**form, **line})


def _ask_kavenegar(settings: Settings, method: str, form: Mapping[str, str]) -> None:
    """The API key is part of the address, so the address is never shown."""
    key = quote(settings.kavenegar_api_key, safe="")
    answer = _post(
        f"{settings.kavenegar_url.rstrip('/')}/v1/{key}/{method}.json",
        urlencode(form).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    status = _decoded(answer, _KavenegarAnswer).outcome.status
    if status != 200:
        _turned_down(status, KAVENEGAR_RETRIED)


def smsir(settings: Settings, sms: Sms) -> None:
    """send/verify, with a template whose parameter is #CODE#."""
    body = {
        "mobile": as_dialled(sms.phone),
        "templateId": int(settings.smsir_template_id),
        "parameters": [{"name": SMSIR_PARAMETER, "value": sms.code}],
    }
    _ask_smsir(settings, "send/verify", body)


def smsir_text(settings: Settings, sms: TextSms) -> None:
    """send/bulk, to one number. It cannot tell that it was asked before."""
    if not settings.smsir_line_number:
        raise Refused("SMSIR_LINE_NUMBER is not set")
    body = {
        "lineNumber": settings.smsir_line_number,
        "messageText": sms.text,
        "mobiles": [as_dialled(sms.phone)],
    }
    _ask_smsir(settings, "send/bulk", body)


def _ask_smsir(settings: Settings, method: str, body: Mapping[str, object]) -> None:
    answer = _post(
        f"{settings.smsir_url.rstrip('/')}/v1/{method}",
        msgspec.json.encode(body),
        {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "x-api-key": settings.smsir_api_key,
        },
    )
    status = _decoded(answer, _SmsirAnswer).status
    if status != 1:
        _turned_down(status, SMSIR_RETRIED)


def webhook(settings: Settings, sms: Sms) -> None:
    """One's own gateway: any 2xx takes the message."""
    text = sms_text(sms.code, settings.otp_host)
    _ask_gateway(settings, sms.id, {"phone": sms.phone, "code": sms.code, "text": text})


def webhook_text(settings: Settings, sms: TextSms) -> None:
    """One's own gateway, with a text that holds no code."""
    _ask_gateway(settings, str(sms.id), {"phone": sms.phone, "text": sms.text})


def _ask_gateway(settings: Settings, message_id: str, message: Mapping[str, str]) -> None:
    """It can tell that the message is ours, and that it came before."""
    body = msgspec.json.encode(message)
    headers = {
        "Content-Type": "application/json",
        MESSAGE_ID_HEADER: message_id,
        SIGNATURE_HEADER: signature(settings.otp_webhook_secret, int(time.time()), body),
    }
    _post(settings.otp_webhook_url, body, headers)


PROVIDERS: Final[Mapping[str, Provider]] = {
    "kavenegar": kavenegar,
    "smsir": smsir,
    "webhook": webhook,
}


TEXT_PROVIDERS: Final[Mapping[str, Callable[[Settings, TextSms], None]]] = {
    "kavenegar": kavenegar_text,
    "smsir": smsir_text,
    "webhook": webhook_text,
}


def sms_text(code: str, host: str) -> str:
    """What a person reads; browsers read the last line (WebOTP: https://wicg.github.io/sms-one-time-codes/)."""
    return f"دخل و خرج\nکد ورود: {code}\nآن را به کسی ندهید.\n\n@{host} #{code}"


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<Unix seconds>,v1=<hex HMAC-SHA-256 of "t.body">`."""
    digest = hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()
    return f"t={at},v1={digest}"


def as_dialled(phone: str) -> str:
    """`09…` in Iran, `00…` abroad: what both providers take."""
    return f"0{phone[3:]}" if phone.startswith("+98") else f"00{phone[1:]}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the code, and with it the key, to somebody else."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The body of a 2xx answer. What urllib raises may name the address, so nothing of it stays."""
    try:
        request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310
        with _opener.open(request, timeout=SILENCE_SECONDS) as answer:
            found: bytes = answer.read(LONGEST_ANSWER_BYTES)
            return found
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"no answer ({type(error).__name__})") from None
    if status >= 500 or status in RETRIED_STATUSES:
        raise Unavailable(f"HTTP {status}")
    raise Refused(f"HTTP {status}")


def _decoded(answer: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=shape)
    except msgspec.MsgspecError:
        raise Unavailable("an answer that cannot be read") from None


def _turned_down(status: int, retried: tuple[int, ...]) -> None:
    if status in retried or status >= 500:
        raise Unavailable(f"status {status} in the answer")
    raise Refused(f"status {status} in the answer")
