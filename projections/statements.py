"""The SQL of the inline projection: the same text on SQLite and on PostgreSQL.

`:ledger_id` is the ledger's `rows_id`; what reads events too is handed both.
"""

from typing import Final

from domain.store.pending import ColumnType, Values, Write, insert_into

CATEGORY_COLUMNS: Final = """id, name, kind, color, default_amount_rials, is_active, is_removed,
    created_version, version, created_at, updated_at"""
TRANSACTION_COLUMNS: Final = """id, category_id, kind, direction, amount_rials, date, description,
    is_voided, created_version, version, recorded_at, updated_at"""
BUDGET_COLUMNS: Final = """id, category_id, min_amount_rials, max_amount_rials,
    start_date AS "start", end_date AS "end", repeat, rollover, until_date AS "until",
    is_removed, created_version, version, created_at, updated_at"""

GOAL_COLUMNS: Final = """id, category_id, name, target_amount_rials, target_date, is_removed,
    created_version, version, created_at, updated_at"""
SAVING_POLICY_COLUMNS: Final = """is_enabled, keep_rials, category_id, from_month,
    last_month, last_amount_rials, last_transaction_id, version"""

CATEGORY: Final = f"""
    SELECT {CATEGORY_COLUMNS} FROM categories
    WHERE ledger_id = :ledger_id AND id = :id AND NOT is_removed
"""
CATEGORY_NAMED: Final = f"""
    SELECT {CATEGORY_COLUMNS} FROM categories
    WHERE ledger_id = :ledger_id AND folded_name = :folded_name AND NOT is_removed
"""
OLDEST_ACTIVE_SAVINGS: Final = f"""
    SELECT {CATEGORY_COLUMNS} FROM categories
    WHERE ledger_id = :ledger_id AND kind = 'savings' AND is_active AND NOT is_removed
    ORDER BY created_version LIMIT 1
"""
CATEGORY_IN_USE: Final = """
    SELECT 1 AS found FROM transactions
    WHERE ledger_id = :ledger_id AND category_id = :category_id
    UNION ALL
    SELECT 1 FROM budgets
    WHERE ledger_id = :ledger_id AND category_id = :category_id AND NOT is_removed
    UNION ALL
    SELECT 1 FROM goals
    WHERE ledger_id = :ledger_id AND category_id = :category_id AND NOT is_removed
    UNION ALL
    SELECT 1 FROM saving_policies
    WHERE ledger_id = :ledger_id AND category_id = :category_id
    UNION ALL
    SELECT 1 FROM recurrences
    WHERE ledger_id = :ledger_id AND category_id = :category_id AND NOT is_removed
    UNION ALL
    SELECT 1 FROM drafts
    WHERE ledger_id = :ledger_id AND category_id = :category_id AND status = 'open'
    LIMIT 1
"""
SAVED_IN: Final = """
    SELECT CAST(coalesce(sum(amount_rials), 0) AS BIGINT) AS saved FROM month_totals
    WHERE ledger_id = :ledger_id AND category_id = :category_id
"""
TRANSACTION: Final = f"""
    SELECT {TRANSACTION_COLUMNS} FROM transactions WHERE ledger_id = :ledger_id AND id = :id
"""
BUDGET: Final = f"""
    SELECT {BUDGET_COLUMNS} FROM budgets
    WHERE ledger_id = :ledger_id AND id = :id AND NOT is_removed
"""
BUDGET_FOR: Final = f"""
    SELECT {BUDGET_COLUMNS} FROM budgets
    WHERE ledger_id = :ledger_id AND category_id = :category_id
        AND start_date = :start_date AND end_date = :end_date AND NOT is_removed
"""
GOAL: Final = f"""
    SELECT {GOAL_COLUMNS} FROM goals
    WHERE ledger_id = :ledger_id AND id = :id AND NOT is_removed
"""
GOAL_FOR: Final = f"""
    SELECT {GOAL_COLUMNS} FROM goals
    WHERE ledger_id = :ledger_id AND category_id = :category_id AND NOT is_removed
"""
SAVING_POLICY: Final = f"""
    SELECT {SAVING_POLICY_COLUMNS} FROM saving_policies WHERE ledger_id = :ledger_id
"""
CREATION: Final = """
    SELECT originator_id, originator_version, topic, state FROM events
    WHERE originator_id = :ledger_id AND originator_version = (
        SELECT created_version FROM transactions WHERE ledger_id = :rows_id AND id = :id
        UNION ALL
        SELECT created_version FROM categories WHERE ledger_id = :rows_id AND id = :id
        UNION ALL
        SELECT created_version FROM budgets WHERE ledger_id = :rows_id AND id = :id
        UNION ALL
        SELECT created_version FROM goals WHERE ledger_id = :rows_id AND id = :id
        UNION ALL
        SELECT created_version FROM recurrences WHERE ledger_id = :rows_id AND id = :id
        UNION ALL
        SELECT created_version FROM drafts
        WHERE ledger_id = :rows_id AND id = :id AND status <> 'confirmed'
        LIMIT 1
    )
"""

ADD_CATEGORY: Final = """
    INSERT INTO categories (ledger_id, id, name, folded_name, kind, color,
        default_amount_rials, is_active, is_removed, created_version, version,
        created_at, updated_at)
    VALUES (:ledger_id, :id, :name, :folded_name, :kind, :color,
        :default_amount_rials, :is_active, FALSE, :version, :version,
        :recorded_at, :recorded_at)
"""
CHANGE_CATEGORY: Final = """
    UPDATE categories SET name = :name, folded_name = :folded_name, color = :color,
        default_amount_rials = :default_amount_rials, is_active = :is_active,
        version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
REMOVE_CATEGORY: Final = """
    UPDATE categories SET is_removed = TRUE, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
ADD_TRANSACTION: Final = insert_into(
    "transactions",
    {
        "ledger_id": "uuid",
        "id": "uuid",
        "category_id": "uuid",
        "kind": "text",
        "direction": "text",
        "amount_rials": "bigint",
        "date": "date",
        "description": "text",
        "folded_description": "text",
        "is_voided": "boolean",
        "created_version": "bigint",
        "version": "bigint",
        "recorded_at": "timestamptz",
        "updated_at": "timestamptz",
    },
)
CORRECT_TRANSACTION: Final = """
    UPDATE transactions SET category_id = :category_id, direction = :direction,
        amount_rials = :amount_rials, date = :date, description = :description,
        folded_description = :folded_description, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
MARK_TRANSACTION: Final = """
    UPDATE transactions SET is_voided = :is_voided, version = :version,
        updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
NOTE_CHANGE: Final = """
    INSERT INTO transaction_changes (ledger_id, transaction_id, version)
    VALUES (:ledger_id, :id, :version)
"""
ADD_BUDGET: Final = """
    INSERT INTO budgets (ledger_id, id, category_id, min_amount_rials, max_amount_rials,
        start_date, end_date, repeat, rollover, until_date, last_date, is_removed,
        created_version, version, created_at, updated_at)
    VALUES (:ledger_id, :id, :category_id, :min_amount_rials, :max_amount_rials,
        :start, :end, :repeat, :rollover, :until, :last_day, FALSE,
        :version, :version, :recorded_at, :recorded_at)
"""
REVISE_BUDGET: Final = """
    UPDATE budgets SET category_id = :category_id, min_amount_rials = :min_amount_rials,
        max_amount_rials = :max_amount_rials, start_date = :start, end_date = :end,
        repeat = :repeat, rollover = :rollover, until_date = :until, last_date = :last_day,
        version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
REMOVE_BUDGET: Final = """
    UPDATE budgets SET is_removed = TRUE, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
ADD_GOAL: Final = """
    INSERT INTO goals (ledger_id, id, category_id, name, target_amount_rials, target_date,
        is_removed, created_version, version, created_at, updated_at)
    VALUES (:ledger_id, :id, :category_id, :name, :target_amount_rials, :target_date,
        FALSE, :version, :version, :recorded_at, :recorded_at)
"""
REVISE_GOAL: Final = """
    UPDATE goals SET category_id = :category_id, name = :name,
        target_amount_rials = :target_amount_rials, target_date = :target_date,
        version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""
REMOVE_GOAL: Final = """
    UPDATE goals SET is_removed = TRUE, version = :version, updated_at = :recorded_at
    WHERE ledger_id = :ledger_id AND id = :id
"""

KEEP_SAVING_POLICY: Final = insert_into(
    "saving_policies",
    {
        "ledger_id": "uuid",
        "version": "bigint",
        "is_enabled": "boolean",
        "keep_rials": "bigint",
        "category_id": "uuid",
        "from_month": "bigint",
        "next_month": "bigint",
        "last_month": "bigint",
        "last_amount_rials": "bigint",
        "last_transaction_id": "uuid",
    },
    """
    ON CONFLICT (ledger_id) DO UPDATE SET version = excluded.version,
        is_enabled = excluded.is_enabled, keep_rials = excluded.keep_rials,
        category_id = excluded.category_id, from_month = excluded.from_month,
        next_month = excluded.next_month, last_month = excluded.last_month,
        last_amount_rials = excluded.last_amount_rials,
        last_transaction_id = excluded.last_transaction_id
    """,
    key=1,
    merge=lambda _first, last: last,
)


def _sum(one: Values, other: Values) -> Values:
    *period_and_kind, amount_rials, count, largest_rials = one
    *_, more_rials, more, larger_rials = other
    largest_rials = max(largest_rials, larger_rials)
    return (*period_and_kind, amount_rials + more_rials, count + more, largest_rials)


def _add_to(table: str, period: str, kind: ColumnType) -> Write:
    return insert_into(
        table,
        {
            "ledger_id": "uuid",
            period: kind,
            "category_id": "uuid",
            "kind": "text",
            "amount_rials": "bigint",
            "count": "bigint",
            "largest_rials": "bigint",
        },
        f"""
        ON CONFLICT (ledger_id, {period}, category_id) DO UPDATE SET
            amount_rials = {table}.amount_rials + excluded.amount_rials,
            count = {table}.count + excluded.count,
            largest_rials = CASE WHEN excluded.largest_rials > {table}.largest_rials
                THEN excluded.largest_rials ELSE {table}.largest_rials END
        """,
        key=3,
        merge=_sum,
    )


def _drop_empty(table: str, period: str) -> str:
    return f"""
    DELETE FROM {table} WHERE ledger_id = :ledger_id AND {period} = :{period}
        AND category_id = :category_id AND count = 0
    """


ADD_TO_DAY: Final = _add_to("day_totals", "date", "date")
ADD_TO_MONTH: Final = _add_to("month_totals", "jalali_month", "bigint")
DROP_EMPTY_DAY: Final = _drop_empty("day_totals", "date")
DROP_EMPTY_MONTH: Final = _drop_empty("month_totals", "jalali_month")
# `+` keeps the planner from looking for the largest among all amounts of the ledger, largest
# first, until one is of this day: it then looks at this day's entries of this category only.
RESTATE_LARGEST_OF_DAY: Final = """
    UPDATE day_totals SET largest_rials = (
        SELECT coalesce(max(+amount_rials), 0) FROM transactions
        WHERE ledger_id = :ledger_id AND category_id = :category_id
            AND is_voided = FALSE AND date = :date AND coalesce(direction, '') <> 'withdraw'
    )
    WHERE ledger_id = :ledger_id AND date = :date AND category_id = :category_id
        AND largest_rials <= :left_rials
"""
RESTATE_LARGEST_OF_MONTH: Final = """
    UPDATE month_totals SET largest_rials = (
        SELECT coalesce(max(largest_rials), 0) FROM day_totals
        WHERE ledger_id = :ledger_id AND date BETWEEN :start AND :end
            AND category_id = :category_id
    )
    WHERE ledger_id = :ledger_id AND jalali_month = :jalali_month
        AND category_id = :category_id AND largest_rials <= :left_rials
"""
