"""Strict input: one parser for every body and every query string."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, Final, NoReturn

import marshmallow as ma
from flask import Request
from flask.globals import app_ctx, request_ctx
from werkzeug.datastructures import MultiDict

from web.errors import FieldError, Flaw, Problem, field_errors, flawed
from web.fields import Schema

MAX_BODY_BYTES: Final = 1024 * 1024
READ_BYTES: Final = MAX_BODY_BYTES + 1
"""Flask's own limit. It cuts a body without a length short; one byte more shows that it did."""

MAX_DEPTH: Final = 20
MAX_INTEGER_DIGITS: Final = 19
"""Enough for every 64-bit integer; longer ones are never computed (quadratic time)."""

LOWEST_INTEGER: Final = -(2**63)
HIGHEST_INTEGER: Final = 2**63 - 1

REMEMBERED_QUERIES: Final = 500
LONGEST_REMEMBERED_QUERY: Final = 100
"""For each place that reads a query: some 300 kB when all are full, and no more."""

_SEARCH: Final = re.compile("%|q=")


class _TooLong:
    """Stands for a number that no field can hold."""


def body_reader(schema: ma.Schema) -> Callable[[], Any]:
    """Reads the body of this request; Problem 400, 413, 415 or 422 when it is not as it should."""

    def read() -> Any:
        app_ctx.g.is_body_read = True
        return _checked(schema, read_json(request_ctx.request))

    return read


def query_reader(schema: ma.Schema) -> Callable[[], dict[str, Any]]:
    """Reads the query string of this request; Problem 422 when it is not as it should be."""

    def read(_text: str) -> dict[str, Any]:
        query: dict[str, Any] = _checked(schema, read_query(request_ctx.request.args))
        return query

    # People ask for the same month, and most often for nothing in particular. What they search
    # for is theirs.
    remembered = lru_cache(REMEMBERED_QUERIES)(read)

    def read_or_remember() -> dict[str, Any]:
        app_ctx.g.is_query_read = True
        text: str = request_ctx.request.environ.get("QUERY_STRING", "")
        is_common = len(text) <= LONGEST_REMEMBERED_QUERY and not _SEARCH.search(text)
        look_up = remembered if is_common else read
        # Views may change what they are handed.
        return look_up(text).copy()

    return read_or_remember


def _checked(schema: ma.Schema, value: Any) -> Any:
    try:
        return schema.load(value)
    except ma.ValidationError as error:
        raise flawed(list(field_errors(error.messages))) from error


def read_json(request: Request) -> Any:
    """The body of a request as plain JSON values.

    Raises Problem: 400 `malformed_json`, 413 `body_too_large`, 415 `unsupported_media_type`,
    422 for an empty body, for NUL or lone surrogates, and for integers beyond 64 bits.
    """
    body = request.get_data(cache=True)
    if len(body) > MAX_BODY_BYTES:
        raise Problem("body_too_large")
    if not body:
        raise flawed([FieldError("", Flaw("body_required"))])
    _check_media_type(request)
    return parse_values(body)


def parse_values(body: bytes) -> Any:
    """Strict JSON that holds nothing but what can be stored; Problem 400 or 422 otherwise.

    Strict is RFC 8259, and no duplicate names.
    """
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Problem("malformed_json") from error
    # Nearly every body is plain. What exactly is wrong with another is found the slow way.
    if _is_plain(value, MAX_DEPTH):
        return value
    if _depth_exceeds(value, MAX_DEPTH):
        raise Problem("malformed_json")
    errors = list(_text_and_number_errors(value, ""))
    if errors:
        raise flawed(errors)
    return value


def refuse_unread_body(request: Request) -> None:
    """Raise Problem for a body that says anything, where no schema has read it."""
    if not app_ctx.g.get("is_body_read") and request.get_data():
        _refuse_unknown(read_json(request))


def refuse_unread_query(request: Request) -> None:
    """Raise Problem for a query string that says anything, where no schema has read it."""
    if not app_ctx.g.get("is_query_read") and request.args:
        _refuse_unknown(read_query(request.args))


def _refuse_unknown(value: Any) -> None:
    try:
        Schema().load(value)
    except ma.ValidationError as error:
        raise flawed(list(field_errors(error.messages_dict))) from error


def read_query(args: MultiDict[str, str]) -> dict[str, str]:
    """Query parameters by name; 422 for one given twice, or holding NUL or a lone surrogate."""
    errors = [
        FieldError(printable(name), Flaw("duplicate"))
        for name, values in args.lists()
        if len(values) > 1
    ]
    query = args.to_dict()
    errors += _text_and_number_errors(query, "")
    if errors:
        raise flawed(errors)
    return query


def is_storable(text: str) -> bool:
    """Whether text holds neither NUL nor lone surrogates, which databases refuse."""
    return "\x00" not in text and (text.isascii() or text.isprintable() or _encodes(text))


def printable(name: str) -> str:
    """A name from outside, fit to be repeated in an answer."""
    return name[:100].encode("utf-8", "replace").decode("utf-8").replace("\x00", "?")


def _check_media_type(request: Request) -> None:
    if request.environ.get("CONTENT_TYPE") == "application/json":
        return
    charset = request.mimetype_params.get("charset", "utf-8")
    if request.mimetype != "application/json" or charset.lower() not in ("utf-8", "utf8"):
        raise Problem("unsupported_media_type")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is repeated in an object")
    return value


def _integer(digits: str) -> int | _TooLong:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS + 1 else _TooLong()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_constant=_refuse_constant
)


def _is_plain(value: Any, depth: int) -> bool:
    """Whether a value holds no text, number or nesting that has to be looked at again."""
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, int):
        return LOWEST_INTEGER <= value <= HIGHEST_INTEGER
    if isinstance(value, dict):
        inner = list(value.values()) if is_storable("".join(value)) else None
        return depth > 0 and inner is not None and _are_plain(inner, depth - 1)
    if isinstance(value, list):
        return depth > 0 and _are_plain(value, depth - 1)
    return value is None or (isinstance(value, float) and isfinite(value))


def _are_plain(values: list[Any], depth: int) -> bool:
    return all(_is_plain(value, depth) for value in values)


def _depth_exceeds(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_depth_exceeds(item, depth - 1) for item in inner)


def _text_and_number_errors(value: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, str):
        if not is_storable(value):
            yield FieldError(path, Flaw("invalid_text"))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            here = f"{path}.{printable(name)}" if path else printable(name)
            if not is_storable(name):
                yield FieldError(here, Flaw("invalid_text"))
            yield from _text_and_number_errors(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _text_and_number_errors(item, f"{path}.{index}" if path else str(index))
    elif _is_beyond_64_bits(value):
        yield FieldError(
            path, Flaw("out_of_range", minimum=LOWEST_INTEGER, maximum=HIGHEST_INTEGER)
        )


def _is_beyond_64_bits(value: Any) -> bool:
    if isinstance(value, float):
        # `1e400` is well-formed JSON, and infinity in Python.
        return value in (float("inf"), float("-inf"))
    return isinstance(value, _TooLong) or (
        isinstance(value, int) and not LOWEST_INTEGER <= value <= HIGHEST_INTEGER
    )


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
