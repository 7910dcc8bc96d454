"""Text: what is typed differently and meant alike."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.text import ascii_digits, fold

# What Persian keyboards produce, and the combining marks that meet it.
PERSIAN = st.text(
    "\u200f\u2067\u00ad\ufe0f"
    "ابيىیكکهةۀەئؤأآ\u0653\u0654\u0655\u200c\u200d\u0640 \u00a0\t۰۹٠٩09aAİıßſΣςǅé\u0301\u0345\u0390"
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("علي", "علی"),
        ("موسى", "موسی"),
        ("كتاب", "کتاب"),
        ("می‌خواهم", "میخواهم"),
        ("سلامـــت", "سلامت"),
        ("نان\u200f و\u00adپنیر", "نان وپنیر"),
        ("\u202bنان\u202c", "\u2067نان\u2069"),
        ("❤\ufe0f", "❤"),
        ("۱۲۳۴۵۶۷۸۹۰", "1234567890"),
        ("١٢٣٤٥٦٧٨٩٠", "1234567890"),
        ("  دو   کلمه\t", "دو کلمه"),
        ("خانۀ", "خانه"),
        ("خانه\u0654", "خانه"),
        ("İSTANBUL", "i̇stanbul"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "CAF\u00c9"),
    ],
)
def test_spellings_of_one_word_fold_alike(typed: str, meant: str) -> None:
    assert fold(typed) == fold(meant)


@pytest.mark.parametrize(("one", "another"), [("نان", "نانی"), ("اب", "آب"), ("پول", "بول")])
def test_different_words_stay_different(one: str, another: str) -> None:
    assert fold(one) != fold(another)


@given(st.one_of(PERSIAN, st.text()))
@example("ە\u200c\u0654")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text())
def test_folding_never_fails_and_leaves_no_space_at_the_edges(one: str, another: str) -> None:
    folded = fold(f"{one} {another}")
    assert folded == folded.strip()
    assert "  " not in folded


@given(st.integers(0, 10**12))
def test_digits_are_read_in_all_three_scripts(number: int) -> None:
    persian = str(number).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    arabic = str(number).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert ascii_digits(persian) == ascii_digits(arabic) == str(number)
