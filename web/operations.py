"""Operations: the lasting name of everything a client can ask for."""

import re
from collections.abc import Mapping
from typing import Any, Final

from apispec import BasePlugin

OPERATIONS: Final[Mapping[str, str]] = {
    "POST /v1/auth/otp": "requestCode",
    "POST /v1/auth/token": "signIn",
    "POST /v1/auth/refresh": "refreshTokens",
    "POST /v1/auth/logout": "signOut",
    "GET /v1/auth/sessions": "listSessions",
    "DELETE /v1/auth/sessions": "endOtherSessions",
    "DELETE /v1/auth/sessions/{session_id}": "endSession",
    "GET /v1/me": "showProfile",
    "PATCH /v1/me": "changeProfile",
    "DELETE /v1/me": "eraseAccount",
    "GET /v1/categories": "listCategories",
    "POST /v1/categories": "addCategory",
    "POST /v1/categories/starter": "addStarterCategories",
    "GET /v1/categories/{category_id}": "showCategory",
    "PATCH /v1/categories/{category_id}": "changeCategory",
    "DELETE /v1/categories/{category_id}": "removeCategory",
    "GET /v1/transactions": "listTransactions",
    "POST /v1/transactions": "recordTransaction",
    "POST /v1/transactions/batch": "recordTransactions",
    "GET /v1/transactions/{transaction_id}": "showTransaction",
    "PATCH /v1/transactions/{transaction_id}": "correctTransaction",
    "DELETE /v1/transactions/{transaction_id}": "voidTransaction",
    "POST /v1/transactions/{transaction_id}/restore": "restoreTransaction",
    "GET /v1/transactions/{transaction_id}/history": "showTransactionHistory",
    "GET /v1/budgets": "listBudgets",
    "POST /v1/budgets": "setBudget",
    "GET /v1/budgets/{budget_id}": "showBudget",
    "PATCH /v1/budgets/{budget_id}": "reviseBudget",
    "DELETE /v1/budgets/{budget_id}": "removeBudget",
    "GET /v1/budgets/{budget_id}/periods": "listBudgetPeriods",
    "GET /v1/recurrences": "listRecurrences",
    "POST /v1/recurrences": "setRecurrence",
    "GET /v1/recurrences/{recurrence_id}": "showRecurrence",
    "PATCH /v1/recurrences/{recurrence_id}": "reviseRecurrence",
    "DELETE /v1/recurrences/{recurrence_id}": "removeRecurrence",
    "GET /v1/recurrences/{recurrence_id}/upcoming": "listUpcoming",
    "GET /v1/drafts": "listDrafts",
    "POST /v1/drafts/{draft_id}/confirm": "confirmDraft",
    "DELETE /v1/drafts/{draft_id}": "dismissDraft",
    "GET /v1/goals": "listGoals",
    "POST /v1/goals": "setGoal",
    "GET /v1/goals/{goal_id}": "showGoal",
    "PATCH /v1/goals/{goal_id}": "reviseGoal",
    "DELETE /v1/goals/{goal_id}": "removeGoal",
    "GET /v1/balance": "showBalance",
    "POST /v1/savings/auto": "saveSurplus",
    "GET /v1/savings/policy": "showSavingPolicy",
    "PUT /v1/savings/policy": "setSavingPolicy",
    "GET /v1/reports/monthly": "reportMonth",
    "GET /v1/reports/yearly": "reportYear",
    "GET /v1/reports/categories": "reportCategories",
    "GET /v1/reports/budgets": "reportBudgets",
    "GET /v1/reports/trend": "reportTrend",
    "GET /v1/reports/growth": "reportGrowth",
    "GET /v1/reports/forecast": "reportForecast",
    "GET /v1/reports/calendar": "reportCalendar",
    "GET /v1/reports/largest": "reportLargest",
    "GET /v1/events": "listEvents",
    "GET /v1/changes": "listChanges",
    "POST /v1/imports": "startImport",
    "GET /v1/imports/{import_id}": "showImport",
    "GET /v1/imports/{import_id}/rows": "listImportRows",
    "POST /v1/exports": "startExport",
    "GET /v1/exports/{export_id}": "downloadExport",
    "GET /v1/webhooks": "listWebhooks",
    "POST /v1/webhooks": "addWebhook",
    "GET /v1/webhooks/{webhook_id}": "showWebhook",
    "PATCH /v1/webhooks/{webhook_id}": "changeWebhook",
    "DELETE /v1/webhooks/{webhook_id}": "removeWebhook",
    "POST /v1/webhooks/{webhook_id}/secret": "replaceWebhookSecret",
    "POST /v1/webhooks/{webhook_id}/test": "testWebhook",
    "GET /v1/webhooks/{webhook_id}/deliveries": "listDeliveries",
    "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": "showDelivery",
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": "replayDelivery",
    "GET /v1/jobs/{job_id}": "showJob",
    "GET /v1/notifications": "listNotifications",
    "POST /v1/notifications/read": "readNotifications",
    "POST /v1/notifications/{notification_id}/read": "readNotification",
    "GET /v1/notifications/settings": "showNotificationSettings",
    "PUT /v1/notifications/settings": "changeNotificationSettings",
    "GET /v1/ops/rebuilds": "listRebuilds",
    "POST /v1/ops/rebuilds": "startRebuild",
    "GET /v1/ops/rebuilds/{rebuild_id}": "showRebuild",
    "DELETE /v1/ops/rebuilds/{rebuild_id}": "cancelRebuild",
    "GET /v1/me/accesses": "listAccesses",
    "GET /v1/audit/ledgers": "listLedgers",
    "GET /v1/audit/ledgers/{ledger_id}/events": "listLedgerEvents",
    "GET /v1/audit/ledgers/{ledger_id}/balance": "showLedgerBalance",
    "GET /v1/audit/ledgers/{ledger_id}/verify": "verifyLedger",
    "GET /v1/events/proof": "proveOwnLedger",
    "GET /v1/audit/checkpoints": "listCheckpoints",
    "GET /v1/audit/checkpoints/latest": "showLatestCheckpoint",
    "GET /v1/audit/checkpoints/{size}": "showCheckpoint",
    "GET /v1/audit/ledgers/{ledger_id}/proof": "proveLedger",
    "GET /v1/audit/leaves": "listLeaves",
    "GET /v1/audit/consistency": "proveConsistency",
    "GET /v1/audit/verifier": "downloadVerifier",
}
"""Generated clients call their functions so, and metrics their commands: a name stays."""

_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


class Names(BasePlugin):
    """Gives every operation of the OpenAPI document its name."""

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **_kwargs: Any
    ) -> None:
        """Name the operations of one path."""
        for method, operation in (operations or {}).items():
            name = operation_id(method, path or "")
            if name is not None:
                operation["operationId"] = name


def operation_id(method: str, rule: str) -> str | None:
    """The name of an operation; parameters are written `{id}` or as Flask's rules do."""
    path = rule if "<" not in rule else _PARAMETER.sub(r"{\1}", rule)
    return OPERATIONS.get(f"{method.upper()} {path}")
