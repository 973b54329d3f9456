"""True invoices: what the tax bureau knows, before any vendor renders it in a shape of its own.

Record ``i`` of a slice is made from the seed, the slice and ``i`` alone: in any order, in any process, without making
the ones before it. Amounts, lines and totals agree to the cent. The mix follows experience (mostly one to three lines,
lognormal amounts, 2.5 % red letters, some voided, some discounts, rates in words) but is not measured from real data.

In every eighty records of a type that knows red letters (红字) there are two pairs: a blue invoice fully red-flushed,
followed by its red one, and a partly flushed one with its partial red letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.documents import MAKERS, Head
from fapiao.testing.draws import Draws
from fapiao.testing.kinds import KINDS, Kind
from fapiao.testing.names import HOSTILE_REMARKS
from fapiao.testing.numbering import Numbering
from fapiao.testing.parties import Party, partners, private_persons, taxpayer

__all__ = ["TrueSlice", "true_slice"]

_CYCLE = 80
_BLUE_FULL, _BLUE_PARTIAL = 7, 47
"""Places in the cycle of the flushed blue invoices; the red letter is the next record."""


class TrueSlice:
    """The true invoices of one taxpayer, month, canonical type and direction.

    :param invoice_month: ``yyyymm``.
    :param doc_type: a key of ``fapiao.testing.kinds.KINDS``.
    """

    def __init__(self, seed: int, taxpayer_no: str, invoice_month: str, doc_type: str, direction: str) -> None:
        self.kind: Kind = KINDS[doc_type]
        self.taxpayer_no = taxpayer_no
        self.invoice_month = invoice_month
        self.direction = direction
        self._draws = Draws(seed, taxpayer_no, invoice_month, doc_type, direction)
        self._numbers = Numbering(taxpayer_no, invoice_month, self.kind.slice_no, direction, self.kind.code)
        self._owner = taxpayer(taxpayer_no)
        self._first_of_month = datetime(int(invoice_month[:4]), int(invoice_month[4:6]), 1)
        self._days = _days_of(invoice_month)
        self._phase = self._draws.words(-1_000_000)[0] % _CYCLE
        self._partly_flushed = self.kind.family in ("vat", "digital")
        self._make = MAKERS[self.kind.family]

    def invoices(self, indices: Sequence[int]) -> Iterator[Invoice]:
        for index in indices:
            yield self.invoice(index)

    def invoice(self, index: int) -> Invoice:
        """Record ``index`` (0 … 999,999) of the slice."""
        place = (index + self._phase) % _CYCLE if self.kind.family != "customs" else 0
        if not self._partly_flushed and place >= _BLUE_PARTIAL:
            place = 0
        if place in (_BLUE_FULL + 1, _BLUE_PARTIAL + 1):
            return self._red(index, partial=place == _BLUE_PARTIAL + 1)
        state, plain = "normal", False
        if place == _BLUE_FULL:
            state, plain = "red_full", True
        elif place == _BLUE_PARTIAL:
            state, plain = "red_partial", True
        return self._invoice(index, index, 1, state, plain=plain)

    def sold_to(self, index: int, buyer_no: str) -> Invoice:
        """Record ``index`` with another taxpayer of the same group as its buyer: each of the two holds it."""
        invoice, buyer = self.invoice(index), taxpayer(buyer_no)
        changes: dict[str, Any] = {"buyer_tax_no": buyer.tax_no, "buyer_name": buyer.name}
        if invoice.buyer_address_phone is not None or invoice.buyer_tax_no is None:
            changes.update(buyer_address_phone=buyer.address_phone, buyer_bank_account=buyer.bank_account)
        return msgspec.structs.replace(invoice, **changes)

    def red_flushed(self, index: int) -> Invoice:
        """Record ``index`` after its red letter, issued in another month, has come: only its state differs."""
        return msgspec.structs.replace(self.invoice(index), state="red_full")

    def _red(self, index: int, *, partial: bool) -> Invoice:
        """The red letter (红字发票) of the record before: the same goods, negative, under a number of its own."""
        number = self._numbers.digital(index - 1) if self.kind.digital else self._numbers.number(index - 1)
        if self.kind.digital:
            remark = f"被红冲蓝字数电发票号码：{number} 红字发票信息确认单编号：99{index % 10**9:018d}"
        else:
            remark = f"对应正数发票代码:{self._numbers.code}号码:{number}"
        return self._invoice(index, index - 1, -1, "normal", plain=True, only_first=partial, remark=remark)

    def _invoice(
        self,
        index: int,
        source: int,
        sign: int,
        state: str,
        *,
        plain: bool,
        only_first: bool = False,
        remark: str | None = None,
    ) -> Invoice:
        """``index`` gives number and time, ``source`` the content (the blue record, for a red letter)."""
        words = self._draws.words(source)
        own = words if index == source else self._draws.words(index)
        if state == "normal" and sign > 0 and self.kind.voidable and own[14] % 125 == 0:
            state = "voided"
        partner = self._partner(words)
        seller, buyer = (partner, self._owner) if self.direction == "input" else (self._owner, partner)
        if remark is None:
            remark = _remark(own[15])
        numbers = self._numbers
        return self._make(
            Head(
                self.kind,
                self.invoice_month,
                index,
                source,
                numbers.code,
                numbers.number(index),
                numbers.digital(index),
                numbers.customs(index),
                self._draws,
                words,
                self._issued_at(own),
                seller,
                buyer,
                sign,
                only_first,
                plain,
                state,
                remark,
            )
        )

    def _partner(self, words: tuple[int, ...]) -> Party:
        word = words[15]
        if self.direction == "output" and not self.kind.special and word % 4 == 0:
            persons = private_persons()
            return persons[(word >> 8) % len(persons)]
        companies = partners()
        # The cube of a uniform draw: a few partners have most invoices.
        return companies[((word * word >> 32) * word >> 32) * len(companies) >> 32]

    def _issued_at(self, words: tuple[int, ...]) -> datetime:
        word = words[13] ^ words[0]
        day = self._days[word % len(self._days)]
        if word >> 25 == 0:
            seconds = 0
        elif word >> 22 & 7 == 0:
            seconds = (word >> 5) % 86_400
        else:
            seconds = 28_800 + (word >> 5) % 36_000
        return self._first_of_month + timedelta(day, seconds)


@lru_cache(maxsize=4096)
def true_slice(seed: int, taxpayer_no: str, invoice_month: str, doc_type: str, direction: str) -> TrueSlice:
    """The slice, kept: its constants are worth more than an invoice."""
    return TrueSlice(seed, taxpayer_no, invoice_month, doc_type, direction)


def _remark(word: int) -> str | None:
    if word % 5:
        return None
    if word % 155 == 0:
        return HOSTILE_REMARKS[word // 155 % len(HOSTILE_REMARKS)]
    return f"测试备注{word % 1000}"


@lru_cache(maxsize=64)
def _days_of(invoice_month: str) -> tuple[int, ...]:
    """Days of the month counted from 0, each as often as its share: the last five more than twice as often."""
    year, month = int(invoice_month[:4]), int(invoice_month[4:6])
    following = date(year + month // 12, month % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return tuple(day for day in range(last) for _ in range(5 if day >= last - 5 else 2))
