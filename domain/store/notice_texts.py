"""How a notice reads: its title and its body, for the app and for an SMS."""

from typing import Any, NamedTuple

from domain.store.notices import Notice
from domain.store.sentences import Language, in_digits_of, message


class Reads(NamedTuple):
    """What a person reads of a notice."""

    title: str
    body: str


def reads(notice: Notice, language: Language) -> Reads:
    """A notice in a language."""
    details = {name: _shown(name, value, language) for name, value in notice.data.items()}
    return Reads(
        message(f"notice_{notice.kind}_title", language, details),
        message(f"notice_{notice.kind}_body", language, details),
    )


def _shown(name: str, value: Any, language: Language) -> object:
    if name == "device" and value is None:
        return message("notice_unknown_device", language, {})
    if name == "month":
        year, month = value.split("-")
        month_name = message(f"month_{int(month)}", language, {})
        return f"{month_name} {in_digits_of(language, year)}"
    return in_digits_of(language, value) if name in ("start", "end", "date") else value
