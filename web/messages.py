"""What people read, in Persian and in English: the catalogues in `web/translations`."""

from collections.abc import Mapping
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask.globals import request_ctx
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

Language = Literal["fa", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
LONGEST_HEADER: Final = 200
CATALOGUES: Final = Path(__file__).parent / "translations"

_PERSIAN_DIGITS: Final = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")


@cache
def catalogue(language: Language) -> Translations:
    """Every sentence in a language, by its code: the `.po` file itself, so none is ever stale."""
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        sentences = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, sentences)
    compiled.seek(0)
    return Translations(compiled)


def preferred_language() -> Language:
    """Persian, unless this request prefers English."""
    header: str = request_ctx.request.environ.get("HTTP_ACCEPT_LANGUAGE", "")
    return _preferred(header[:LONGEST_HEADER])


def message(code: str, language: Language, details: Mapping[str, object]) -> str:
    """The sentence for a code, its placeholders filled, its numbers in its digits."""
    sentence: str = catalogue(language).gettext(code)
    if not details:
        return sentence
    return sentence % {name: _shown(value, language) for name, value in details.items()}


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


def _shown(value: object, language: Language) -> str:
    if not isinstance(value, int):
        return str(value)
    grouped = f"{value:,}"
    return grouped.translate(_PERSIAN_DIGITS) if language == "fa" else grouped
