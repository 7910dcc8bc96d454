"""Sentences: what people read, in Persian and in English, out of the catalogues in `web`.

Web and workers both speak to people, and this is the innermost place that both may import.
"""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

Language = Literal["fa", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
CATALOGUES: Final = Path(__file__).parents[2] / "web" / "translations"

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


def message(code: str, language: Language, details: Mapping[str, object]) -> str:
    """The sentence for a code, its placeholders filled, its numbers in its digits."""
    sentence: str = catalogue(language).gettext(code)
    if not details:
        return sentence
    return sentence % {name: _shown(value, language) for name, value in details.items()}


def in_digits_of(language: Language, text: str) -> str:
    """A text of our own making, its digits in those of a language."""
    return text.translate(_PERSIAN_DIGITS) if language == "fa" else text


def _shown(value: object, language: Language) -> str:
    return in_digits_of(language, f"{value:,}") if isinstance(value, int) else str(value)
