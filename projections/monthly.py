"""A month's statement: what people show of a month, all of it told at one version."""

import datetime as dt
from typing import Final
from uuid import UUID

import msgspec

from domain.calendar import first_day, last_day, today_in_tehran
from domain.money import Kind
from domain.store.accounts import account_by_ledger
from domain.store.database import Connection
from projections.budgets import UsedBudget, periods_touching
from projections.picture import Picture, take_picture
from projections.readings import RowsReading
from projections.reports import PeriodReport, monthly_report
from projections.sums import KindSums

_SIGNS: Final[dict[Kind, int]] = {"income": 1, "expense": -1, "savings": -1}


class Statement(msgspec.Struct, frozen=True):
    """One Jalali month of a ledger, as it stands at `picture.head.version`.

    `opening_rials` is the balance up to the day before the month. `budgets` are those with a day
    in the month, as they are used on the day of `made_at`; `days` are the sums of those with
    entries. `person` is what the ledger's owner is called, or empty.
    """

    month: int
    made_at: dt.datetime
    picture: Picture
    report: PeriodReport
    opening_rials: int
    budgets: list[UsedBudget]
    days: dict[dt.date, KindSums]
    person: str

    @property
    def closing_rials(self) -> int:
        """The balance at the end of the month's last day."""
        return self.opening_rials + self.report.sums.balance


def take_statement(
    connection: Connection, ledger_id: UUID, month: int, made_at: dt.datetime
) -> Statement:
    """Begin with a month such as 140508 of a ledger as it stands. Raises `LedgerMissing`."""
    picture = take_picture(connection, ledger_id, first_day(month), last_day(month))
    reading = RowsReading(connection, picture.head.rows_id)
    owner = account_by_ledger(connection, ledger_id)
    names = (owner.first_name, owner.last_name) if owner else ()
    return Statement(
        month=month,
        made_at=made_at,
        picture=picture,
        report=monthly_report(reading, month // 100, month % 100),
        opening_rials=sum(_SIGNS[one.kind] * one.amount_rials for one in picture.before),
        budgets=periods_touching(reading, picture.start, picture.end, today_in_tehran(made_at)),
        days=reading.by_day(picture.start, picture.end),
        person=" ".join(name for name in names if name),
    )
