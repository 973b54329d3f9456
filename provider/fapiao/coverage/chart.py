"""Invoices and tax per month as an SVG picture: bars for received and issued, and nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from html import escape

from fapiao.coverage.documents import months_between
from fapiao.store import MonthTotal

__all__ = ["month_chart"]

_LEFT, _TOP, _PANEL, _GAP, _BOTTOM = 96, 26, 120, 42, 34
_SLOT, _BAR = 26, 10
_NARROWEST = 12
"""Months that are drawn at least as wide, so that a single month is not a poster."""
_LABELS_AT_MOST = 24


def month_chart(totals: Sequence[MonthTotal]) -> str:
    """The picture, with a title for each bar and a text for screen readers. Colours are the page's business.

    :param totals: by month and direction, as :func:`fapiao.store.reports.coverage_months` gives them.
    """
    months = months_between([total.invoice_month for total in totals])
    width = _LEFT + _SLOT * max(len(months), _NARROWEST) + 10
    height = _TOP + 2 * _PANEL + _GAP + _BOTTOM
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    second = _TOP + _PANEL + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img" aria-labelledby="chart-title">',
        '<title id="chart-title">每月发票张数与税额 · Invoices and tax per month</title>',
        *_panel(totals, months, _TOP, "张数 · invoices", lambda total: Decimal(total.loaded), "{:,.0f}", width),
        *_panel(totals, months, second, "税额（元） · tax (CNY)", lambda total: total.tax_amount, "{:,.2f}", width),
    ]
    step = -(-len(months) // _LABELS_AT_MOST) or 1
    for number, month in enumerate(months):
        if number % step == 0:
            middle = _LEFT + _SLOT * number + _SLOT / 2
            parts.append(
                f'<text class="month" x="{middle:g}" y="{height - _BOTTOM + 14}" text-anchor="middle">'
                f"{escape(month[2:4])}-{escape(month[4:])}</text>"
            )
    parts.append("</svg>")
    return "".join(parts)


def _panel(
    totals: Sequence[MonthTotal],
    months: Sequence[str],
    top: int,
    title: str,
    value_of: Callable[[MonthTotal], Decimal],
    form: str,
    width: int,
) -> list[str]:
    values = {(total.invoice_month, total.direction): value_of(total) for total in totals}
    highest = max([*values.values(), Decimal(0)])
    lowest = min([*values.values(), Decimal(0)])  # more red-letter than issued makes a month negative
    span = highest - lowest or Decimal(1)

    def height_of(value: Decimal) -> float:
        return float((highest - value) / span) * _PANEL + top

    zero = height_of(Decimal(0))
    parts = [f'<text class="panel" x="{_LEFT}" y="{top - 8}">{title}</text>']
    for value in dict.fromkeys((highest, Decimal(0), lowest)):
        y = height_of(value)
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{width - 10}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="scale" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{form.format(value)}</text>'
        )
    for number, month in enumerate(months):
        for place, (direction, word) in enumerate((("input", "进项 input"), ("output", "销项 output"))):
            if (month, direction) not in values:
                continue
            value = values[month, direction]
            y = height_of(value)
            x = _LEFT + _SLOT * number + 3 + place * _BAR
            parts.append(
                f'<rect class="{direction}" x="{x}" y="{min(y, zero):.1f}" width="{_BAR - 1}" '
                f'height="{max(abs(zero - y), 0.5):.1f}"><title>{escape(month)} {word}: {form.format(value)}</title></rect>'
            )
    return parts
