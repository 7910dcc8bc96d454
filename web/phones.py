"""Phone numbers: what people type, as one E.164 number."""

import re
from typing import Any, Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from domain.text import ascii_digits
from web.errors import flaw
from web.fields import Text

IRAN: Final = 98
_TYPED: Final = re.compile(r"\+?[0-9 ()-]+")
_IRANIAN_MOBILE: Final = re.compile(r"9[0-9]{9}")
_INVISIBLE: Final = dict.fromkeys(
    map(ord, "\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e")
)
_MOBILE_TYPES: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def parse_phone(typed: str) -> str:
    """A mobile number as E.164: `09…`, `+98…`, `0098…`, `98…`, and abroad with its `+`.

    Raises ValueError.
    """
    text = ascii_digits(typed).translate(_INVISIBLE).strip()
    if not _TYPED.fullmatch(text):
        raise ValueError("not a phone number")
    try:
        number = phonenumbers.parse(text, "IR")
    except NumberParseException as error:
        raise ValueError("not a phone number") from error
    if not _is_mobile(number):
        raise ValueError("not a mobile number")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_mobile(number: PhoneNumber) -> bool:
    if number.country_code == IRAN:
        # Iran opens new ranges more often than the library's tables are published.
        return _IRANIAN_MOBILE.fullmatch(str(number.national_number)) is not None
    return (
        phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in _MOBILE_TYPES
    )


class Phone(Text):
    """A mobile number, as E.164."""

    def __init__(self, **options: Any) -> None:
        super().__init__(40, metadata={"example": "09121234567"}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            return parse_phone(super()._deserialize(value, *args, **kwargs))
        except ValueError as error:
            raise flaw("invalid_phone") from error
