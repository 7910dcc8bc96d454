"""Statements: a month as PDF says what the ledger says, whatever people wrote into it."""

import datetime as dt
from functools import partial
from io import BytesIO
from uuid import UUID, uuid4

import msgspec
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.budgets import SetBudget
from domain.calendar import first_day, from_jalali, last_day, today_in_tehran
from domain.categories import AddCategory
from domain.money import MAX_AMOUNT_RIALS
from domain.store.accounts import Account, add_account, rename
from domain.store.database import Database
from domain.store.exports import Language
from domain.store.ledgers import utc_now
from domain.transactions import CorrectTransaction, RecordTransaction, VoidTransaction
from projections.monthly import Statement, take_statement
from projections.picture import entries
from tests.books import NOON, Book
from tests.projections.histories import CATEGORY_IDS, DATES
from tests.workers.test_exports import household, take
from workers.files import statement as writer
from workers.files.statement import write_statement
from workers.files.words import MOST_CHARACTERS, Speech, boxed, shortened, showable, to_blame

AZAR = 140509
PERSIAN = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")
NASTY = [
    "\u202eمعکوس\u202c",
    "\u2067(isolate",
    "\u200fراست\u200eleft",
    "e\u0301" * 60,
    "ک" + "\u064e\u0651" * 50,
    "W" * 1000,
    "سلام " * 200,
    "﷽" * 40,
    "خرید iPhone 15 (128GB) از «فروشگاه» 50%",
    "👨‍👩‍👧‍👦🇮🇷 ناهار 🍞",
    "0\u093a 🍞\u064e a\u0e33\u200d",
    "漢字 ひらがな हिन्दी עברית",
    "#panic() $x$ *b* `c` \\ @d <e> // f",
    "\x01\x7f\ufffe\u2028line\r\nbreak",
    "𐎠𐎡 \U0010ffff \ue000",
    "",
]


def pages(content: bytes) -> list[str]:
    """What a reader copies from each page, as Chrome does."""
    document = pypdfium2.PdfDocument(content)
    texts = [page.get_textpage().get_text_range() for page in document]
    return [text.replace("\r\n", "\n").replace("\u200e", "") for text in texts]


def statement_of(book: Book, month: int = AZAR) -> Statement:
    """A month of a ledger, taken at noon."""
    return book.database.read(lambda c: take_statement(c, book.ledger_id, month, NOON))


def written(book: Book, statement: Statement, language: Language = "fa") -> bytes:
    """The file of a statement."""
    file = BytesIO()
    write_statement(statement, entries(book.database, statement.picture), file, language)
    return file.getvalue()


def spent(
    description: str = "", amount_rials: int = 5, day: dt.date = DATES[7]
) -> RecordTransaction:
    """An expense of Azar 1405."""
    return RecordTransaction(
        category_id=CATEGORY_IDS[1], amount_rials=amount_rials, date=day, description=description
    )


def shopper(database: Database, name: str = "خوراک") -> Book:
    """A ledger with one category for expenses."""
    book = Book(database)
    book.record(AddCategory(id=CATEGORY_IDS[1], name=name, kind="expense"))
    return book


def test_a_month_adds_up(database: Database) -> None:
    book = household(database)
    for month, opening, closing in ((140501, 0, 500), (140508, 500, 420), (AZAR, 420, 300)):
        statement = statement_of(book, month)
        assert (statement.opening_rials, statement.closing_rials) == (opening, closing)
    assert statement_of(book).closing_rials == book.head().totals.balance
    assert statement_of(book).opening_rials == book.state().balance_up_to(last_day(140508))


def test_it_says_in_persian_what_the_month_came_to(database: Database) -> None:
    book = household(database)
    first, second = pages(take(book, "pdf", first_day(AZAR), last_day(AZAR)))
    head = book.head()
    made_on = Speech("fa").day(today_in_tehran(utc_now()))
    for shown in ("آذر ۱۴۰۵", made_on, f"{head.version}".translate(PERSIAN)):
        assert shown in first
    for rials, toman in (
        ("۱۵۰", "۱۵"),
        ("−۳۰", "−۳"),
        ("−۱۵۰", "−۱۵"),
        ("۴۲۰", "۴۲"),
        ("۳۰۰", "۳۰"),
    ):
        assert f"{rials} ریال\n{toman} تومان" in first
    assert "صفحٔه ۱ از ۲" in first
    assert "صفحٔه ۲ از ۲" in second
    rows = [line for line in second.splitlines() if line.startswith("۱۴۰۵/۰۹/")]
    assert [(row.split()[0], row.split()[-1]) for row in rows] == [
        ("۱۴۰۵/۰۹/۰۱", "−۶۰"),
        ("۱۴۰۵/۰۹/۰۱", "−۹۰"),
        ("۱۴۰۵/۰۹/۰۲", "+۳۰"),
    ]


def test_it_says_in_english_what_the_month_came_to(database: Database) -> None:
    book = household(database)
    first, second = pages(take(book, "pdf", first_day(AZAR), last_day(AZAR), language="en"))
    assert "Statement of Azar 1405" in first
    assert "Opening balance\n420 Rials\n42 Toman" in first
    assert "Closing balance\n300 Rials\n30 Toman" in first
    assert f"Seal {book.head().digest.hex()[:16]}" in first
    assert "Page 2 of 2" in second


def test_the_change_is_against_the_month_before(database: Database) -> None:
    book = shopper(database)
    book.record(spent(amount_rials=100, day=DATES[6]))
    book.record(spent(amount_rials=125))
    [first, _] = pages(written(book, statement_of(book), "en"))
    assert "Expense +25% against Aban" in first


def test_it_is_the_same_file_to_the_byte(database: Database) -> None:
    book = household(database)
    statement = statement_of(book)
    assert written(book, statement) == written(book, statement_of(book))
    assert written(book, statement) != written(book, statement, "en")


def test_it_tells_how_the_ledger_stood(database: Database) -> None:
    book = household(database)
    statement = statement_of(book)
    before = written(book, statement)
    [entry] = [t for t in book.state().transactions.values() if t.amount_rials == 90]
    book.record(CorrectTransaction(transaction_id=entry.id, amount_rials=91, date=DATES[9]))
    book.record(spent("دیرتر"))
    assert written(book, statement) == before


def test_what_was_voided_is_left_out(database: Database) -> None:
    book = shopper(database)
    book.record(msgspec.structs.replace(spent("نان", 1234), id=UUID(int=9)))
    book.record(VoidTransaction(transaction_id=UUID(int=9)))
    assert "۱٬۲۳۴" not in "".join(pages(written(book, statement_of(book))))


@pytest.mark.parametrize("language", ["fa", "en"])
def test_an_empty_month_is_no_error(database: Database, language: Language) -> None:
    content = written(Book(database), statement_of(Book(database)), language)
    assert len(pages(content)) == 2
    assert b"pdfuaid" in content


def test_the_first_month_of_all_has_none_before(database: Database) -> None:
    book = household(database)
    assert statement_of(book, 130001).report.previous is None
    assert len(pages(written(book, statement_of(book, 130001)))) == 2


def test_a_name_is_told_and_a_phone_is_not(database: Database) -> None:
    book = household(database)
    owner = Account(uuid4(), "+989121112233", "person", book.ledger_id, NOON)
    database.write(lambda c: add_account(c, owner))
    assert statement_of(book).person == ""
    database.write(lambda c: rename(c, owner.id, "کاربر", None))
    text = "".join(pages(written(book, statement_of(book))))
    assert "کاربر" in text
    assert "1112233" not in text
    assert "۱۱۱۲۲۳۳" not in text
    database.write(lambda c: rename(c, owner.id, "کاربر", "نمونه"))
    assert statement_of(book).person == "کاربر نمونه"


def test_budgets_that_touch_the_month_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.budgets.MAX_LIMIT", 2)
    book = shopper(database)
    set_budget = partial(SetBudget, category_id=CATEGORY_IDS[1], max_amount_rials=1000)
    days = dt.timedelta(days=1)
    start, end = first_day(AZAR), last_day(AZAR)
    touching = [(start - days, start), (start, end), (end, end + days), (start - days, end + days)]
    for period in [(start - 2 * days, start - days), *touching, (end + days, end + 2 * days)]:
        book.record(set_budget(start=period[0], end=period[1]))
    book.record(spent(amount_rials=900))
    statement = statement_of(book)
    assert [(one.budget.start, one.budget.end) for one in statement.budgets] == touching
    text = "".join(pages(written(book, statement, "en")))
    assert text.count("90%") == 3
    assert "Near the limit 90%" in text
    assert "Ended within bounds 90%" in text
    assert "Not started 0%" in text


def test_a_budget_that_repeats_is_told_by_its_periods(database: Database) -> None:
    book = shopper(database)
    start, end = from_jalali(1405, 7, 15), from_jalali(1405, 8, 14)
    command = SetBudget(category_id=CATEGORY_IDS[1], max_amount_rials=1000, start=start, end=end)
    book.record(msgspec.structs.replace(command, repeat="month", rollover="both"))
    book.record(spent(amount_rials=300, day=start))
    book.record(spent(amount_rials=1700, day=end + dt.timedelta(days=1)))
    told = "".join(pages(written(book, statement_of(book), "en")))
    assert "1405/08/15 – 1405/09/14" in told
    assert "up to 1,700 1,700" in told
    assert "1405/09/15 – 1405/10/14" in told
    assert "up to 1,000 0" in told
    book.record(spent(amount_rials=2500, day=end + dt.timedelta(days=1)))
    told = "".join(pages(written(book, statement_of(book), "en")))
    assert "up to −1,500 0" in told


def test_a_long_list_is_cut_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_ENTRIES", 3)
    book = shopper(database)
    for day in (9, 8, 7, 8, 9):
        book.record(spent(amount_rials=1000 + day, day=DATES[day]))
    text = "".join(pages(written(book, statement_of(book), "en")))
    assert [text.count(f"−1,00{day}") for day in (7, 8, 9)] == [1, 2, 0]
    assert "2 more transactions of this month are left out" in text
    assert "5,041 Rials" in text


def test_long_lists_of_categories_and_budgets_are_cut_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_LINES", 2)
    book = shopper(database)
    start, end = first_day(AZAR), last_day(AZAR)
    for number in range(4):
        category_id = UUID(int=0xC0 + number)
        book.record(AddCategory(id=category_id, name=f"Kind {number}", kind="expense"))
        command = spent(amount_rials=100 + number)
        book.record(msgspec.structs.replace(command, category_id=category_id))
        book.record(
            SetBudget(category_id=category_id, max_amount_rials=9000 + number, start=start, end=end)
        )
    text = "".join(pages(written(book, statement_of(book), "en")))
    assert text.count("2 more lines are left out") == 2
    assert sum(f"up to 9,00{number}" in text for number in range(4)) == 2
    assert "406 Rials" in text


def test_a_header_comes_again_on_every_page(database: Database) -> None:
    book = shopper(database)
    for number in range(120):
        book.record(spent(f"نان {number}"))
    first, *rest = pages(written(book, statement_of(book)))
    assert len(rest) > 2
    assert all("تاریخ دسته شرح" in page for page in rest)
    for number, page in enumerate([first, *rest], start=1):
        assert f"صفحٔه {number} از {len(rest) + 1}".translate(PERSIAN) in page


def test_fonts_are_embedded_and_it_is_made_for_everyone(database: Database) -> None:
    content = written(household(database), statement_of(household(database)))
    document = pypdfium2.PdfDocument(content)
    fonts = [one.get_font() for page in document for one in page.get_objects(filter=[1])]
    assert {font.get_base_name().partition("+")[2] for font in fonts} == {
        "Vazirmatn-Regular",
        "Vazirmatn-Bold",
    }
    assert all(font.is_embedded for font in fonts)
    assert "آذر ۱۴۰۵" in document.get_metadata_dict()["Title"]
    assert document.is_tagged()
    # PDF/UA-1: tagged, titled, with its language, and words for every picture; else not written.
    assert b"pdfuaid" in content


def test_a_letter_without_a_shape_is_a_box(database: Database) -> None:
    book = shopper(database, "نان 🍞")
    book.record(spent("👨\u200d👩\u200d👧🇮🇷 می‌روم 漢字", 1234))
    content = written(book, statement_of(book), "en")
    text = "".join(pages(content))
    assert "نان □" in text
    assert text.count("□") == 5
    assert "−1,234" in text
    assert b"pdfuaid" in content


@pytest.mark.parametrize(
    ("text", "shapeless", "shown"),
    [
        ("نان‌🍞🍞 و 🍞", "🍞", "نان□ و □"),
        ("می‌روم ⚡\ufe0f", "⚡\ufe0f", "می‌روم □"),
        ("a]b^c-", "]^-", "a□b□c□"),
        ("🍞\u064bها مثلاً", "🍞", "□ها مثلاً"),
        ("0\u093a", "\u093a", "0"),
        ("نان", "", "نان"),
    ],
)
def test_letters_without_a_shape_are_told_apart(text: str, shapeless: str, shown: str) -> None:
    assert boxed(text, set(shapeless)) == shown


def test_marks_are_to_blame_before_letters_and_these_before_digits() -> None:
    assert to_blame(["0\u093a", "漢", "0"]) == {"\u093a"}
    assert to_blame(["漢字", "0"]) == {"漢", "字"}
    assert to_blame(["0"]) == {"0"}
    assert to_blame([]) == set()


def test_one_letter_without_a_shape_leaves_the_others(database: Database) -> None:
    book = shopper(database)
    for description in ("0\u093a", "50 تومان مثلاً برای W" + "W" * 40):
        book.record(spent(description))
    text = "".join(pages(written(book, statement_of(book))))
    assert "50" in text
    assert "□" not in text
    assert "W" * 24 in text


texts = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), max_size=3).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
).map(lambda text: text[:1000])


@given(descriptions=st.lists(texts, min_size=1, max_size=8), name=texts, english=st.booleans())
@settings(max_examples=40)
def test_no_text_gets_in_the_way(
    database: Database, descriptions: list[str], name: str, english: bool
) -> None:
    book = shopper(database, name[:100])
    for description in descriptions:
        book.record(spent(description, MAX_AMOUNT_RIALS))
    text = "".join(pages(written(book, statement_of(book), "en" if english else "fa")))
    amount = f"−{MAX_AMOUNT_RIALS:,}"
    amount = amount if english else amount.translate(PERSIAN)
    assert text.count(amount) >= len(descriptions)


@given(text=st.text() | texts)
def test_text_is_short_and_may_break(text: str) -> None:
    shown = shortened(showable(text))
    assert len(shown) <= MOST_CHARACTERS
    assert "\n" not in shown
    assert shown.endswith("…") or shown == showable(text)


@pytest.mark.parametrize(
    ("rials", "shown", "toman"),
    [
        (0, "۰", "۰ تومان"),
        (-1234567, "\u200e−۱٬۲۳۴٬۵۶۷", "\u200e−۱۲۳٬۴۵۶٫۷ تومان"),
        (9007199254740991, "۹٬۰۰۷٬۱۹۹٬۲۵۴٬۷۴۰٬۹۹۱", "۹۰۰٬۷۱۹٬۹۲۵٬۴۷۴٬۰۹۹٫۱ تومان"),
    ],
)
def test_amounts_are_exact(rials: int, shown: str, toman: str) -> None:
    speech = Speech("fa")
    assert (speech.number(rials), speech.toman(rials)) == (shown, toman)


@pytest.mark.parametrize(
    ("rials", "shown"),
    [(999, "999"), (1000, "1 K"), (12_550_000, "12.6 M"), (2 * 10**9, "2 B"), (10**15, "1,000 T")],
)
def test_axes_are_told_in_short(rials: int, shown: str) -> None:
    assert Speech("en").short(rials) == shown


def test_text_runs_as_it_begins() -> None:
    said = {text: Speech("fa").theirs(text)["against"] for text in ("نان A", "A نان", "12", "")}
    assert list(said.values()) == [False, True, False, False]
    assert Speech("en").theirs("(نان)")["against"]
