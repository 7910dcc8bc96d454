"""Uploads: one file in a form, with the options beside it, read strictly."""

from typing import IO, Any, Final, NamedTuple

import marshmallow as ma
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from web.body import parse_values, printable
from web.errors import FieldError, Flaw, Problem, field_errors, flawed

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_FORM_BYTES: Final = MAX_FILE_BYTES + 256 * 1024
"""The file, and the rest of the form around it."""

MAX_OPTIONS_LENGTH: Final = 20_000


class Upload(NamedTuple):
    """A file, at its beginning, and its checked options."""

    file: IO[bytes]
    options: dict[str, Any]


def read_upload(request: Request, schema: ma.Schema) -> Upload:
    """The parts `file` and `options` (JSON) of a multipart/form-data body.

    Raises Problem: 400 `malformed_json`, 413 `file_too_large`, 415 `form_expected`, or 422.
    """
    if request.mimetype != "multipart/form-data":
        raise Problem("form_expected")
    # Only here may a body be this large; the file itself waits on disk.
    request.max_content_length = MAX_FORM_BYTES
    try:
        errors = _wrong_parts(request)
    except RequestEntityTooLarge as error:
        raise Problem("file_too_large") from error
    if errors:
        raise flawed(errors)
    file = request.files["file"].stream
    if _size(file) > MAX_FILE_BYTES:
        raise Problem("file_too_large")
    return Upload(file, _options(request.form.get("options", "{}"), schema))


def _wrong_parts(request: Request) -> list[FieldError]:
    parts = [*request.files.keys(), *request.form.keys()]
    unknown = [name for name in parts if name not in ("file", "options")]
    errors = [FieldError(printable(name), Flaw("unknown_field")) for name in unknown]
    errors += [
        FieldError(name, Flaw("duplicate"))
        for name in ("file", "options")
        if len(request.files.getlist(name)) + len(request.form.getlist(name)) > 1
    ]
    if "file" not in request.files:
        errors.append(FieldError("file", Flaw("required")))
    return errors


def _options(text: str, schema: ma.Schema) -> dict[str, Any]:
    if len(text) > MAX_OPTIONS_LENGTH:
        raise flawed([FieldError("options", Flaw("too_long", maximum=MAX_OPTIONS_LENGTH))])
    try:
        options: dict[str, Any] = schema.load(parse_values(text.encode("utf-8", "replace")))
    except ma.ValidationError as error:
        raise flawed(list(field_errors(error.messages_dict, "options"))) from error
    return options


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size
