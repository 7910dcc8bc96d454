"""Senders: how a sign-in code reaches a person."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec
from redis import Redis

from domain.store.settings import Settings
from workers import sms
from workers.providers import PROVIDERS

Sender = Callable[[str, str], None]
"""Takes a phone (E.164) and a code of six digits."""


def chosen_sender(settings: Settings, redis: Redis) -> Sender:
    """The sender that the settings name. One that needs Redis raises its `RedisError`."""
    if settings.otp_sender in PROVIDERS:
        return partial(sms.enqueue, settings, redis)
    if settings.otp_sender == "outbox":
        return outbox(settings.otp_outbox)
    return console


def console(phone: str, code: str) -> None:
    """Show the code where the service runs; for development."""
    sys.stderr.write(f"\n    Sign-in code for {masked(phone)}: {code}\n\n")
    sys.stderr.flush()


def outbox(path: Path) -> Sender:
    """A sender that appends `{"phone", "code"}`, one JSON object a line; for tests."""
    return lambda phone, code: write_line(path, {"phone": phone, "code": code})


def write_line(path: Path, sent: Mapping[str, str]) -> None:
    """Append a JSON object to an outbox, as a line."""
    line = msgspec.json.encode(sent) + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # One append of one line: processes that send at once do not mix their lines.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def masked(phone: str) -> str:
    """A phone as logs may show it: `+98912***4567`."""
    return f"{phone[:-7]}***{phone[-4:]}"
