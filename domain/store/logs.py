"""Logs: one shape for every line of web and workers, and nobody's secrets in any.

It lives here because this is the innermost place that both may import and that may touch the
outside world; `domain/` itself logs nothing.
"""

import logging
import sys
from typing import Any, Final, Literal, TextIO

import msgspec
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from domain.store.masking import masked_entry, masked_text

AppEnv = Literal["development", "production"]

OURS: Final = ("web", "workers", "rq.worker", "rq_scheduler.scheduler")
"""Whose news is told; of everybody else only what went wrong."""

TAKEN_OVER: Final = ("_granian", "rq.worker", "rq.job", "rq_scheduler.scheduler")
"""Libraries that write lines of their own shape: theirs go through ours instead."""

_encoder = msgspec.json.Encoder(enc_hook=str)


def configure_logs(app_env: AppEnv, stream: TextIO | None = None) -> None:
    """Send every line to standard error: JSON in production, coloured text in development."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, *_last(app_env)],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_first()],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    for name in TAKEN_OVER:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_first(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _first() -> list[Processor]:
    return [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level]


def _last(app_env: AppEnv) -> list[Processor]:
    """Masking comes after exceptions have become text, and before anything is written."""
    if app_env == "production":
        return [structlog.processors.format_exc_info, mask, _stamp, _as_json]
    return [
        structlog.processors.format_exc_info,
        mask,
        structlog.processors.TimeStamper("%H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(colors=True, pad_event_to=24),
    ]


def mask(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """The line without phones, codes, tokens and keys."""
    shown = {name: masked_entry(name, value) for name, value in line.items()}
    # A traceback names no key of its own, and is the place where values turn up unasked.
    for name in ("event", "exception"):
        if name in line:
            shown[name] = masked_text(str(line[name]))
    return shown


_stamp: Final = structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")


def _as_json(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    return _encoder.encode(line).decode()


def get_logger(name: str) -> Any:
    """A logger of ours: `log.info("what happened", account_id=…)`."""
    return structlog.stdlib.get_logger(name)
