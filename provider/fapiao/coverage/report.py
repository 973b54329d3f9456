"""One HTML file that needs nothing else: the page, its data, the chart. For people without access to the database."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fapiao.coverage.chart import month_chart
from fapiao.coverage.documents import matrix_document, slice_fields, total_fields
from fapiao.errors import ConfigurationError
from fapiao.reports.reconciling import reconciled_totals
from fapiao.store import CoverageCell, MonthTotal, coverage_detail, coverage_matrix, coverage_months, taxpayer_names
from fapiao.store.reports.control_totals import INVOICES

if TYPE_CHECKING:
    from fapiao.store import Database

__all__ = ["airflow_address", "asset", "coverage_report", "filled", "month_table"]

MOST_CELLS = 5_000
"""Months with all their slices in the file; where there are more, only those that are not proven have them."""
_DIRECTIONS = ("input", "output")


@cache
def asset(name: str) -> str:
    """A file that lies beside this module: ``page.html``, ``page.css`` or ``page.js``."""
    return (files("fapiao.coverage") / name).read_text("utf-8")


def coverage_report(
    database: Database,
    now: float,
    *,
    source: str | None = None,
    account: str | None = None,
    taxpayer_no: str | None = None,
    first_month: str | None = None,
    last_month: str | None = None,
    airflow: str | None = None,
) -> str:
    """The file's text. Everything from the database is escaped; a policy in the file forbids it to load anything.

    :param now: epoch seconds, printed as the time of the report.
    :param first_month: ``yyyymm``, inclusive, as ``last_month``.
    :param airflow: address of Airflow (3.1 or newer), for links to the logs of tasks; see :func:`airflow_address`.
    """
    wanted = {
        "source": source, "account": account, "taxpayer_no": taxpayer_no, "first_month": first_month,
        "last_month": last_month,
    }  # fmt: skip
    cells = coverage_matrix(database, **wanted)
    totals = coverage_months(database, **wanted)
    document = matrix_document(cells, taxpayer_names(database, {cell.taxpayer_no for cell in cells}), now, airflow)
    document |= _slices(database, cells, wanted)
    document["control_totals"] = _totals(database, cells, taxpayer_no, first_month, last_month)
    script, style = asset("page.js"), asset("page.css")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    return filled(
        {
            "POLICY": f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            "STYLE": f"<style>{style}</style>",
            "READ_AT": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)),
            "OPEN": " open",
            "CHART": month_chart(totals) + month_table(totals),
            "COUNTS": _counts(cells),
            "DATA": f'<script type="application/json" id="data">{_embedded(document)}</script>',
            "SCRIPT": f"<script>{script}</script>",
        }
    )


def airflow_address(text: str) -> str:
    """An address that links may be made of, without a slash at its end.

    :raises ConfigurationError: it is none of a web server.
    """
    address = urlsplit(text.strip())
    if address.scheme not in ("http", "https") or not address.netloc or "@" in address.netloc:
        raise ConfigurationError(
            "The address of Airflow is not one of a web server, or has a login in it.",
            advice="Give what [api] base_url has, such as https://airflow.example.com.",
        )
    return f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}"


def month_table(totals: Sequence[MonthTotal]) -> str:
    """The chart's numbers, for those who do not see it."""
    by_month: dict[str, dict[str, MonthTotal]] = {}
    for total in totals:
        by_month.setdefault(total.invoice_month, {})[total.direction] = total
    rows = []
    for month, found in by_month.items():
        numbers = [
            text
            for direction in _DIRECTIONS
            for text in (
                (f"{found[direction].loaded:,}", f"{found[direction].tax_amount:,.2f}")
                if direction in found
                else ("", "")
            )
        ]
        columns = "".join(f"<td>{number}</td>" for number in numbers)
        rows.append(f'<tr><th scope="row">{escape(month)}</th>{columns}</tr>')
    heads = "".join(
        f'<th scope="col">{word}</th>'
        for word in (
            "月份 month", "进项张数 input", "进项税额 input tax", "销项张数 output", "销项税额 output tax",
        )
    )  # fmt: skip
    return (
        '<details class="numbers"><summary><span data-text="numbers">数字 · Numbers</span></summary>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></details>"
    )


def _slices(database: Database, cells: Sequence[CoverageCell], wanted: dict[str, Any]) -> dict[str, Any]:
    if len(cells) <= MOST_CELLS:
        found: Iterable[Any] = coverage_detail(database, **wanted, quiet=False)
        return {"slices": _by_cell(found), "only_troubles": False}
    troubled = {_place(cell) for cell in cells if cell.state != "complete" or cell.open_generation is not None}
    kept = []
    for source, account, taxpayer_no in sorted({place[:3] for place in troubled}):
        one = {**wanted, "source": source, "account": account, "taxpayer_no": taxpayer_no}
        kept += [part for part in coverage_detail(database, **one, quiet=False) if _place(part) in troubled]
    return {"slices": _by_cell(kept), "only_troubles": True}


def _totals(
    database: Database,
    cells: Sequence[CoverageCell],
    taxpayer_no: str | None,
    first_month: str | None,
    last_month: str | None,
) -> dict[str, list[list[str]]]:
    """Totals from outside by taxpayer and month; of very many months those that differ."""
    taxpayers = None if taxpayer_no is None else [taxpayer_no]
    shown = {cell.taxpayer_no for cell in cells}
    found: dict[str, list[list[str]]] = {}
    for total in reconciled_totals(
        database, INVOICES, taxpayers=taxpayers, first_period=first_month, last_period=last_month
    ):
        if total.taxpayer_no in shown and (total.differs or len(cells) <= MOST_CELLS):
            found.setdefault(f"{total.taxpayer_no}|{total.period}", []).extend(total_fields(total))
    return found


def _by_cell(parts: Iterable[Any]) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = {}
    for part in parts:
        found.setdefault("|".join(_place(part)), []).append(slice_fields(part))
    return found


def _place(of: Any) -> tuple[str, str, str, str]:
    return of.source, of.account, of.taxpayer_no, of.invoice_month


def _counts(cells: Sequence[CoverageCell]) -> str:
    """What a reader without JavaScript (a preview on a phone) gets to know."""
    words = {
        "complete": "完整 complete", "rejected": "有隔离记录 rejected", "incomplete": "不完整 incomplete",
        "failed": "失败 failed", "open": "进行中 open",
    }  # fmt: skip
    counted = Counter(cell.state for cell in cells)
    return " · ".join(f"{word}: {counted[state]:,}" for state, word in words.items() if counted[state]) or "—"


def _embedded(document: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028")


def filled(parts: Mapping[str, str]) -> str:
    """The page with its places filled, in one pass: what a part contains is not looked at again."""
    pieces = asset("page.html").split("@@")
    return "".join(parts.get(piece, "") if number % 2 else piece for number, piece in enumerate(pieces))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
