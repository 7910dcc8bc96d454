"""What people read in the language of their request; the sentences are `domain.store.sentences`."""

from functools import cache, lru_cache
from typing import Final

from flask.globals import request_ctx
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from domain.store.sentences import LANGUAGES, Language, catalogue, message

__all__ = [
    "LANGUAGES",
    "Language",
    "catalogue",
    "message",
    "month_name",
    "preferred_language",
    "say",
    "status_title",
]

LONGEST_HEADER: Final = 200


def preferred_language() -> Language:
    """Persian, unless this request prefers English."""
    header: str = request_ctx.request.environ.get("HTTP_ACCEPT_LANGUAGE", "")
    return _preferred(header[:LONGEST_HEADER])


def status_title(status: int, language: Language) -> str:
    """The short name of a kind of problem."""
    return message(f"status_{status}", language, {})


@cache
def month_name(month: int, language: Language) -> str:
    """A Jalali month's name, 1 to 12."""
    return message(f"month_{month}", language, {})


@cache
def weekday_name(weekday: int, language: Language) -> str:
    """A day of the week's name, from 0 for Saturday to 6 for Friday."""
    return message(f"weekday_{weekday}", language, {})


def say(code: str, **details: object) -> str:
    """The sentence for a code in the language of the request."""
    return message(code, preferred_language(), details)


@lru_cache(maxsize=256)
def _preferred(header: str) -> Language:
    accepted = parse_accept_header(header, LanguageAccept)
    return "en" if _quality("en", accepted) > _quality("fa", accepted) else "fa"


def _quality(language: Language, accepted: LanguageAccept) -> float:
    # Werkzeug's best_match prefers an exact tag to the quality that the client gave.
    return max((q for tag, q in accepted if tag.lower().split("-")[0] == language), default=0)
