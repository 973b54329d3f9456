"""Which documents a query shows, page by page, and the JSON of a page in its shape."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice
from fapiao_jcsk.simulator.documents import Archive, Shown
from fapiao_jcsk.simulator.rows import STATE_CODES, family_of, row_of, stated, type_code
from fapiao_jcsk.simulator.scenario import Drift, JcskScenario

__all__ = ["DEFAULT_PAGE_SIZE", "Pages", "is_grouped", "query_key"]

DEFAULT_PAGE_SIZE = 50
"""默认系统根据不同省份给不同数量: that of the simulated province."""

_SELECTED = ("11", "15", "17")
"""rzzt为11、17、15时为勾选日期,其它为开票日期"""
_RISKS = {"0": "01", "1": "02", "2": "03"}
_SAME_TYPE = {"09": "81", "90": "82"}
"""Codes that rows have and the filter ``fplxdm`` has not."""


def is_grouped(content: dict[str, Any]) -> bool:
    return content.get("rzzt") == "40" and content.get("adapter") == "1"


class Pages:
    """The pages of every query of one scenario. Safe for many threads."""

    def __init__(self, scenario: JcskScenario, archive: Archive) -> None:
        self._scenario = scenario
        self._archive = archive
        self._reads: Counter[str] = Counter()
        self._lock = threading.Lock()

    def matching(self, taxpayer_no: str, content: dict[str, Any], revision: int) -> list[Shown]:
        """The rows that a query finds, in the vendor's order."""
        shown = self._archive.listed(taxpayer_no, content["rzzt"], revision)
        filters = {name: value for name, value in content.items() if value != ""}
        if not filters.keys() - {"rzzt", "page", "pageSize", "iszip", "adapter", "znxpz"}:
            return shown
        return [row for row in shown if self._matches(row, filters)]

    def page(self, taxpayer_no: str, content: dict[str, Any], key: str) -> tuple[dict[str, Any], int]:
        """The JSON of one page, and how many rows it has. ``key`` names the query, without its page."""
        scenario = self._scenario
        number, wanted = content.get("page", 1), content.get("pageSize", DEFAULT_PAGE_SIZE)
        size = min(wanted, scenario.page_size_cap) if scenario.page_size_cap else wanted
        rows = self.matching(taxpayer_no, content, scenario.revision)
        grouped = is_grouped(content)
        if grouped and scenario.grouped_omits:
            rows = rows[: -scenario.grouped_omits]
        total, start, stop = len(rows), (number - 1) * size, number * size
        drift = self._drift(taxpayer_no, content, key, number)
        if drift is not None:
            total, start, stop = _drifted(drift, number, total, start, stop)
        if grouped and scenario.paging_ignored:
            start, stop = 0, total
        visible = rows[start : min(stop, total)]
        if not grouped:
            made: dict[str, Any] = {"pageSize": wanted, "currentPage": number, "count": total}
            made["InvoiceList"] = [self._row(taxpayer_no, row, grouped=False) for row in visible]
            if content.get("skssq"):
                made["skssq"] = content["skssq"]
            return made, len(visible)
        return {
            "pageSize": str(wanted),
            "currentPage": str(number),
            "InvoiceList": self._grouped(taxpayer_no, visible),
        }, len(visible)

    def invoices(self, taxpayer_no: str, content: dict[str, Any], revision: int) -> list[Invoice]:
        """What a perfect reader stores of a query's rows; those that nobody can identify are left out."""
        quirks, grouped = self._scenario.quirks, is_grouped(content)
        return [
            stated(row, grouped=grouped, quirks=quirks)
            for row in self.matching(taxpayer_no, content, revision)
            if not self.is_masked(taxpayer_no, row)
        ]

    def is_masked(self, taxpayer_no: str, shown: Shown) -> bool:
        document = shown.document
        return any(
            rule.covers(taxpayer_no, "", document.home, "input") and document.position in rule.positions
            for rule in self._scenario.malformed
        )

    def _row(self, taxpayer_no: str, shown: Shown, *, grouped: bool) -> dict[str, Any]:
        masked = self.is_masked(taxpayer_no, shown)
        return row_of(shown, grouped=grouped, quirks=self._scenario.quirks, masked=masked)

    def _grouped(self, taxpayer_no: str, rows: Sequence[Shown]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """By period and family; a period with nothing of this page is there, and empty."""
        grouped: dict[str, dict[str, list[dict[str, Any]]]] = {period: {} for period in self._scenario.past_periods}
        for row in rows:
            families = grouped.setdefault(row.period, {})
            family = family_of(row, self._scenario.unknown_family)
            families.setdefault(family, []).append(self._row(taxpayer_no, row, grouped=True))
        return grouped

    def _matches(self, shown: Shown, filters: dict[str, Any]) -> bool:
        invoice = shown.document.invoice
        by_checking = filters["rzzt"] in _SELECTED
        day = str(shown.checked_at.date() if by_checking and shown.checked_at else invoice.issued_on)
        checked = str(shown.checked_at.date()) if shown.checked_at else ""
        type_ = type_code(shown, self._scenario.quirks)
        get, period = filters.get, shown.document.period
        return (
            (shown.checked_at is None or get("skssq", period) == period)
            and get("rq_q", day) <= day <= get("rq_z", day)
            and get("gxrq_q", checked) <= checked <= get("gxrq_z", checked)
            and get("fpdm", invoice.invoice_code) == invoice.invoice_code
            and get("fphm", invoice.invoice_number) == invoice.invoice_number
            and get("qdfphm", invoice.digital_number) == invoice.digital_number
            and _in(get("fplxdm"), type_, _SAME_TYPE.get(type_, type_))
            and _in(get("fpztdm"), _filter_state(shown))
            and _in(get("fxdjdm"), _RISKS.get(shown.management, "01"))
        )

    def _drift(self, taxpayer_no: str, content: dict[str, Any], key: str, page: int) -> Drift | None:
        with self._lock:
            if page == 1:
                self._reads[key] += 1
            read = self._reads[key]
        for drift in self._scenario.drifts:
            if drift.covers(taxpayer_no, content.get("skssq", ""), content["rzzt"], "input") and (
                drift.always or read == 1
            ):
                return drift
        return None


def _in(filter_: str | None, *codes: str) -> bool:
    return filter_ is None or not set(filter_.split(",")).isdisjoint(codes)


def _filter_state(shown: Shown) -> str:
    """In the filter 2 is what the tax bureau calls void (作废), which rows say as 1."""
    code = STATE_CODES[shown.state]
    return "2" if code == "1" else code


def _drifted(drift: Drift, page: int, total: int, start: int, stop: int) -> tuple[int, int, int]:
    if drift.kind == "grow" and page <= drift.after_page:
        return max(0, total - drift.rows), start, stop
    if drift.kind == "shift" and page > drift.after_page:
        return total, max(0, start - drift.rows), stop - drift.rows
    if drift.kind == "short" and page == drift.after_page:
        return total, start, min(stop, total) - drift.rows
    return total, start, stop


def query_key(taxpayer_no: str, content: dict[str, Any]) -> str:
    """A query without its page, to tell reads of the same list apart from reads of another."""
    rest = sorted((name, value) for name, value in content.items() if name not in ("page", "rzzt"))
    return f"{taxpayer_no} {content.get('rzzt')} {msgspec.json.encode(rest).decode()}"
