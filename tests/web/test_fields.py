"""Schemas: what they check quickly is what marshmallow would have said."""

from typing import Any

import marshmallow as ma
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.balance import SaveSchema
from web.budgets import NewBudgetSchema
from web.categories import CategoryChangeSchema, NewCategorySchema
from web.errors import field_errors
from web.fields import Schema
from web.reports import MonthQuery, TrendQuery
from web.transactions import CorrectionSchema, NewTransactionSchema, TransactionQuery

BODIES = (NewTransactionSchema, CorrectionSchema, NewCategorySchema, CategoryChangeSchema)
SCHEMAS = (*BODIES, NewBudgetSchema, SaveSchema, MonthQuery, TrendQuery, TransactionQuery)

VALUES: dict[str, list[Any]] = {
    "amount": [1, 10**15, 10**15 + 1, 0, 1.0, True, "1"],
    "default_amount": [5, 10**15, None],
    "min_amount": [5, "5", "0", None],
    "max_amount": [3, "3", "x"],
    "unit": ["rial", "toman", "dollar"],
    "date": ["1405-09-02", "1405/9/2", "1405-13-01", 5],
    "date_gregorian": ["2026-11-23", "2026-11-24", "2026-1-1"],
    "start": ["1405-09-01"],
    "end": ["1405-09-30", "1405-08-30"],
    "from": ["1405-09-01"],
    "to": ["1405-09-30", "1405-08-30"],
    "description": ["نان", "", "x" * 1001, 5],
    "direction": ["deposit", "sideways"],
    "category_id": ["00000000-0000-4000-8000-000000000001", "x"],
    "id": ["00000000-0000-4000-8000-000000000002", None],
    "name": ["نان", " "],
    "kind": ["income", "debt"],
    "color": ["#1E88E5", "red"],
    "is_active": [True, "true"],
    "confirm": [True, False],
    "keep": [0, -1],
    "year": ["1405", "1200", 1405],
    "month": ["9", "13"],
    "months": ["12", "0"],
    "limit": ["50", "0"],
    "sort": ["date", "colour"],
    "voided": ["true", "yes"],
    "q": ["نان", ""],
    "surprise": [1],
}


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Some of the names there are, with good and bad values, and null."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=8))
    return {name: draw(st.sampled_from([*VALUES[name], None])) for name in sorted(names)}


def outcome(load: Any, data: object) -> object:
    """The values, or every error with its path."""
    try:
        return load(data)
    except ma.ValidationError as error:
        return sorted(
            (e.field, e.flaw.code, str(e.flaw.details)) for e in field_errors(error.messages)
        )


def test_what_ends_with_marshmallow_s_validators_is_left_to_it() -> None:
    assert SaveSchema()._plan is None
    assert all(schema()._plan is not None for schema in BODIES)


@pytest.mark.parametrize("schema", SCHEMAS)
@given(data=bodies())
def test_the_quick_way_says_what_marshmallow_says(schema: type[Schema], data: Any) -> None:
    made = schema()
    known = {name: data[name] for name in data if name in made.fields}
    for body in (data, known):
        before = dict(body)
        slow = outcome(lambda given, made=made: ma.Schema.load(made, given), body)
        assert outcome(made.load, body) == slow
        assert body == before
