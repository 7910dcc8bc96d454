"""What a person says about the file they bring."""

from typing import Final, Literal, get_args

import msgspec

from domain.money import Kind

Field = Literal["date", "amount", "category", "kind", "description", "direction", "id", "voided"]
Calendar = Literal["jalali", "gregorian"]
Unit = Literal["rial", "toman"]
MissingCategories = Literal["create", "refuse"]

FIELDS: Final[tuple[Field, ...]] = get_args(Field)
REQUIRED_FIELDS: Final[tuple[Field, ...]] = ("date", "amount", "category")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to read a file, and what to do with it.

    A column is a header or a position from 1; None leaves it out, and one that is not named
    is looked for among the headers. Without a calendar the year says which it is; without a
    unit, the amount's header does, and Rials are meant otherwise. `kind` is a new category's
    where the row does not say.
    """

    columns: dict[Field, str | int | None] = msgspec.field(default_factory=dict)
    has_header: bool = True
    calendar: Calendar | None = None
    unit: Unit | None = None
    missing_categories: MissingCategories = "refuse"
    kind: Kind | None = None
    dry_run: bool = False
