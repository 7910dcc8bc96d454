"""Masking: no phone, token or secret gets through, however it is written or wrapped."""

from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from domain.store.masking import HIDDEN, is_secret, masked, masked_entry, masked_text

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
GAPS = ("", " ", "-", "\u200c", "\u00a0", " (", ") ")

subscribers = st.from_regex(r"9[0-9]{9}", fullmatch=True)
prefixes = st.sampled_from(["", "0", "98", "+98", "0098", "+98 ", "0098-", "+980"])
scripts = st.sampled_from([{}, PERSIAN, ARABIC])
around = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=20)


@st.composite
def phones(draw: st.DrawFn) -> tuple[str, str]:
    """An Iranian number as somebody may type it, and the digits in its middle."""
    subscriber = draw(subscribers)
    spaced = "".join(
        digit + (draw(st.sampled_from(GAPS)) if place < 9 else "")
        for place, digit in enumerate(subscriber)
    )
    return (draw(prefixes) + spaced).translate(draw(scripts)), subscriber[3:6]


def digits_of(text: str) -> str:
    """Its digits, in ASCII."""
    return "".join(str(int(letter)) for letter in text if letter.isdecimal())


@given(phones(), around, around)
def test_an_iranian_number_loses_its_middle(
    phone: tuple[str, str], before: str, after: str
) -> None:
    typed, _middle = phone
    shown = masked_text(f"{before}{typed}{after}")
    assert "***" in shown
    assert len(digits_of(shown)) == len(digits_of(typed)) - 3


@given(phones(), st.sampled_from(["list", "dict", "tuple", "nested", "object", "error"]))
def test_it_is_found_inside_whatever_holds_it(phone: tuple[str, str], how: str) -> None:
    text = phone[0]
    value = {
        "list": [text],
        "dict": {"note": text},
        "tuple": (text,),
        "nested": {"a": [{"b": (text,)}]},
        "object": UnprintableHolder(text),
        "error": ValueError(text),
    }[how]
    assert "***" in str(masked(value))
    assert text not in str(masked(value))


class UnprintableHolder:
    """An object that shows what it holds."""

    def __init__(self, held: str) -> None:
        self._held = held

    def __str__(self) -> str:
        return f"<holds {self._held}>"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+989121234567", "+98912***4567"),
        ("09121234567", "0912***4567"),
        ("۰۹۱۲ ۱۲۳ ۴۵۶۷", "۰۹۱۲ ***۴۵۶۷"),
        ("+442071838750", "+44207***8750"),
        ("00442071838750", "0044207***8750"),
        ("receptor=%2B989121234567&x", "receptor=%2B98912***4567&x"),
    ],
)
def test_numbers_stay_recognisable(phone: str, shown: str) -> None:
    assert masked_text(phone) == shown


def test_a_number_as_an_integer_is_masked_too() -> None:
    assert masked(989121234567) == "98912***4567"
    assert masked({"amount": 1_850_000, "took": 1.25}) == {"amount": 1_850_000, "took": 1.25}


@given(st.uuids())
def test_ids_stay_whole(value: UUID) -> None:
    assert masked(value) == value
    assert masked(str(value)) == str(value)


@pytest.mark.parametrize(
    "text",
    ["/v1/transactions/<uuid:transaction_id>", "1405-09-02", "2026-11-23T16:38:28Z", "10.0.0.98"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked_text(text) == text


def test_tokens_are_hidden_wherever_they_stand() -> None:
    token = jwt.encode({"sub": str(uuid4())}, "k" * 32, "HS256")
    sealed = Fernet(Fernet.generate_key()).encrypt(b"12").decode()
    for text in (token, token[:-5], f"Bearer {token}", f"bad: {token}!", sealed, "Basic dTpw"):
        shown = masked_text(text)
        assert HIDDEN in shown
        assert token[:-5] not in shown
        assert sealed not in shown
    assert masked_text("bearer 0123-456_78") == HIDDEN
    assert masked_text("postgresql://u:hush@db/x") == f"postgresql://{HIDDEN}@db/x"
    assert "123456" not in masked_text("{'phone': 1, 'code': '123456'}")


@pytest.mark.parametrize(
    "name",
    ["code", "Authorization", "Idempotency-Key", "refresh_token", "JWT_SECRET_KEY", "otp_pepper"],
)
def test_a_secret_name_hides_what_stands_beside_it(name: str) -> None:
    assert is_secret(name)
    assert masked_entry(name, "12") == HIDDEN
    assert masked({"deep": [{name: {"even": "this"}}]}) == {"deep": [{name: HIDDEN}]}


@pytest.mark.parametrize("name", ["status", "problem", "route", "outcome", "request_id", "keys"])
def test_other_names_hide_nothing(name: str) -> None:
    assert masked_entry(name, "12") == "12"
