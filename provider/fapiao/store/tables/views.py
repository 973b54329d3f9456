"""Views for people: links between documents, held invoices with labels, coverage.

A view follows the rows it is made of at once. That is why red-letter links are one: a red invoice names its blue one by
number (``fapiao_invoice_reference``), and whichever of the two is loaded first, by whichever process, whatever is merged
or interpreted anew, the link is there as soon as both are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Boolean, Column, MetaData, String, Table

from fapiao.invoices.codes import DOC_TYPES, SPECIAL_BUSINESS, STATES, USAGES
from fapiao.store.tables.columns import big_key

__all__ = ["PAPER_OF_DIGITAL", "RED_OF", "VIEWS", "links"]

RED_OF = "red_of"
"""``from_key`` is a red-letter invoice (红字), ``to_key`` the blue one it takes back."""
PAPER_OF_DIGITAL = "paper_of_digital"
"""``from_key`` went into ``to_key``: a paper face met its digital number."""

_views = MetaData()
links = Table(
    "fapiao_invoice_link",
    _views,
    Column("from_key", big_key()),
    Column("to_key", big_key()),
    Column("link_type", String(32)),
    Column("is_certain", Boolean),
)
Naming = Callable[[str], str]
"""A table's or view's name without its prefix → its quoted name, with the schema where there is one."""


def _labels(column: str, titles: Mapping[str, str]) -> str:
    cases = " ".join(f"WHEN '{name}' THEN '{title}'" for name, title in titles.items())
    return f"CASE {column} {cases} END"


def _links(of: Naming) -> str:
    return (
        f"SELECT r.invoice_key AS from_key, n.invoice_key AS to_key, '{RED_OF}' AS link_type, "  # noqa: S608 - our names
        "MAX(CASE WHEN r.is_certain THEN 1 ELSE 0 END) AS is_certain "
        f"FROM {of('invoice_reference')} r JOIN {of('invoice_number')} n ON n.value = r.value AND n.scheme = r.scheme "
        "WHERE n.invoice_key <> r.invoice_key GROUP BY r.invoice_key, n.invoice_key "
        f"UNION ALL SELECT from_key, to_key, '{PAPER_OF_DIGITAL}', 1 FROM {of('invoice_merged')}"
    )


def _invoices(of: Naming) -> str:
    types = {name: kind.title for name, kind in DOC_TYPES.items()}
    businesses = {name: kind.title for name, kind in SPECIAL_BUSINESS.items()}
    return (
        "SELECT h.taxpayer_no, h.direction, CASE h.direction WHEN 'input' THEN '进项' ELSE '销项' END AS direction_label, "  # noqa: S608 - our names
        "COALESCE(i.digital_number, i.invoice_number, i.customs_no, i.certificate_no) AS number, i.invoice_code, "
        f"i.doc_type, {_labels('i.doc_type', types)} AS doc_type_label, i.issued_on, h.invoice_month, "
        "i.seller_tax_no, i.seller_name, i.buyer_tax_no, i.buyer_name, "
        "i.amount_excl_tax, i.tax_amount, i.amount_incl_tax, "
        f"i.state, {_labels('i.state', STATES)} AS state_label, i.is_red, "
        f"(SELECT MIN(r.value) FROM {of('invoice_reference')} r "
        "WHERE r.invoice_key = i.invoice_key AND r.scheme IN ('digital20', 'code_no')) AS blue_number, "
        f"(SELECT COUNT(DISTINCT r.invoice_key) FROM {of('invoice_number')} n JOIN {of('invoice_reference')} r "
        "ON r.value = n.value AND r.scheme = n.scheme "
        "WHERE n.invoice_key = i.invoice_key AND r.invoice_key <> i.invoice_key) AS red_letters, "
        f"i.special_business, {_labels('i.special_business', businesses)} AS special_business_label, "
        "d.is_checked, d.is_certified, d.tax_period, "
        # A reserved word for MySQL, except behind a dot.
        f"d.usage AS deduction_usage, {_labels('d.usage', USAGES)} AS deduction_usage_label, "
        "i.level, i.line_count, i.sources, h.first_seen_at, h.last_seen_at, i.invoice_key "
        f"FROM {of('invoice_holding')} h JOIN {of('invoice')} i ON i.invoice_key = h.invoice_key "
        f"LEFT JOIN {of('deduction_current')} d "
        "ON d.invoice_key = h.invoice_key AND d.taxpayer_no = h.taxpayer_no AND h.direction = 'input'"
    )


def _coverage(of: Naming) -> str:
    cell = "c.source, c.account, c.taxpayer_no, c.invoice_month, c.kind, c.query, s.type, s.direction"
    closed = "CASE WHEN c.state IN ('complete', 'incomplete') THEN 1 ELSE 0 END"
    return (
        "SELECT source, account, taxpayer_no, invoice_month, kind, query, type, direction, generation, state, "  # noqa: S608 - our names
        "collection_state, expected, loaded, rejected, amount_excl_tax, tax_amount, closed_at "
        f"FROM (SELECT {cell}, c.generation, s.state, c.state AS collection_state, s.expected, s.loaded, s.rejected, "
        "s.amount_excl_tax, s.tax_amount, c.closed_at, "
        f"ROW_NUMBER() OVER (PARTITION BY {cell}, {closed} ORDER BY c.generation DESC) AS age "
        f"FROM {of('slice')} s JOIN {of('collection')} c ON c.collection_id = s.collection_id "
        "WHERE c.state <> 'abandoned' AND c.kind IN ('collect', 'sync')) newest WHERE age = 1"
    )


VIEWS: Mapping[str, Callable[[Naming], str]] = {
    "invoice_link": _links,
    "v_invoice": _invoices,
    "v_coverage": _coverage,
}
"""View without its prefix → its SELECT."""
