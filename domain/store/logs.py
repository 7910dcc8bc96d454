"""Logs: one shape for every line of web and workers, and nobody's secrets in any.

It lives here because this is the innermost place that both may import and that may touch the
outside world; `domain/` itself logs nothing.
"""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any, Final, Literal, TextIO

import msgspec
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from domain.store.masking import masked_entry, masked_text

AppEnv = Literal["development", "production"]

TOLD: Final = ("rq.worker", "rq_scheduler.scheduler")
"""Libraries whose news is told; of the others only what went wrong."""

TAKEN_OVER: Final = (*TOLD, "_granian", "rq.job")
"""Libraries that write lines of their own shape: theirs go through ours instead."""

HUSHED: Final = ("urllib3",)
"""Libraries that warn in sentences with whole addresses, in which keys and tokens may stand."""

# One variable for all of it: structlog's own one for each name costs four times as much.
_about: ContextVar[dict[str, object]] = ContextVar("about")

_encoder = msgspec.json.Encoder(enc_hook=str)

_PLAIN: Final = "\x1b[0m"
_LEVELS: Final = {
    name: f"[\x1b[{colour}m{name:<9}{_PLAIN}]"
    for name, colour in (
        ("debug", "32;1"),
        ("info", "32;1"),
        ("warning", "33;1"),
        ("error", "31;1"),
        ("critical", "31;1"),
    )
}


def configure_logs(app_env: AppEnv, stream: TextIO | None = None) -> None:
    """Send every line to standard error: JSON in production, coloured text in development."""
    out = stream or sys.stderr
    first, last = _first(), _last(app_env)
    # Straight to the stream: by way of `logging` a line costs twice as much.
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _take_over(out, first, last)


def get_logger() -> Any:
    """A logger of ours: `log.info("what happened", account_id=…)`."""
    return structlog.get_logger()


def begin_lines(**about: object) -> None:
    """From now on every line of this thread's has these names, and no others."""
    _about.set(about)


def tell_lines(**about: object) -> None:
    """Have every further line have these names too."""
    _about.set({**_about.get({}), **about})


def mask(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """The line without phones, codes, tokens and keys."""
    shown = {name: masked_entry(name, value) for name, value in line.items()}
    # Sentences, though a word in them may be a name that hides what stands beside it.
    for name in ("event", "exception"):
        if name in line:
            shown[name] = masked_text(str(line[name]))
    return shown


def _first() -> list[Processor]:
    return [_add_what_it_is_about, structlog.processors.add_log_level]


def _add_what_it_is_about(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    return {**_about.get({}), **line}


def _last(app_env: AppEnv) -> list[Processor]:
    """Masking comes after exceptions have become text, and before anything is written."""
    if app_env == "production":
        stamp: Processor = structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")
        return [structlog.processors.format_exc_info, mask, stamp, _as_json]
    return [structlog.processors.format_exc_info, mask, _as_text]


def _as_json(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    return _encoder.encode(line).decode()


def _as_text(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    """A line for people; structlog's own renderer took more time than the rest of the line."""
    level, event, exception = (line.pop(name, "") for name in ("level", "event", "exception"))
    about = [f" \x1b[36m{name}{_PLAIN}=\x1b[35m{_shown(line[name])}{_PLAIN}" for name in line]
    start = f"\x1b[2m{time.strftime('%H:%M:%S')}{_PLAIN} {_LEVELS.get(level, level)}"
    told = f"{start} \x1b[1m{event:<24}{_PLAIN}{''.join(about)}"
    return f"{told}\n{exception}" if exception else told


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    # Nothing from outside may begin a line of its own, or move the cursor.
    return text if text.isprintable() and " " not in text else repr(text)


def _take_over(stream: TextIO, first: list[Processor], last: list[Processor]) -> None:
    """Have libraries' lines end like ours."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, *last],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *first],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in TAKEN_OVER:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in TOLD:
        logging.getLogger(name).setLevel(logging.INFO)
    for name in HUSHED:
        logging.getLogger(name).setLevel(logging.ERROR)
