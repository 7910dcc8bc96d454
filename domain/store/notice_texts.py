"""How a notice reads: its title and its body, for the app and for an SMS."""

from typing import Any, Final, NamedTuple
from unicodedata import category

from domain.store.notices import Notice
from domain.store.sentences import Language, in_digits_of, message

_JOINERS: Final = "\u200c\u200d"


class Reads(NamedTuple):
    """What a person reads of a notice."""

    title: str
    body: str


def reads(notice: Notice, language: Language, longest: int | None = None) -> Reads:
    """A notice in a language; of people's own words, no more than the `longest` may be."""
    details = {
        name: _shown(name, value if longest is None else _short(value, longest), language)
        for name, value in notice.data.items()
    }
    return Reads(
        message(f"notice_{notice.kind}_title", language, details),
        message(f"notice_{notice.kind}_body", language, details),
    )


def _short(value: Any, longest: int) -> Any:
    """A text as it fits into an SMS: on one line, and nothing in it that turns what follows."""
    if not isinstance(value, str):
        return value
    seen = (mark for mark in value if mark in _JOINERS or category(mark) != "Cf")
    text = " ".join("".join(" " if category(mark) == "Cc" else mark for mark in seen).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _shown(name: str, value: Any, language: Language) -> object:
    if name == "device" and value is None:
        return message("notice_unknown_device", language, {})
    if name == "month":
        year, month = value.split("-")
        month_name = message(f"month_{int(month)}", language, {})
        return f"{month_name} {in_digits_of(language, year)}"
    return in_digits_of(language, value) if name in ("start", "end", "date") else value
