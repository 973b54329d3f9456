"""What the simulated tax bureau knows: the invoices of every slice, and each digital invoice by its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fapiao.invoices.model import Invoice
from fapiao.testing.draws import Draws
from fapiao.testing.kinds import KINDS
from fapiao.testing.numbering import tax_number
from fapiao.testing.truth import true_slice
from fapiao.testing.volumes import default_count
from fapiao_collected.simulated.rows import Row, row
from fapiao_collected.simulated.stated import stated
from fapiao_collected.simulated.styles import Style
from fapiao_qixiangyun.simulator.document import COLLECT_TYPES
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["Bureau", "Cell"]

Cell = tuple[str, str, str, str]
"""(taxpayer_no, invoice_month, type, direction)."""
_BY_SLICE_NO = {kind.slice_no: name for name, kind in KINDS.items() if kind.digital and not kind.code}
_WORDS = {"input": "jx", "output": "xx"}


class Bureau:
    def __init__(self, scenario: QixiangyunScenario) -> None:
        self._scenario = scenario

    # Slices, for collection.

    def count(self, cell: Cell) -> int:
        taxpayer_no, month, type_, direction = cell
        if direction not in KINDS[COLLECT_TYPES[type_]].directions:
            return 0
        fixed = self._scenario.fixed_count(*cell)
        if fixed is not None:
            return fixed
        scenario = self._scenario
        return default_count(scenario.seed, taxpayer_no, month, COLLECT_TYPES[type_], direction, scenario.volume)

    def rows(self, cell: Cell, indices: Sequence[int]) -> list[Row]:
        made = []
        for invoice, style in self._true(cell, indices):
            record = row(invoice, style, (cell[2], _WORDS[cell[3]]))
            if self._scenario.rows_untold:
                del record["fplx"], record["jxxbz"]
            made.append(record)
        return made

    def invoices(self, cell: Cell) -> Iterator[Invoice]:
        """What a perfect reader stores."""
        for invoice, style in self._true(cell, range(self.count(cell))):
            yield stated(invoice, cell[2], style, both_numbers=True)

    def _true(self, cell: Cell, indices: Sequence[int]) -> Iterator[tuple[Invoice, Style]]:
        taxpayer_no, month, type_, direction = cell
        seed = self._scenario.seed
        source = true_slice(seed, taxpayer_no, month, COLLECT_TYPES[type_], direction)
        styles = Draws(seed, "style", *cell)
        for index in indices:
            style = Style.drawn(styles.words(index)) if self._scenario.quirks else Style.plain()
            yield source.invoice(index), style

    # Single invoices, for verification.

    def find(self, number: str) -> Invoice | None:
        """The digital invoice of that number; None where it does not exist. Numbers are made by ``testing.numbering``."""
        if len(number) != 20 or number[2:4] != "99":
            return None
        period, slice_no = int(number[5:7]), int(number[7:9])
        month, direction = (period - 50, "output") if period > 50 else (period, "input")
        kind = _BY_SLICE_NO.get(slice_no)
        taxpayer_no = tax_number(int(number[4]) * 100_000 + int(number[9:14]))
        index = int(number[14:])
        if kind is None or not 1 <= month <= 12 or index >= self._scenario.issued:
            return None
        if taxpayer_no not in self._scenario.taxpayers or direction not in KINDS[kind].directions:
            return None
        found = true_slice(self._scenario.seed, taxpayer_no, f"20{number[:2]}{month:02d}", kind, direction).invoice(
            index
        )
        return found if found.digital_number == number else None
