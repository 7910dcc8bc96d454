"""`python -m tests.statement_picture FILE`: draw the first page of the demo's statement."""

import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pypdfium2

from domain.store.accounts import Account, add_account, rename
from domain.store.database import Database, open_database
from domain.store.exports import Language
from domain.store.migrate import upgrade
from projections.monthly import take_statement
from projections.picture import entries
from tests.books import NOON, Book
from web.demo.telling import months_up_to_today, tell
from workers.files.statement import write_statement

MONTH = 140508
DOTS_PER_POINT = 1.25


def main() -> None:
    """Tell the demo's story to a ledger, and draw its month of Aban 1405."""
    with TemporaryDirectory(prefix="dakhl-picture-") as home:
        url = f"sqlite:///{home}/ledger.sqlite3"
        upgrade(url)
        database = open_database(url)
        draw(statement_of(told(database), MONTH, "fa"), Path(sys.argv[1]))
        database.close()


def told(database: Database) -> Book:
    """A ledger with two years of the demo's household, up to the second of Azar 1405."""
    book = Book(database)
    owner = Account(uuid4(), "+989120000000", "person", book.ledger_id, NOON)
    database.write(lambda c: add_account(c, owner))
    database.write(lambda c: rename(c, owner.id, "کاربر", "نمونه"))
    for _ in tell(book.store, owner, months_up_to_today(book.store)):
        pass
    return book


def statement_of(book: Book, month: int, language: Language) -> bytes:
    """The file that an export of a month would be."""
    statement = book.database.read(lambda c: take_statement(c, book.ledger_id, month, NOON))
    file = BytesIO()
    write_statement(statement, entries(book.database, statement.picture), file, language)
    return file.getvalue()


def draw(content: bytes, path: Path, page: int = 0) -> None:
    """Save a page as a picture."""
    image = pypdfium2.PdfDocument(content)[page].render(scale=DOTS_PER_POINT).to_pil()
    # Few colours: a third of the size.
    image.quantize(200).save(path, optimize=True)


if __name__ == "__main__":
    main()
