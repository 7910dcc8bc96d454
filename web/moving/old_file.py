"""The old file: a Django API's SQLite database, whatever its columns are called exactly."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from web.moving.texts import decoded

Record = dict[str, Any]

PEOPLE: Final = "accounts_appuser"
CATEGORIES: Final = "api_category"
TRANSACTIONS: Final = "api_transaction"
BUDGETS: Final = "api_budgeting"

_USER: Final = ("user_id", "owner_id", "appuser_id", "app_user_id", "account_id")
_NAMES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    PEOPLE: {
        "id": ("id",),
        "phone": ("phone_number", "mobile", "phone", "mobile_number", "username"),
        "first_name": ("first_name",),
        "last_name": ("last_name",),
    },
    CATEGORIES: {
        "id": ("id",),
        "user": _USER,
        "name": ("name", "title"),
        "kind": ("type", "category_type", "kind"),
        "color": ("color", "colour"),
        "default_amount": ("default_amount", "default"),
        "is_active": ("is_active", "active"),
    },
    TRANSACTIONS: {
        "id": ("id",),
        "category": ("category_id",),
        "amount": ("amount",),
        "date": ("date", "transaction_date", "created_at", "created", "timestamp"),
        "description": ("description", "note", "notes", "title"),
    },
    BUDGETS: {
        "id": ("id",),
        "category": ("category_id",),
        "min_amount": ("min_amount", "minimum", "minimum_amount", "min"),
        "max_amount": ("max_amount", "maximum", "maximum_amount", "max"),
        "start": ("start_date", "start", "from_date"),
        "end": ("end_date", "end", "to_date"),
    },
}
_OPTIONAL: Final = frozenset(
    {"first_name", "last_name", "color", "default_amount", "is_active", "description"}
)


class NotTheOldFile(Exception):
    """The file is not such a database; the message names the table or the column it lacks."""


class OldFile:
    """Reads people, and what belongs to each, without changing the file."""

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True)
        self._connection.row_factory = sqlite3.Row
        self._connection.text_factory = decoded
        try:
            self._columns = {table: self._find_columns(table) for table in _NAMES}
        except sqlite3.DatabaseError as error:
            raise NotTheOldFile(f"{path} cannot be read as SQLite: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def column(self, table: str, name: str) -> str:
        """What the file calls something."""
        return self._columns[table][name]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        [found] = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found)

    def people(self) -> Iterator[Record]:
        """Everybody, oldest first."""
        return self._read(PEOPLE, "ORDER BY t.id", {})

    def categories(self, person_id: object) -> Iterator[Record]:
        """A person's categories, oldest first."""
        where = f"WHERE t.{self._columns[CATEGORIES]['user']} = :person ORDER BY t.id"
        return self._read(CATEGORIES, where, {"person": person_id})

    def transactions(self, person_id: object) -> Iterator[Record]:
        """A person's transactions: what was put aside before what was taken back."""
        amount, date = (self._columns[TRANSACTIONS][name] for name in ("amount", "date"))
        order = f"ORDER BY t.{amount} < 0, t.{date}, t.id"
        return self._read(
            TRANSACTIONS, f"{self._of_person(TRANSACTIONS)} {order}", {"person": person_id}
        )

    def budgets(self, person_id: object) -> Iterator[Record]:
        """A person's budgets, oldest first."""
        where = f"{self._of_person(BUDGETS)} ORDER BY t.id"
        return self._read(BUDGETS, where, {"person": person_id})

    def kinds(self) -> set[object]:
        """Every value that says a category's kind."""
        column = self._columns[CATEGORIES]["kind"]
        return {
            row[0]
            for row in self._connection.execute(f"SELECT DISTINCT {column} FROM api_category")
        }

    def _of_person(self, table: str) -> str:
        # Through the category, whose owner decides: it is where the row goes.
        category, owner = self._columns[table]["category"], self._columns[CATEGORIES]["user"]
        return f"JOIN {CATEGORIES} c ON c.id = t.{category} WHERE c.{owner} = :person"

    def _read(self, table: str, rest: str, params: Mapping[str, object]) -> Iterator[Record]:
        columns = self._columns[table]
        wanted = ", ".join(f't."{column}" AS "{name}"' for name, column in columns.items())
        for row in self._connection.execute(f"SELECT {wanted} FROM {table} t {rest}", params):
            yield {**dict.fromkeys(_OPTIONAL), **dict(row)}

    def _find_columns(self, table: str) -> dict[str, str]:
        there = [row["name"] for row in self._connection.execute(f"PRAGMA table_info({table})")]
        if not there:
            raise NotTheOldFile(f"there is no table {table}")
        found = {}
        for name, candidates in _NAMES[table].items():
            column = next((column for column in candidates if column in there), None)
            if column is not None:
                found[name] = column
            elif name not in _OPTIONAL:
                known = ", ".join(candidates)
                raise NotTheOldFile(f"{table} has no column for {name} (one of: {known})")
        return found
