"""Categories: the headings that money is put under."""

from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from domain.base import Command, Event, RecordedEvent
from domain.creation import Circumstances, is_repeated, was_said
from domain.ledger import Category, Ledger, LedgerState
from domain.money import Kind
from domain.refusals import CategoryInUse, CategoryNameTaken, CategoryNotFound

COLORS: Final[dict[Kind, str]] = {
    "income": "#2E7D32",
    "expense": "#C62828",
    "savings": "#1565C0",
}

STARTER_SET: Final[tuple[tuple[str, Kind], ...]] = (
    ("حقوق", "income"),
    ("درآمد جانبی", "income"),
    ("یارانه", "income"),
    ("خوراک", "expense"),
    ("مسکن و اجاره", "expense"),
    ("قبض‌ها", "expense"),
    ("رفت‌وآمد", "expense"),
    ("پوشاک", "expense"),
    ("سلامت و درمان", "expense"),
    ("آموزش", "expense"),
    ("تفریح و سفر", "expense"),
    ("هدیه و مهمانی", "expense"),
    ("اقساط", "expense"),
    ("پس‌انداز", "savings"),
)


class AddCategory(Command, frozen=True, kw_only=True):
    """Add a heading; `kind` is for ever."""

    id: UUID | None = None
    name: str
    kind: Kind
    color: str | UnsetType = UNSET
    default_amount_rials: int | None | UnsetType = UNSET


class AddStarterCategories(Command, frozen=True, kw_only=True):
    """Add the Persian starter set, skipping names that exist."""


class ChangeCategory(Command, frozen=True, kw_only=True):
    """Change what was said and leave the rest."""

    category_id: UUID
    name: str | UnsetType = UNSET
    color: str | UnsetType = UNSET
    default_amount_rials: int | None | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class RemoveCategory(Command, frozen=True, kw_only=True):
    """Remove a heading that nothing names."""

    category_id: UUID


class CategoryDetails(msgspec.Struct, frozen=True, gc=False):
    """What about a category can change."""

    name: str
    color: str
    default_amount_rials: int | None
    is_active: bool


class CategoryAdded(Event, frozen=True):
    """A heading was added."""

    category_id: UUID
    kind: Kind
    details: CategoryDetails


class CategoryChanged(Event, frozen=True):
    """A heading was changed."""

    category_id: UUID
    before: CategoryDetails
    after: CategoryDetails


class CategoryRemoved(Event, frozen=True):
    """A heading was removed."""

    category_id: UUID
    kind: Kind
    details: CategoryDetails


def add_category(command: AddCategory, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Add a category whose folded name is new."""
    if is_repeated(command.id, ledger, lambda event: _is_as_said(event, command)):
        return []
    if ledger.category_named(command.name) is not None:
        raise CategoryNameTaken("name", name=command.name)
    details = CategoryDetails(
        name=command.name,
        color=was_said(command.color, COLORS[command.kind]),
        default_amount_rials=was_said(command.default_amount_rials, None),
        is_active=True,
    )
    return [CategoryAdded(command.id or given.new_id(), command.kind, details)]


def _is_as_said(event: Event, command: AddCategory) -> bool:
    return isinstance(event, CategoryAdded) and (
        event.kind == command.kind
        and event.details.name == command.name
        and was_said(command.color, event.details.color) == event.details.color
        and was_said(command.default_amount_rials, event.details.default_amount_rials)
        == event.details.default_amount_rials
    )


def add_starter_categories(
    command: AddStarterCategories, ledger: Ledger, given: Circumstances
) -> list[Event]:
    """Add every category of the starter set whose name is new."""
    return [
        CategoryAdded(given.new_id(), kind, CategoryDetails(name, COLORS[kind], None, True))
        for name, kind in STARTER_SET
        if ledger.category_named(name) is None
    ]


def change_category(command: ChangeCategory, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Change a category; nothing is recorded when nothing changes."""
    category = require_category(ledger, command.category_id)
    before = details_of(category)
    after = CategoryDetails(
        name=was_said(command.name, before.name),
        color=was_said(command.color, before.color),
        default_amount_rials=was_said(command.default_amount_rials, before.default_amount_rials),
        is_active=was_said(command.is_active, before.is_active),
    )
    if after.name != before.name:
        namesake = ledger.category_named(after.name)
        if namesake is not None and namesake.id != category.id:
            raise CategoryNameTaken("name", name=after.name)
    return [] if after == before else [CategoryChanged(category.id, before, after)]


def remove_category(command: RemoveCategory, ledger: Ledger, given: Circumstances) -> list[Event]:
    """Remove a category that nothing names."""
    category = require_category(ledger, command.category_id)
    if ledger.is_category_in_use(category.id):
        raise CategoryInUse(name=category.name)
    return [CategoryRemoved(category.id, category.kind, details_of(category))]


def require_category(ledger: Ledger, category_id: UUID) -> Category:
    """The category, or the refusal `category_not_found`."""
    category = ledger.category(category_id)
    if category is None:
        raise CategoryNotFound("category_id")
    return category


def details_of(category: Category) -> CategoryDetails:
    """What about a category can change, as it stands."""
    return CategoryDetails(
        category.name, category.color, category.default_amount_rials, category.is_active
    )


def category_added(ledger: LedgerState, recorded: RecordedEvent, event: CategoryAdded) -> None:
    """A new row, active."""
    ledger.creations[event.category_id] = event
    ledger.categories[event.category_id] = Category(
        id=event.category_id,
        kind=event.kind,
        name=event.details.name,
        color=event.details.color,
        default_amount_rials=event.details.default_amount_rials,
        is_active=event.details.is_active,
        is_removed=False,
        created_version=recorded.version,
        version=recorded.version,
        created_at=recorded.recorded_at,
        updated_at=recorded.recorded_at,
    )


def category_changed(ledger: LedgerState, recorded: RecordedEvent, event: CategoryChanged) -> None:
    """The row as it is after."""
    ledger.categories[event.category_id] = msgspec.structs.replace(
        ledger.categories[event.category_id],
        name=event.after.name,
        color=event.after.color,
        default_amount_rials=event.after.default_amount_rials,
        is_active=event.after.is_active,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )


def category_removed(ledger: LedgerState, recorded: RecordedEvent, event: CategoryRemoved) -> None:
    """The row stays, marked, since its id is taken for ever."""
    ledger.categories[event.category_id] = msgspec.structs.replace(
        ledger.categories[event.category_id],
        is_removed=True,
        version=recorded.version,
        updated_at=recorded.recorded_at,
    )
