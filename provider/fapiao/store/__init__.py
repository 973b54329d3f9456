"""The user's database: ledger of what was asked and proven, and the invoices. SQLite, PostgreSQL, MySQL/MariaDB."""

from fapiao.store.accounts import SharedAccountState
from fapiao.store.coverage import CoverageRow, coverage
from fapiao.store.database import Database
from fapiao.store.deduction_changes import DeductionChange, count_changes, deduction_changes, latest_sync
from fapiao.store.ledger import Ledger
from fapiao.store.ledger_records import (
    AbsentInvoice,
    CollectionKey,
    CollectionRecord,
    ReadProgress,
    SliceRecord,
    SliceUpdate,
    Tally,
)
from fapiao.store.loading import Loader, LoadReport, PageLoad

__all__ = [
    "AbsentInvoice",
    "CollectionKey",
    "CollectionRecord",
    "CoverageRow",
    "Database",
    "DeductionChange",
    "Ledger",
    "LoadReport",
    "Loader",
    "PageLoad",
    "ReadProgress",
    "SharedAccountState",
    "SliceRecord",
    "SliceUpdate",
    "Tally",
    "count_changes",
    "coverage",
    "deduction_changes",
    "latest_sync",
]
