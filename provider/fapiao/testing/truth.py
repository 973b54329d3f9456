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

from fapiao.invoices.codes import SPECIAL_BUSINESS_BY_CODE
from fapiao.invoices.model import Invoice, Line
from fapiao.testing.draws import Draws, uniform
from fapiao.testing.kinds import KINDS, Kind
from fapiao.testing.lines import AMOUNTS, MIXED, Rate, goods_lines, money, rate_of, tax_on
from fapiao.testing.names import HOSTILE_REMARKS, PERSONS
from fapiao.testing.numbering import Numbering
from fapiao.testing.particulars import customs_payment, fare_lines, special_businesses, toll_lines, trips, vehicle
from fapiao.testing.parties import Party, partners, private_persons, taxpayer

__all__ = ["TrueSlice", "default_count", "true_slice"]

_CYCLE = 80
_BLUE_FULL, _BLUE_PARTIAL = 7, 47
"""Places in the cycle of the flushed blue invoices; the red letter is the next record."""


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What all families of a record share."""

    words: tuple[int, ...]
    issued_at: datetime
    seller: Party
    buyer: Party
    sign: int
    only_first: bool
    state: str
    remark: str | None


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
        self._make = getattr(self, f"_{self.kind.family}")

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
        head = _Head(words, self._issued_at(own), seller, buyer, sign, only_first, state, remark)
        made: Invoice = self._make(index, source, head, plain)
        return made

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

    # Families. Each states the fields that the bureau has for it.

    def _vat(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        kind, words = self.kind, head.words
        lines, fen, tax, rate = goods_lines(
            words,
            self._draws,
            source,
            special=kind.special,
            discounts=not plain,
            sign=head.sign,
            at_least=2 if plain else 0,
            only_first=head.only_first,
            including_tax=kind.doc_type == "vat_roll",
        )
        listed = not plain and words[12] % 60 == 0
        if listed and words[12] % 120 == 0:
            lines = (_summary(fen, tax, rate),)
        word = words[11]
        return Invoice(
            doc_type=kind.doc_type,
            doc_type_raw=kind.doc_type,
            invoice_code=self._numbers.code,
            invoice_number=self._numbers.number(index),
            issued_at=head.issued_at,
            issued_on=head.issued_at.date(),
            invoice_month=self.invoice_month,
            seller_tax_no=head.seller.tax_no,
            seller_name=head.seller.name,
            seller_address_phone=head.seller.address_phone,
            seller_bank_account=head.seller.bank_account,
            buyer_tax_no=head.buyer.tax_no,
            buyer_name=head.buyer.name,
            buyer_address_phone=head.buyer.address_phone,
            buyer_bank_account=head.buyer.bank_account,
            amount_excl_tax=money(fen),
            tax_amount=money(tax),
            amount_incl_tax=money(fen + tax),
            is_red=head.sign < 0,
            state=head.state,
            special_kind_raw="02" if not kind.special and word % 50 == 0 else None,
            has_goods_list=listed,
            check_code=f"{words[9]:010d}{words[10]:010d}",
            tax_control_code=f"03>{words[8]:010d}-+{words[7]:010d}*/<{words[6]:010d}" if word & 1 else None,
            machine_no=f"9999{word % 10**8:08d}",
            push_serial_no=f"99{self.invoice_month}{index:012d}",
            issue_kind_raw="1" if head.sign > 0 else None,
            seller_bureau_province="199000000",
            seller_bureau_city="199010000",
            seller_bureau_county=f"1990101{word % 100:02d}",
            drawer=PERSONS[word % 50],
            payee=PERSONS[(word >> 8) % 50] if word & 0x30000 else None,
            reviewer=PERSONS[(word >> 12) % 50] if word & 0xC0000 else None,
            remark=head.remark,
            lines=lines,
        )

    def _toll(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        kind, words = self.kind, head.words
        lines, fen, tax = toll_lines(words, sign=head.sign)
        return Invoice(
            doc_type=kind.doc_type,
            doc_type_raw=kind.doc_type,
            invoice_code=self._numbers.code,
            invoice_number=None if kind.digital else self._numbers.number(index),
            digital_number=self._numbers.digital(index) if kind.digital else None,
            issued_at=head.issued_at,
            issued_on=head.issued_at.date(),
            invoice_month=self.invoice_month,
            seller_tax_no=head.seller.tax_no,
            seller_name=head.seller.name,
            seller_address_phone=head.seller.address_phone,
            seller_bank_account=head.seller.bank_account,
            buyer_tax_no=head.buyer.tax_no,
            buyer_name=head.buyer.name,
            buyer_address_phone=head.buyer.address_phone,
            buyer_bank_account=head.buyer.bank_account,
            amount_excl_tax=money(fen),
            tax_amount=money(tax),
            amount_incl_tax=money(fen + tax),
            is_red=head.sign < 0,
            state=head.state,
            check_code=None if kind.digital else f"{words[9]:010d}{words[10]:010d}",
            drawer=PERSONS[words[11] % 50],
            remark=head.remark,
            lines=lines,
        )

    def _digital(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        kind, words = self.kind, head.words
        lines, fen, tax, rate = goods_lines(
            words,
            self._draws,
            source,
            special=kind.special,
            discounts=not plain,
            sign=head.sign,
            at_least=2 if plain else 0,
            only_first=head.only_first,
        )
        business, elements = special_businesses(words, head.issued_at.date())
        word = words[11]
        return Invoice(
            doc_type=kind.doc_type,
            doc_type_raw=kind.doc_type,
            invoice_code=self._numbers.code,
            invoice_number=self._numbers.number(index) if kind.code else None,
            digital_number=self._numbers.digital(index),
            issued_at=head.issued_at,
            issued_on=head.issued_at.date(),
            invoice_month=self.invoice_month,
            seller_tax_no=head.seller.tax_no,
            seller_name=head.seller.name,
            seller_address_phone=head.seller.address_phone,
            seller_bank_account=head.seller.bank_account,
            buyer_tax_no=head.buyer.tax_no,
            buyer_name=head.buyer.name,
            buyer_address_phone=head.buyer.address_phone,
            buyer_bank_account=head.buyer.bank_account,
            amount_excl_tax=money(fen),
            tax_amount=money(tax),
            amount_incl_tax=money(fen + tax),
            tax_rate=rate[0],
            tax_rate_text=rate[1],
            tax_rate_kind=rate[2],
            is_red=head.sign < 0,
            state=head.state,
            special_business=SPECIAL_BUSINESS_BY_CODE[business] if business else None,
            special_business_raw=business,
            declared_line_count=len(lines),
            issue_kind_raw="1" if head.sign > 0 else None,
            drawer=PERSONS[word % 50],
            payee=PERSONS[(word >> 8) % 50] if word & 0x30000 else None,
            reviewer=PERSONS[(word >> 12) % 50] if word & 0xC0000 else None,
            remark=head.remark,
            lines=lines,
            special_businesses=elements,
        )

    def _air(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        return self._ticket(index, head, air=True)

    def _rail(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        return self._ticket(index, head, air=False)

    def _ticket(self, index: int, head: _Head, *, air: bool) -> Invoice:
        number = self._numbers.digital(index)
        lines, fen, tax = fare_lines(head.words, air=air, sign=head.sign)
        rate = MIXED if air else rate_of(900)
        return Invoice(
            doc_type=self.kind.doc_type,
            doc_type_raw=self.kind.doc_type,
            digital_number=number,
            issued_at=head.issued_at,
            issued_on=head.issued_at.date(),
            invoice_month=self.invoice_month,
            seller_tax_no=head.seller.tax_no,
            seller_name=head.seller.name,
            buyer_tax_no=head.buyer.tax_no,
            buyer_name=head.buyer.name,
            amount_excl_tax=money(fen),
            tax_amount=money(tax),
            amount_incl_tax=money(fen + tax),
            tax_rate=rate[0],
            tax_rate_text=rate[1],
            tax_rate_kind=rate[2],
            is_red=head.sign < 0,
            state=head.state,
            declared_line_count=len(lines),
            drawer=PERSONS[head.words[1] % 50] if air else None,
            remark=head.remark,
            lines=lines,
            trips=trips(head.words, number, head.issued_at, air=air),
        )

    def _vehicle(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        kind, words = self.kind, head.words
        car = vehicle(words, head.seller, used=kind.used)
        rate = rate_of(50 if kind.used else 1300)
        fen = head.sign * (AMOUNTS[words[1] % len(AMOUNTS)] * 100 + 3_000_000)
        tax = tax_on(fen, rate[3])
        line = Line(
            line_no=1,
            item_name=f"{car.vehicle_type}{car.brand_model}",
            tax_class_code=car.tax_class_code,
            amount_excl_tax=money(fen),
            tax_rate=rate[0],
            tax_rate_kind=rate[2],
            tax_amount=money(tax),
            kind="synthetic",
        )
        return Invoice(
            doc_type=kind.doc_type,
            doc_type_raw=kind.doc_type,
            invoice_code=self._numbers.code,
            invoice_number=self._numbers.number(index) if kind.code else None,
            digital_number=self._numbers.digital(index) if kind.digital else None,
            issued_at=head.issued_at,
            issued_on=head.issued_at.date(),
            invoice_month=self.invoice_month,
            seller_tax_no=head.seller.tax_no,
            seller_name=head.seller.name,
            seller_address_phone=head.seller.address_phone,
            seller_bank_account=head.seller.bank_account,
            buyer_tax_no=head.buyer.tax_no,
            buyer_name=head.buyer.name,
            amount_excl_tax=money(fen),
            tax_amount=money(tax),
            amount_incl_tax=money(fen + tax),
            tax_rate=rate[0],
            tax_rate_text=rate[1],
            tax_rate_kind=rate[2],
            is_red=head.sign < 0,
            state=head.state,
            tax_control_code=None if kind.digital else f"03>{words[8]:010d}-+{words[7]:010d}",
            push_serial_no=f"99{self.invoice_month}{index:012d}",
            drawer=PERSONS[words[11] % 50],
            lines=(line,),
            vehicle=car,
        )

    def _customs(self, index: int, source: int, head: _Head, plain: bool) -> Invoice:
        issued_on = head.issued_at.date()
        payment, lines, fen, tax = customs_payment(head.words, self._draws, source, head.buyer, head.seller, issued_on)
        return Invoice(
            doc_type=self.kind.doc_type,
            doc_type_raw=self.kind.doc_type,
            customs_no=self._numbers.customs(index),
            issued_on=issued_on,
            invoice_month=self.invoice_month,
            buyer_tax_no=payment.payer1_tax_no,
            buyer_name=payment.payer1_name,
            amount_excl_tax=money(fen),
            amounts_derived=("amount_excl_tax",),
            tax_amount=money(tax),
            state="unknown",
            lines=lines,
            customs=payment,
        )


@lru_cache(maxsize=4096)
def true_slice(seed: int, taxpayer_no: str, invoice_month: str, doc_type: str, direction: str) -> TrueSlice:
    """The slice, kept: its constants are worth more than an invoice."""
    return TrueSlice(seed, taxpayer_no, invoice_month, doc_type, direction)


_SHARES: dict[str, float] = {
    "digital_ordinary": 0.45,
    "digital_special": 0.35,
    "rail_e": 0.05,
    "digital_toll": 0.04,
    "vat_ordinary_e": 0.02,
    "air_e": 0.02,
    "vat_special_paper": 0.015,
    "toll_e": 0.01,
    "vat_ordinary_paper": 0.01,
    "vat_special_e": 0.01,
    "customs_vat": 0.01,
    "digital_paper_special": 0.005,
    "digital_paper_ordinary": 0.003,
    "digital_motor": 0.002,
    "motor_paper": 0.001,
}
"""Of a company's invoices of one direction since 2025; the other types are met hardly ever."""


def default_count(seed: int, taxpayer_no: str, invoice_month: str, doc_type: str, direction: str, volume: int) -> int:
    """How many invoices a slice has when nothing else is said: most slices are empty, a few hold nearly everything.

    :param volume: invoices of an average taxpayer, month and direction.
    """
    if direction not in KINDS[doc_type].directions:
        return 0
    expected = volume * _SHARES.get(doc_type, 0.0)
    if direction == "output" and doc_type not in ("digital_ordinary", "digital_special"):
        expected *= 0.02  # who sells tickets or clears customs is rare
    chance = uniform(seed, "count", taxpayer_no, invoice_month, doc_type, direction)
    return int(expected * (0.5 + chance) + chance)


def _summary(fen: int, tax: int, rate: Rate) -> Line:
    """The one line of an invoice whose goods are on a list (清单) of their own."""
    fraction, printed, kind, _ = rate
    return Line(
        line_no=1,
        item_name="(详见销货清单)",
        amount_excl_tax=money(fen),
        tax_rate=fraction,
        tax_rate_text=printed,
        tax_rate_kind="missing" if kind == "mixed" else kind,
        tax_amount=money(tax),
        kind="summary",
    )


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
