"""The rows of a slice, page by page as bytes: made when first asked for, then kept."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.draws import Draws
from fapiao.testing.kinds import KINDS
from fapiao.testing.truth import TrueSlice, true_slice
from fapiao.testing.volumes import default_count
from fapiao_collected.simulated.rows import row
from fapiao_collected.simulated.stated import stated
from fapiao_collected.simulated.styles import Style
from fapiao_ekuaibao.simulator.document import TYPES
from fapiao_ekuaibao.simulator.scenario import Drift, EkuaibaoScenario

__all__ = ["Ledger", "PageCache", "Window"]

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
Cell = tuple[str, str, str, str]
"""(taxpayer_no, invoice_month, type, direction)."""


class Window(msgspec.Struct, frozen=True):
    """What one page shows: the count it states, and the positions of its rows."""

    total: int
    start: int
    stop: int


class Ledger:
    """What the simulated bureau has about every slice, in each of its generations."""

    def __init__(self, scenario: EkuaibaoScenario) -> None:
        self._scenario = scenario
        self._positions = lru_cache(maxsize=4096)(self._find_positions)

    def edition(self, generation: int) -> int:
        """Generations with the same number show the same: how many of the scenario's changes have come by then."""
        return sum(generation >= change.generation for change in self._scenario.changes)

    def positions(self, cell: Cell, generation: int) -> Sequence[int]:
        """The indices of the slice's true invoices, in the vendor's order."""
        return self._positions(cell, generation)

    def _find_positions(self, cell: Cell, generation: int) -> Sequence[int]:
        count = self._count(cell)
        vanished: set[int] = set()
        for change in self._scenario.changes:
            if generation >= change.generation and change.covers(*cell):
                vanished.update(change.vanished)
                count += change.appeared
        if not vanished:
            return range(count)
        return [index for index in range(count) if index not in vanished]

    def _count(self, cell: Cell) -> int:
        taxpayer_no, invoice_month, type_, direction = cell
        if direction not in KINDS[TYPES[type_]].directions:
            return 0
        fixed = self._scenario.fixed_count(*cell)
        if fixed is not None:
            return fixed
        scenario = self._scenario
        return default_count(scenario.seed, taxpayer_no, invoice_month, TYPES[type_], direction, scenario.volume)

    def rows(self, cell: Cell, generation: int, indices: Sequence[int]) -> list[dict[str, Any]]:
        """The vendor's rows."""
        made = []
        bad = self._malformed(cell)
        for index, (invoice, style) in zip(indices, self._true(cell, generation, indices), strict=True):
            record = row(invoice, style)
            if index in bad:
                _spoil(record, bad[index])
            made.append(record)
        return made

    def invoices(self, cell: Cell, generation: int) -> Iterator[Invoice]:
        """What a perfect reader stores of them: the malformed ones are missing."""
        bad = self._malformed(cell)
        indices = [index for index in self.positions(cell, generation) if index not in bad]
        for invoice, style in self._true(cell, generation, indices):
            yield stated(invoice, cell[2], style)

    def rejected(self, cell: Cell, generation: int) -> int:
        positions = self.positions(cell, generation)
        return sum(index in positions for index in self._malformed(cell))

    def _true(self, cell: Cell, generation: int, indices: Sequence[int]) -> Iterator[tuple[Invoice, Style]]:
        """The true invoices with the style each is written in; a holding within the group is the other side's row."""
        scenario = self._scenario
        own, styles = self._source(cell)
        flushed = {
            index
            for change in scenario.changes
            if generation >= change.generation and change.covers(*cell)
            for index in change.red_flushed
        }
        grouped = min(scenario.intra_group, self._count(cell)) if "output" in own.kind.directions else 0
        for index in indices:
            style = self._style(styles, index)
            if index < grouped:
                shared = self._within_group(cell, index)
                if shared is not None:
                    yield shared
                    continue
            yield (own.red_flushed(index) if index in flushed else own.invoice(index)), style

    def _within_group(self, cell: Cell, index: int) -> tuple[Invoice, Style] | None:
        taxpayer_no, month, type_, direction = cell
        if direction == "output":
            seller: str | None = taxpayer_no
            buyer = self._scenario.buyer_of(taxpayer_no, index)
        else:
            seller = self._scenario.seller_of(taxpayer_no, index)
            buyer = taxpayer_no
        if seller is None or buyer is None:
            return None
        sold = (seller, month, type_, "output")
        if index >= min(self._count(sold), self._count((buyer, month, type_, "input"))):
            return None
        source, styles = self._source(sold)
        return source.sold_to(index, buyer), self._style(styles, index)

    def _style(self, styles: Draws, index: int) -> Style:
        return Style.drawn(styles.words(index)) if self._scenario.quirks else Style.plain()

    def _source(self, cell: Cell) -> tuple[TrueSlice, Draws]:
        taxpayer_no, month, type_, direction = cell
        seed = self._scenario.seed
        return true_slice(seed, taxpayer_no, month, TYPES[type_], direction), Draws(seed, "style", *cell)

    def _malformed(self, cell: Cell) -> dict[int, str]:
        return {
            position: rule.kind
            for rule in self._scenario.malformed
            if rule.covers(*cell)
            for position in rule.positions
        }


class PageCache:
    """Rendered pages up to a number of bytes, the longest unused going first; and which read of a slice is under way."""

    def __init__(self, scenario: EkuaibaoScenario, ledger: Ledger) -> None:
        self._scenario = scenario
        self._ledger = ledger
        self._room = scenario.cache_megabytes * 1024 * 1024
        self._kept: OrderedDict[tuple[Cell, int, int, int], bytes] = OrderedDict()
        self._size = 0
        self._reads: Counter[Cell] = Counter()
        self._lock = threading.Lock()

    def window(self, cell: Cell, generation: int, page: int, size: int) -> Window:
        """Which rows page ``page`` of ``size`` rows shows now, with all the drift that the scenario wants."""
        total = len(self._ledger.positions(cell, generation))
        start = min((page - 1) * size, total)
        stop = min(start + size, total)
        if not self._scenario.drifts:
            return Window(total, start, stop)
        with self._lock:
            if page == 1:
                self._reads[cell] += 1
            read = self._reads[cell]
        for drift in self._scenario.drifts:
            if drift.covers(*cell) and (drift.always or read <= 1):
                total, start, stop = _drifted(drift, page, total, start, stop)
        return Window(total, start, stop)

    def rendered(self, cell: Cell, generation: int, window: Window) -> bytes:
        """The JSON array of the window's rows."""
        key = (cell, self._ledger.edition(generation), window.start, window.stop)
        with self._lock:
            body = self._kept.get(key)
            if body is not None:
                self._kept.move_to_end(key)
                return body
        indices = self._ledger.positions(cell, generation)[window.start : window.stop]
        body = _ENCODE(self._ledger.rows(cell, generation, indices))
        with self._lock:
            if key not in self._kept:
                self._kept[key] = body
                self._size += len(body)
            while self._size > self._room:
                self._size -= len(self._kept.popitem(last=False)[1])
        return body


def _drifted(drift: Drift, page: int, total: int, start: int, stop: int) -> tuple[int, int, int]:
    if drift.kind == "grow" and page <= drift.after_page:
        total = max(0, total - drift.rows)
        return total, min(start, total), min(stop, total)
    if drift.kind == "shift" and page > drift.after_page:
        return total, max(0, start - drift.rows), max(0, stop - drift.rows)
    if drift.kind == "repeat" and page == drift.after_page + 1:
        return total, max(0, start - drift.rows), stop
    if drift.kind == "short" and page == drift.after_page:
        return total, start, max(start, stop - drift.rows)
    return total, start, stop


def _spoil(record: dict[str, Any], kind: str) -> None:
    name = "jkshm" if "jkshm" in record else "fphm"
    number = str(record[name])
    if kind == "masked_number":
        record[name] = "*" * (len(number) - 4) + number[-4:]
    elif kind == "missing_number":
        record[name] = ""
    else:  # what a spreadsheet makes of a long number
        record[name] = f"{number[0]}.{number[1:6]}E+{len(number) - 1}"
    if kind == "missing_number" and "fpdm" in record:
        record["fpdm"] = ""
