"""Rules about categories."""

from uuid import UUID

import pytest

from domain.categories import (
    COLORS,
    STARTER_SET,
    AddCategory,
    AddStarterCategories,
    CategoryAdded,
    CategoryDetails,
    ChangeCategory,
    RemoveCategory,
)
from domain.decider import LedgerOpened, OpenLedger
from domain.money import Kind
from domain.refusals import (
    CategoryInUse,
    CategoryNameTaken,
    CategoryNotFound,
    IdTaken,
)
from domain.text import fold
from tests.domain.examples import (
    UNKNOWN,
    budget,
    budget_removed,
    changed,
    corrected,
    expense,
    groceries,
    household,
    nest_egg,
    opened,
    removed,
    rent,
    retired,
    salary,
    voided,
)
from tests.domain.given import given, new_id


def test_a_ledger_is_opened() -> None:
    account_id = UUID(int=7)
    given().when(OpenLedger(account_id=account_id)).then(LedgerOpened(account_id))


def test_a_ledger_is_opened_once() -> None:
    given(opened).when(OpenLedger(account_id=opened.account_id)).then_nothing()


@pytest.mark.parametrize("kind", ["income", "expense", "savings"])
def test_a_category_is_active_and_takes_the_color_of_its_kind(kind: Kind) -> None:
    given(opened).when(AddCategory(name="کتاب", kind=kind)).then(
        CategoryAdded(new_id(1), kind, CategoryDetails("کتاب", COLORS[kind], None, True))
    )


def test_a_category_is_added_as_asked() -> None:
    asked = AddCategory(
        id=UUID(int=9), name="کتاب", kind="expense", color="#123456", default_amount_rials=50
    )
    details = CategoryDetails("کتاب", "#123456", 50, True)
    given(opened).when(asked).then(CategoryAdded(UUID(int=9), "expense", details))


def test_no_default_amount_may_be_said_outright() -> None:
    given(opened).when(AddCategory(name="کتاب", kind="expense", default_amount_rials=None)).then(
        CategoryAdded(new_id(1), "expense", CategoryDetails("کتاب", COLORS["expense"], None, True))
    )


@pytest.mark.parametrize(
    ("taken", "asked"),
    [
        ("خوراک", "خوراک"),
        ("خوراکي", "خوراکی"),
        ("خوراک", "خوراك"),
        ("پس‌انداز", "پسانداز"),
        ("سفر ۱۴۰۵", "سفر 1405"),
        ("سفر ١٤٠٥", "سفر ۱۴۰۵"),
        ("Books", "bOOKS"),
        ("خرید خانه", "  خرید   خانه "),
        ("کرایـــه", "کرایه"),
        ("خانۀ ما", "خانه ما"),
        ("Caf\u00e9", "Cafe\u0301"),
    ],
)
@pytest.mark.parametrize("is_active", [True, False])
def test_a_name_is_taken_however_it_is_typed(taken: str, asked: str, is_active: bool) -> None:
    namesake = CategoryAdded(UUID(int=1), "income", CategoryDetails(taken, "#000000", None, True))
    past = (opened, namesake) if is_active else (opened, namesake, retired(namesake))
    given(*past).when(AddCategory(name=asked, kind="expense")).then_refused(
        CategoryNameTaken, field="name"
    )


def test_names_that_only_look_alike_are_different() -> None:
    given(opened, groceries).when(AddCategory(name="خوراکی", kind="expense")).then(
        CategoryAdded(
            new_id(1), "expense", CategoryDetails("خوراکی", COLORS["expense"], None, True)
        )
    )


def test_a_removed_category_gives_its_name_back() -> None:
    given(opened, groceries, removed(groceries)).when(
        AddCategory(name=groceries.details.name, kind="income")
    ).then(
        CategoryAdded(
            new_id(1),
            "income",
            CategoryDetails(groceries.details.name, COLORS["income"], None, True),
        )
    )


def test_a_renamed_category_gives_its_old_name_back() -> None:
    given(opened, groceries, changed(groceries, name="خوردنی")).when(
        AddCategory(name=groceries.details.name, kind="expense")
    ).then(
        CategoryAdded(
            new_id(1),
            "expense",
            CategoryDetails(groceries.details.name, COLORS["expense"], None, True),
        )
    )


class TestAddingWithTheSameId:
    """A creation that is repeated word for word is known again."""

    asked = AddCategory(
        id=rent.category_id,
        name=rent.details.name,
        kind="expense",
        color=rent.details.color,
        default_amount_rials=rent.details.default_amount_rials,
    )

    def test_records_nothing(self) -> None:
        given(opened, rent).when(self.asked).then_nothing()

    def test_compares_only_what_is_said(self) -> None:
        given(opened, rent).when(
            AddCategory(id=rent.category_id, name=rent.details.name, kind="expense")
        ).then_nothing()

    def test_compares_with_what_was_said_first(self) -> None:
        given(opened, rent, changed(rent, name="خانه", color="#FFFFFF", is_active=False)).when(
            self.asked
        ).then_nothing()

    @pytest.mark.parametrize(
        "different",
        [
            {"name": "اجاره خانه"},
            {"name": " اجاره"},
            {"kind": "income"},
            {"color": "#000000"},
            {"default_amount_rials": 1},
            {"default_amount_rials": None},
        ],
        ids=str,
    )
    def test_is_refused_when_anything_said_differs(self, different: dict[str, object]) -> None:
        fields = {name: getattr(self.asked, name) for name in self.asked.__struct_fields__}
        asked = AddCategory(**{**fields, **different})
        given(opened, rent).when(asked).then_refused(IdTaken, field="id")

    def test_is_refused_after_the_category_was_removed(self) -> None:
        given(opened, rent, removed(rent)).when(self.asked).then_refused(IdTaken, field="id")

    @pytest.mark.parametrize("other", [expense(1, 50), budget(1)], ids=["entry", "budget"])
    def test_is_refused_when_the_id_is_of_another_kind_of_thing(self, other: object) -> None:
        assert not isinstance(other, CategoryAdded)
        other_id = getattr(other, "transaction_id", None) or getattr(other, "budget_id", None)
        assert isinstance(other_id, UUID)
        past = (opened, groceries, expense(1, 50), budget(1))
        given(*past).when(AddCategory(id=other_id, name="نو", kind="expense")).then_refused(
            IdTaken, field="id"
        )


def test_the_starter_set_is_added_whole_to_an_empty_ledger() -> None:
    given(opened).when(AddStarterCategories()).then(
        *(
            CategoryAdded(new_id(n), kind, CategoryDetails(name, COLORS[kind], None, True))
            for n, (name, kind) in enumerate(STARTER_SET, 1)
        )
    )


def test_the_starter_set_skips_names_that_exist_in_any_kind_or_spelling() -> None:
    mine = CategoryAdded(
        UUID(int=1), "expense", CategoryDetails("پوشاك", "#000000", None, is_active=False)
    )
    missing = [(name, kind) for name, kind in STARTER_SET if name != "پوشاک"]
    given(opened, mine).when(AddStarterCategories()).then(
        *(
            CategoryAdded(new_id(n), kind, CategoryDetails(name, COLORS[kind], None, True))
            for n, (name, kind) in enumerate(missing, 1)
        )
    )


def test_adding_the_starter_set_twice_adds_it_once() -> None:
    added = given(opened).when(AddStarterCategories()).came
    assert isinstance(added, list)
    given(opened, *added).when(AddStarterCategories()).then_nothing()


def test_no_two_names_of_the_starter_set_are_alike() -> None:
    assert len({fold(name) for name, _ in STARTER_SET}) == len(STARTER_SET)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "خوردنی"},
        {"color": "#00FF00"},
        {"default_amount_rials": 30_000},
        {"is_active": False},
        {"name": "خوردنی", "color": "#00FF00", "default_amount_rials": 1, "is_active": False},
    ],
    ids=str,
)
def test_a_category_is_changed_in_what_was_said(change: dict[str, object]) -> None:
    asked = ChangeCategory(category_id=groceries.category_id, **change)  # type: ignore[arg-type]
    given(*household).when(asked).then(changed(groceries, **change))


def test_a_default_amount_can_be_taken_away() -> None:
    given(*household).when(
        ChangeCategory(category_id=rent.category_id, default_amount_rials=None)
    ).then(changed(rent, default_amount_rials=None))


def test_a_category_is_activated_again() -> None:
    inactive = retired(groceries)
    activated = ChangeCategory(category_id=groceries.category_id, is_active=True)
    given(*household, inactive).when(activated).then(
        type(inactive)(inactive.category_id, inactive.after, inactive.before)
    )


def test_a_change_to_what_already_is_records_nothing() -> None:
    for asked in (
        ChangeCategory(category_id=rent.category_id),
        ChangeCategory(
            category_id=rent.category_id,
            name=rent.details.name,
            color=rent.details.color,
            default_amount_rials=rent.details.default_amount_rials,
            is_active=True,
        ),
    ):
        given(*household).when(asked).then_nothing()


def test_a_category_may_respell_its_own_name() -> None:
    given(*household).when(ChangeCategory(category_id=nest_egg.category_id, name="پس انداز")).then(
        changed(nest_egg, name="پس انداز")
    )
    given(*household).when(ChangeCategory(category_id=nest_egg.category_id, name="پسانداز")).then(
        changed(nest_egg, name="پسانداز")
    )


def test_a_category_cannot_take_another_ones_name() -> None:
    given(*household).when(ChangeCategory(category_id=rent.category_id, name="خوراك")).then_refused(
        CategoryNameTaken, field="name"
    )


def test_a_category_that_nothing_names_is_removed() -> None:
    given(*household).when(RemoveCategory(category_id=salary.category_id)).then(removed(salary))


def test_a_category_with_an_entry_is_not_removed() -> None:
    given(*household, expense(1, 50)).when(
        RemoveCategory(category_id=groceries.category_id)
    ).then_refused(CategoryInUse)


def test_a_category_with_a_voided_entry_is_not_removed() -> None:
    given(*household, expense(1, 50), voided(expense(1, 50))).when(
        RemoveCategory(category_id=groceries.category_id)
    ).then_refused(CategoryInUse)


def test_a_category_with_a_budget_is_not_removed() -> None:
    given(*household, budget(1)).when(
        RemoveCategory(category_id=groceries.category_id)
    ).then_refused(CategoryInUse)


def test_a_category_whose_budget_was_removed_is_removed() -> None:
    given(*household, budget(1), budget_removed(budget(1))).when(
        RemoveCategory(category_id=groceries.category_id)
    ).then(removed(groceries))


def test_a_category_whose_entries_all_moved_away_is_removed() -> None:
    moved = corrected(expense(1, 50), category_id=rent.category_id)
    given(*household, expense(1, 50), moved).when(
        RemoveCategory(category_id=groceries.category_id)
    ).then(removed(groceries))


@pytest.mark.parametrize("category_id", [UNKNOWN, groceries.category_id], ids=["never", "removed"])
def test_a_category_that_is_not_there_is_neither_changed_nor_removed(category_id: UUID) -> None:
    past = given(*household, removed(groceries))
    past.when(ChangeCategory(category_id=category_id, name="نو")).then_refused(
        CategoryNotFound, field="category_id"
    )
    past.when(RemoveCategory(category_id=category_id)).then_refused(
        CategoryNotFound, field="category_id"
    )
