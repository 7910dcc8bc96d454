"""Text of the old file, as the rest of the product keeps it, and what was lost for that."""

import unicodedata


class Garbled(str):
    """Text that was not UTF-8: what could not be read is U+FFFD."""

    __slots__ = ()


def decoded(raw: bytes) -> str:
    """Text as SQLite keeps it; it takes any bytes for text."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Garbled(raw.decode(errors="replace"))


def text_of(value: object, maximum: int) -> tuple[str, list[str]]:
    """Text in NFC, without the spaces around it, and what it lost to become storable."""
    found = decoded(value) if isinstance(value, bytes) else value
    lost = ["not UTF-8; what was not is \ufffd now"] if isinstance(found, Garbled) else []
    text = "" if found is None else str(found)
    if "\x00" in text:
        lost.append("NUL characters taken out")
        text = text.replace("\x00", "")
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > maximum:
        lost.append(f"cut from {len(text):,} characters to {maximum:,}")
        text = text[:maximum].rstrip()
    return text, lost
