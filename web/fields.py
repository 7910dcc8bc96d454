"""Fields: every kind of value a request can hold, checked strictly, refused by code."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import marshmallow as ma

from domain.calendar import (
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    format_jalali,
    month_number,
    parse_jalali,
)
from domain.money import MAX_AMOUNT_RIALS, RIALS_PER_TOMAN
from domain.text import ascii_digits, is_blank
from web.errors import Flaw, flaw

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_GREGORIAN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What the documentation promises to take. Reading is more lenient: `/`, Persian digits.
_JALALI_PATTERN: Final = (
    r"^(1[34][0-9]{2}|1500)-"
    r"(0[1-6]-(0[1-9]|[12][0-9]|3[01])|(0[7-9]|1[0-2])-(0[1-9]|[12][0-9]|30))$"
)
_MONTH_PATTERN: Final = r"^(1[34][0-9]{2}|1500)-(0[1-9]|1[0-2])$"
_MONTH: Final = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})")
_QUERY_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")


MAX_HEADER_LENGTH: Final = 200
MAX_POSITION: Final = 100


class Schema(ma.Schema):
    """The shape of a body or a query string; what it does not name is refused."""

    error_messages = cast(
        dict[str, str], {"unknown": Flaw("unknown_field"), "type": Flaw("not_an_object")}
    )

    def load(self, data: Any, **options: Any) -> Any:
        """The checked values, as marshmallow gives them; ValidationError with all that is wrong."""
        is_plain = isinstance(data, dict) and not any(options.values())
        quickly = self._load_quickly(data) if is_plain and self._plan is not None else None
        return super().load(data, **options) if quickly is None else quickly

    def _load_quickly(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """The same where nothing is wrong, in half the time; None where anything is."""
        assert self._plan is not None
        loaded: dict[str, Any] = {}
        unread = len(data)
        try:
            for name, attribute, field in self._plan.fields:
                if name in data:
                    value = data[name]
                    unread -= 1
                    if value is not None:
                        value = field._deserialize(value, name, data)
                    elif not field.allow_none:
                        return None
                    loaded[attribute] = value
                elif field.required:
                    return None
                elif field.load_default is not ma.missing:
                    loaded[attribute] = field.load_default
            if unread:
                return None
            for finish in self._plan.finishes:
                loaded = finish(loaded)
        except ma.ValidationError:
            return None
        return loaded

    @cached_property
    def _plan(self) -> "_Plan | None":
        """What there is to do, known once for all; None when it takes marshmallow to do it."""
        hooks = {kind: found for kind, found in self._hooks.items() if found}
        finishes = hooks.pop("post_load", [])
        is_plain = not (hooks or self.many or self.partial or self.unknown != ma.RAISE) and all(
            not for_many and not options["pass_original"] for _, for_many, options in finishes
        )
        fields = [
            (field.data_key or name, field.attribute or name, field)
            for name, field in self.load_fields.items()
        ]
        if not is_plain or any(
            field.validators or field.pre_load or field.post_load or callable(field.load_default)
            for _, _, field in fields
        ):
            return None
        return _Plan(fields, [getattr(self, name) for name, _, _ in finishes])


class _Plan(NamedTuple):
    """Fields by the names they have outside and inside, and what is done with all of them."""

    fields: list[tuple[str, str, "ma.fields.Field[Any]"]]
    finishes: list[Callable[[dict[str, Any]], dict[str, Any]]]


class _Coded(ma.fields.Field[Any]):
    """A field whose errors are flaws instead of sentences."""

    default_error_messages = cast(
        dict[str, Any],
        {
            "required": Flaw("required"),
            "null": Flaw("null_not_allowed"),
            "type": Flaw("not_an_object"),
        },
    )


class Integer(_Coded, ma.fields.Integer):
    """A JSON integer from `minimum` to `maximum`: not `1.0`, not `"1"`, not `true`."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        shown = {"minimum": minimum, "maximum": maximum, **options.pop("metadata", {})}
        super().__init__(metadata=shown, **options)
        self.minimum = minimum
        self.maximum = maximum

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        if type(value) is not int:
            raise flaw("not_an_integer")
        if not self.minimum <= value <= self.maximum:
            raise flaw("out_of_range", minimum=self.minimum, maximum=self.maximum)
        return value


class Amount(Integer):
    """Money in whole Rials, 1 to 10^15; `minimum=0` where nothing is an amount too."""

    def __init__(self, minimum: int = 1, **options: Any) -> None:
        super().__init__(minimum, MAX_AMOUNT_RIALS, **options)


class QueryInteger(Integer):
    """An integer in a query string, in ASCII digits."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not _QUERY_INTEGER.fullmatch(value):
            raise flaw("not_an_integer")
        return super()._deserialize(int(value), *args, **kwargs)


class QueryAmount(QueryInteger):
    """An amount of Rials in a query string, 0 to 10^15."""

    def __init__(self, **options: Any) -> None:
        super().__init__(0, MAX_AMOUNT_RIALS, **options)


class Boolean(_Coded, ma.fields.Boolean):
    """A JSON `true` or `false`, and nothing that resembles one."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise flaw("not_a_boolean")
        return value


class QueryBoolean(Boolean):
    """`true` or `false` in a query string."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        known = {"true": True, "false": False}
        return super()._deserialize(known.get(value, value), *args, **kwargs)


class _Text(_Coded, ma.fields.String):
    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise flaw("not_a_string")
        return value


class Text(_Text):
    """Text as typed, after Unicode NFC, `minimum` to `maximum` characters.

    With a minimum, text that shows nothing is refused as `blank`.
    """

    def __init__(self, maximum: int, minimum: int = 0, **options: Any) -> None:
        shown: dict[str, Any] = {"minLength": minimum, "maxLength": maximum}
        shown |= {"pattern": r"\S"} if minimum else {}
        shown |= options.pop("metadata", {})
        super().__init__(metadata=shown, **options)
        self.minimum = minimum
        self.maximum = maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", super()._deserialize(value, *args, **kwargs))
        if self.minimum and is_blank(text):
            raise flaw("blank")
        if len(text) < self.minimum:
            raise flaw("too_short", minimum=self.minimum)
        if len(text) > self.maximum:
            raise flaw("too_long", maximum=self.maximum)
        return text


class Choice(_Text):
    """One of a few words."""

    def __init__(self, *choices: str, **options: Any) -> None:
        shown = {"enum": list(choices), **options.pop("metadata", {})}
        super().__init__(metadata=shown, **options)
        self.choices = choices

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if text not in self.choices:
            raise flaw("invalid_choice", choices=", ".join(self.choices))
        return text


class Colour(_Text):
    """A colour such as `#1E88E5`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"pattern": f"^{_COLOUR.pattern}$"}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if not _COLOUR.fullmatch(text):
            raise flaw("invalid_colour")
        return text


class Uuid(_Coded, ma.fields.UUID):
    """A UUID in its usual 36 characters."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> UUID:
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise flaw("invalid_uuid")
        return UUID(value)


class Column(_Coded, ma.fields.Raw):
    """A column of a file: its header, or its position from 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"type": ["string", "integer", "null"]}, **options)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | int:
        if isinstance(value, str) and 0 < len(value) <= MAX_HEADER_LENGTH:
            return value
        if type(value) is int and 1 <= value <= MAX_POSITION:
            return value
        raise flaw("invalid_column", maximum=MAX_POSITION)


class JalaliDate(_Text):
    """A day such as `1405-09-02`, as a `date`; years 1300 to 1500."""

    def __init__(self, **options: Any) -> None:
        shown = {"example": "1405-09-02", "pattern": _JALALI_PATTERN, **options.pop("metadata", {})}
        super().__init__(metadata=shown, **options)

    def _deserialize(  # type: ignore[override]
        self, value: Any, *args: Any, **kwargs: Any
    ) -> dt.date:
        text: str = super()._deserialize(value, *args, **kwargs)
        try:
            return parse_jalali(text)
        except ValueError as error:
            raise flaw("invalid_date") from error

    def _serialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else format_jalali(value)


class JalaliMonth(_Text):
    """A month such as `1405-08`, as the number 140508; years 1300 to 1500."""

    def __init__(self, **options: Any) -> None:
        shown = {"example": "1405-08", "pattern": _MONTH_PATTERN, **options.pop("metadata", {})}
        super().__init__(metadata=shown, **options)

    def _deserialize(  # type: ignore[override]
        self, value: Any, *args: Any, **kwargs: Any
    ) -> int:
        match = _MONTH.fullmatch(ascii_digits(super()._deserialize(value, *args, **kwargs)))
        if match is None:
            raise flaw("invalid_month")
        year, month = map(int, match.groups())
        if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12):
            raise flaw("invalid_month")
        return month_number(year, month)


class GregorianDate(_Coded, ma.fields.Date):
    """A day such as `2026-11-23`, in the Jalali years 1300 to 1500."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> dt.date:
        if not isinstance(value, str) or not _GREGORIAN.fullmatch(value):
            raise flaw("invalid_date")
        try:
            day = dt.date.fromisoformat(value)
        except ValueError as error:
            raise flaw("invalid_date") from error
        if not FIRST_DAY <= day <= LAST_DAY:
            raise flaw("invalid_date")
        return day


class ListOf(_Coded, ma.fields.List[Any]):
    """A JSON list of `minimum` to `maximum` items."""

    def __init__(self, inner: Any, maximum: int, minimum: int = 0, **options: Any) -> None:
        shown = {"minItems": minimum, "maxItems": maximum, **options.pop("metadata", {})}
        super().__init__(inner, metadata=shown, **options)
        self.minimum = minimum
        self.maximum = maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise flaw("not_a_list")
        if len(value) < self.minimum:
            raise flaw("too_few", minimum=self.minimum)
        if len(value) > self.maximum:
            raise flaw("too_many", maximum=self.maximum)
        return self._each(value, *args, **kwargs)

    def _each(self, value: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize(value, *args, **kwargs)


class Nested(_Coded, ma.fields.Nested):
    """A JSON object with a schema of its own."""


class MoneySchema(Schema):
    """A body with amounts: each comes out in Rials, as `<name>_rials`, without the unit."""

    unit = Choice("rial", "toman", load_default="rial")

    @ma.post_load
    def in_rials(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        """The data with every amount in Rials: `"unit": "toman"` is times ten."""
        factor = RIALS_PER_TOMAN if data.pop("unit") == "toman" else 1
        errors: dict[str, Any] = {}
        for name, field in self._amounts:
            if name in data:
                amount = data.pop(name)
                data[f"{name}_rials"] = None if amount is None else amount * factor
                if amount is not None and amount * factor > field.maximum:
                    limit = field.maximum // factor
                    errors[name] = Flaw("out_of_range", minimum=field.minimum, maximum=limit)
        if errors:
            raise ma.ValidationError(errors)
        return data

    @cached_property
    def _amounts(self) -> list[tuple[str, Amount]]:
        return [(name, field) for name, field in self.fields.items() if isinstance(field, Amount)]
