"""Days in requests: Jalali by default, Gregorian where a client prefers it."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from web.errors import Flaw, flaw


def one_day(data: dict[str, Any], name: str, *, is_required: bool = False) -> None:
    """Make `name` and `name_gregorian` one day under `name`, where either was said.

    Raises ValidationError when they are different days, or when a required one is missing.
    """
    jalali, gregorian = data.pop(name, None), data.pop(f"{name}_gregorian", None)
    if jalali is not None and gregorian is not None and jalali != gregorian:
        raise flaw("dates_disagree", f"{name}_gregorian")
    day = jalali if jalali is not None else gregorian
    if day is None and is_required:
        raise flaw("required", name)
    if day is not None:
        data[name] = day


def one_day_or_none(data: dict[str, Any], name: str) -> None:
    """The same of a day that may be taken away: where null was said, it is None."""
    is_said = name in data or f"{name}_gregorian" in data
    one_day(data, name)
    if is_said:
        data.setdefault(name, None)


def refuse_reversed(data: Mapping[str, Any], start: str, end: str, field: str) -> None:
    """Raise ValidationError on `field` when both ends are given and the start is later."""
    first, last = data.get(start), data.get(end)
    if first is not None and last is not None and first > last:
        raise ma.ValidationError({field: [Flaw("range_reversed")]})
