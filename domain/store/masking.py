"""Masking: what a log line must never hold, taken out of any value."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

HIDDEN: Final = "[hidden]"
DEEPEST: Final = 6

_SECRET_NAMES: Final = frozenset(
    {
        *("authorization", "body", "code", "cookie", "credentials", "jwt", "key", "otp"),
        *("passphrase", "password", "pepper", "sealed", "secret", "set_cookie", "token"),
    }
)
_SECRET_ENDINGS: Final = ("_key", "_otp", "_password", "_pepper", "_secret", "_token")

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Digits of any script, with what people type between them.
_GAP: Final = r"[ ()\u00a0\u200b-\u200f\u202a-\u202e-]{0,2}"
_PHONE: Final = re.compile(
    rf"(?<!\d)(?:"
    rf"[+＋]{_GAP}\d(?:{_GAP}\d){{7,14}}"  # E.164, any country
    rf"|[0۰٠]{_GAP}[0۰٠]{_GAP}[1-9۱-۹١-٩](?:{_GAP}\d){{7,14}}"  # the same, dialled
    rf"|(?:[9۹٩]{_GAP}[8۸٨]{_GAP})?(?:[0۰٠]{_GAP})?[9۹٩](?:{_GAP}\d){{9}}"  # Iranian
    rf")(?!\d)"
)
_DIGIT: Final = re.compile(r"\d")
_SECRETS: Final = re.compile(
    r"eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?"  # a JSON Web Token, whole or cut short
    r"|(?i:(?<=\bcode))\W{1,4}\d{6}\b"
    r"|gAAAAA[\w-]{20,}=*"  # a Fernet token: a code on its way through the queue
    r"|(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]+"
    r"|(?<=://)[^/\s@]+(?=@)"  # a user and a password in an address
)

# Nearly every text shows neither sign, and to look for one costs a tenth.
_PHONE_SIGN: Final = re.compile(rf"\d(?:{_GAP}\d){{7}}")
_SECRET_SIGN: Final = re.compile(r"eyJ|gAAAAA|://|(?i:earer|asic|code)")


def masked(value: Any, depth: int = 0) -> Any:
    """The value without phones, tokens and secrets; what it is made of stays readable."""
    if isinstance(value, str):
        return masked_text(value)
    if value is None or isinstance(value, bool | float | UUID):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**9 else _number(value)
    if isinstance(value, Mapping) and depth < DEEPEST:
        return {str(name): masked_entry(str(name), inner, depth) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
        return [masked(inner, depth + 1) for inner in value]
    return masked_text(str(value))


def masked_entry(name: str, value: Any, depth: int = 0) -> Any:
    """The value as it may stand beside this name."""
    return HIDDEN if is_secret(name) else masked(value, depth + 1)


def masked_text(text: str) -> str:
    """The text with `+98912***4567` for a phone and `[hidden]` for a token."""
    if len(text) < 8 or _UUID.fullmatch(text):
        return text
    if _SECRET_SIGN.search(text):
        text = _SECRETS.sub(HIDDEN, text)
    if _PHONE_SIGN.search(text):
        text = _PHONE.sub(lambda found: masked_phone(found[0]), text)
    return text


def masked_phone(phone: str) -> str:
    """Its first and last digits, however it was typed."""
    digits = list(_DIGIT.finditer(phone))
    return f"{phone[: digits[-7].start()]}***{phone[digits[-4].start() :]}"


@lru_cache(maxsize=1000)
def is_secret(name: str) -> bool:
    """Whether what stands beside this name is never shown."""
    plain = name.lower().replace("-", "_")
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def _number(value: int) -> Any:
    text = str(value)
    shown = masked_text(text)
    return value if shown == text else shown
