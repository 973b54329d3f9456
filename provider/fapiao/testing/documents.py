"""The families of documents: which fields the tax bureau has for each, and how its lines come about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from fapiao.invoices.codes import SPECIAL_BUSINESS_BY_CODE
from fapiao.invoices.model import Invoice, Line
from fapiao.testing.draws import Draws
from fapiao.testing.kinds import Kind
from fapiao.testing.lines import AMOUNTS, MIXED, Rate, goods_lines, money, rate_of, tax_on
from fapiao.testing.names import PERSONS
from fapiao.testing.particulars import customs_payment, fare_lines, special_businesses, toll_lines, trips, vehicle
from fapiao.testing.parties import Party

__all__ = ["MAKERS", "Head"]


class Head(msgspec.Struct, frozen=True, gc=False):
    """What is settled about a record before its family is asked."""

    kind: Kind
    invoice_month: str
    index: int
    """Gives numbers and time."""
    source: int
    """Gives the content: ``index``, for a red letter that of the blue record."""
    code: str | None
    number: str
    digital: str
    customs_no: str
    draws: Draws
    words: tuple[int, ...]
    """Drawn for ``source``."""
    issued_at: datetime
    seller: Party
    buyer: Party
    sign: int
    """-1 for a red letter."""
    only_first: bool
    """A partial red letter: of the first line alone."""
    plain: bool
    """Has a red letter or is one: no discounts, no list."""
    state: str
    remark: str | None


def _vat(head: Head) -> Invoice:
    kind, words = head.kind, head.words
    lines, fen, tax, rate = goods_lines(
        words,
        head.draws,
        head.source,
        special=kind.special,
        discounts=not head.plain,
        sign=head.sign,
        at_least=2 if head.plain else 0,
        only_first=head.only_first,
        including_tax=kind.doc_type == "vat_roll",
    )
    listed = not head.plain and words[12] % 60 == 0
    if listed and words[12] % 120 == 0:
        lines = (_summary(fen, tax, rate),)
    word = words[11]
    return Invoice(
        doc_type=kind.doc_type,
        doc_type_raw=kind.doc_type,
        invoice_code=head.code,
        invoice_number=head.number,
        issued_at=head.issued_at,
        issued_on=head.issued_at.date(),
        invoice_month=head.invoice_month,
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
        push_serial_no=f"99{head.invoice_month}{head.index:012d}",
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


def _toll(head: Head) -> Invoice:
    kind, words = head.kind, head.words
    lines, fen, tax = toll_lines(words, sign=head.sign)
    return Invoice(
        doc_type=kind.doc_type,
        doc_type_raw=kind.doc_type,
        invoice_code=head.code,
        invoice_number=None if kind.digital else head.number,
        digital_number=head.digital if kind.digital else None,
        issued_at=head.issued_at,
        issued_on=head.issued_at.date(),
        invoice_month=head.invoice_month,
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


def _digital(head: Head) -> Invoice:
    kind, words = head.kind, head.words
    lines, fen, tax, rate = goods_lines(
        words,
        head.draws,
        head.source,
        special=kind.special,
        discounts=not head.plain,
        sign=head.sign,
        at_least=2 if head.plain else 0,
        only_first=head.only_first,
    )
    business, elements = special_businesses(words, head.issued_at.date())
    word = words[11]
    return Invoice(
        doc_type=kind.doc_type,
        doc_type_raw=kind.doc_type,
        invoice_code=head.code,
        invoice_number=head.number if kind.code else None,
        digital_number=head.digital,
        issued_at=head.issued_at,
        issued_on=head.issued_at.date(),
        invoice_month=head.invoice_month,
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


def _air(head: Head) -> Invoice:
    return _ticket(head, air=True)


def _rail(head: Head) -> Invoice:
    return _ticket(head, air=False)


def _ticket(head: Head, *, air: bool) -> Invoice:
    number = head.digital
    lines, fen, tax = fare_lines(head.words, air=air, sign=head.sign)
    rate = MIXED if air else rate_of(900)
    return Invoice(
        doc_type=head.kind.doc_type,
        doc_type_raw=head.kind.doc_type,
        digital_number=number,
        issued_at=head.issued_at,
        issued_on=head.issued_at.date(),
        invoice_month=head.invoice_month,
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


def _vehicle(head: Head) -> Invoice:
    kind, words = head.kind, head.words
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
        invoice_code=head.code,
        invoice_number=head.number if kind.code else None,
        digital_number=head.digital if kind.digital else None,
        issued_at=head.issued_at,
        issued_on=head.issued_at.date(),
        invoice_month=head.invoice_month,
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
        push_serial_no=f"99{head.invoice_month}{head.index:012d}",
        drawer=PERSONS[words[11] % 50],
        lines=(line,),
        vehicle=car,
    )


def _customs(head: Head) -> Invoice:
    issued_on = head.issued_at.date()
    payment, lines, fen, tax = customs_payment(head.words, head.draws, head.source, head.buyer, head.seller, issued_on)
    return Invoice(
        doc_type=head.kind.doc_type,
        doc_type_raw=head.kind.doc_type,
        customs_no=head.customs_no,
        issued_on=issued_on,
        invoice_month=head.invoice_month,
        buyer_tax_no=payment.payer1_tax_no,
        buyer_name=payment.payer1_name,
        amount_excl_tax=money(fen),
        amounts_derived=("amount_excl_tax",),
        tax_amount=money(tax),
        state="unknown",
        lines=lines,
        customs=payment,
    )


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


MAKERS: dict[str, Callable[[Head], Invoice]] = {
    "vat": _vat,
    "toll": _toll,
    "digital": _digital,
    "air": _air,
    "rail": _rail,
    "vehicle": _vehicle,
    "customs": _customs,
}
"""Family of a kind → its document."""
