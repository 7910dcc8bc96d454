"""Words: choices that clients meet in many places, under one name each in the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from domain.ledger import RecurrenceMode
from domain.recurring_days import WEEKDAYS, Period
from domain.store.deliveries import STATUSES
from domain.store.notices import KINDS as NOTICES
from domain.store.sentences import LANGUAGES
from domain.store.standing import Role
from projections.budgets import Status
from projections.goals import Status as GoalStatus
from projections.transactions import SORTS
from web.budgets import REPEATS, ROLLOVERS
from web.categories import KINDS
from web.transactions import DIRECTIONS
from web.webhooks import EVENTS

WORDS: Final[Mapping[str, Sequence[str]]] = {
    "Kind": KINDS,
    "Direction": DIRECTIONS,
    "Unit": ("rial", "toman"),
    "Sort": tuple(SORTS),
    "Period": get_args(Period),
    "Weekday": WEEKDAYS,
    "RecurrenceMode": get_args(RecurrenceMode),
    "BudgetStatus": get_args(Status),
    "GoalStatus": get_args(GoalStatus),
    "BudgetRepeat": REPEATS,
    "BudgetRollover": ROLLOVERS,
    "BalanceStatus": ("positive", "zero", "negative"),
    "Role": get_args(Role),
    "WebhookEvent": EVENTS,
    "DeliveryStatus": STATUSES,
    "NotificationKind": NOTICES,
    "Language": LANGUAGES,
}
"""Client generators make a type of each: one `Kind`, not another one for every use of it."""

_NAMES: Final = {tuple(choices): name for name, choices in WORDS.items()}


def with_words(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a reference wherever it listed the choices of a word."""
    named: dict[str, Any] = _named(document)
    used = {name for name in WORDS if f"'{_path(name)}'" in str(named)}
    for name in sorted(used):
        choices = {"type": "string", "enum": list(WORDS[name])}
        named["components"]["schemas"][name] = choices
    return named


def _named(node: Any) -> Any:
    if isinstance(node, list):
        return [_named(item) for item in node]
    if not isinstance(node, dict):
        return node
    choices = node.get("enum")
    if not isinstance(choices, list):
        return {key: _named(value) for key, value in node.items()}
    return _reference(node, choices)


def _reference(node: dict[str, Any], choices: list[Any]) -> dict[str, Any]:
    """What stands for these choices. Generators take a null among them for a further type."""
    words = [choice for choice in choices if choice is not None]
    name = _NAMES.get(tuple(words))
    shape = {"$ref": _path(name)} if name else {"type": "string", "enum": words}
    more = {key: value for key, value in node.items() if key not in ("type", "enum")}
    if None in choices:
        return {"anyOf": [shape, {"type": "null"}], **more}
    return shape if not more else {"allOf": [shape], **more} if name else node


def _path(name: str) -> str:
    return f"#/components/schemas/{name}"
