"""The user's database: ledger of what was asked and proven, and the invoices. SQLite, PostgreSQL, MySQL/MariaDB."""

from fapiao.store.access.database import Database
from fapiao.store.documents.loading import Loader, LoadReport, PageLoad
from fapiao.store.ledger.accounts import SharedAccountState
from fapiao.store.ledger.leases import Lease, Leases
from fapiao.store.ledger.ledger import Ledger
from fapiao.store.ledger.records import (
    AbsentInvoice,
    CollectionKey,
    CollectionRecord,
    ReadProgress,
    SliceRecord,
    SliceUpdate,
    Tally,
)
from fapiao.store.ledger.tasks import TaskReference
from fapiao.store.reports.coverage import CoverageRow, coverage, known_taxpayers
from fapiao.store.reports.coverage_detail import SliceDetail, coverage_detail
from fapiao.store.reports.coverage_matrix import CoverageCell, coverage_matrix
from fapiao.store.reports.coverage_months import MonthTotal, coverage_months
from fapiao.store.reports.deduction_changes import DeductionChange, count_changes, deduction_changes, latest_sync
from fapiao.store.reports.month_changes import MonthChange, month_changes
from fapiao.store.reports.taxpayer_names import taxpayer_names

__all__ = [
    "AbsentInvoice",
    "CollectionKey",
    "CollectionRecord",
    "CoverageCell",
    "CoverageRow",
    "Database",
    "DeductionChange",
    "Lease",
    "Leases",
    "Ledger",
    "LoadReport",
    "Loader",
    "MonthChange",
    "MonthTotal",
    "PageLoad",
    "ReadProgress",
    "SharedAccountState",
    "SliceDetail",
    "SliceRecord",
    "SliceUpdate",
    "Tally",
    "TaskReference",
    "count_changes",
    "coverage",
    "coverage_detail",
    "coverage_matrix",
    "coverage_months",
    "deduction_changes",
    "known_taxpayers",
    "latest_sync",
    "month_changes",
    "taxpayer_names",
]
