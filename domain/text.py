"""Text as people type it in Persian, and as it is compared."""

import unicodedata
from typing import Final

_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
# What nobody sees: soft hyphens, joiners (ZWNJ, ZWJ), direction marks, variation selectors; and
# tatweel. Phones and chats put them into Persian text unasked.
_INVISIBLE: Final = dict.fromkeys(
    [
        *map(ord, "\u00ad\u034f\u061c\u0640\u180e\ufeff"),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
    ]
)
_FOLDED: Final = {
    **str.maketrans("ىيكةۀ", "ییکهه", "\u0654"),  # a hamza that composes with nothing, as in هٔ
    **_DIGITS,
}


_FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"  # letters, by the book, that show nothing


def is_blank(text: str) -> bool:
    """Whether nobody would see anything of a text."""
    return not fold(text).strip(_FILLERS)


def ascii_digits(text: str) -> str:
    """Persian and Arabic digits as 0 to 9; everything else as it is."""
    return text.translate(_DIGITS)


def fold(text: str) -> str:
    """How text is compared and searched: letter variants, digits, case and spacing folded."""
    # What is invisible goes first, so that what it kept apart composes once and for all.
    visible = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    folded = unicodedata.normalize("NFC", visible.casefold().translate(_FOLDED))
    return " ".join(folded.split())
