"""Phone numbers as people type them."""

import pytest

from web.phones import parse_phone


@pytest.mark.parametrize(
    "typed",
    [
        "09121234567",
        "+989121234567",
        "00989121234567",
        "989121234567",
        "9121234567",
        "0912 123 4567",
        "0912-123-4567",
        "(0912) 1234567",
        "۰۹۱۲۱۲۳۴۵۶۷",
        "٠٩١٢١٢٣٤٥٦٧",
        "+۹۸ ۹۱۲ ۱۲۳ ۴۵۶۷",
        "\u202a09121234567\u202c",
        " 09121234567 ",
    ],
)
def test_an_iranian_mobile_is_one_number_however_it_is_typed(typed: str) -> None:
    assert parse_phone(typed) == "+989121234567"


@pytest.mark.parametrize("typed", ["09001234567", "09991234567", "09481234567", "09051234567"])
def test_every_iranian_mobile_range_is_taken(typed: str) -> None:
    assert parse_phone(typed) == "+98" + typed[1:]


def test_a_mobile_abroad_is_taken_with_its_country_code() -> None:
    assert parse_phone("+49 151 23456789") == "+4915123456789"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "+",
        "123",
        "0912123456",
        "091212345678",
        "02188888888",
        "+982188888888",
        "0912CALLNOW",
        "09121234567;ext=5",
        "tel:+989121234567",
        "+1 555 000 0000",
        "+999123456789",
        "٪09121234567",
        "0" * 40,
        "++989121234567",
    ],
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_phone(typed)
