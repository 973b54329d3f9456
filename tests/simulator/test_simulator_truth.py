"""The true invoices: the same for the same seed, consistent to the cent, varied, and nobody's."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fapiao.invoices.codes import DOC_TYPES
from fapiao.invoices.identity import numbers_of
from fapiao.invoices.model import Invoice
from fapiao.testing.kinds import KINDS
from fapiao.testing.numbering import Numbering, tax_number
from fapiao.testing.truth import TrueSlice, true_slice
from fapiao.testing.volumes import default_count

TAXPAYER = tax_number(1)
MONTH = "202411"
ROOT = Path(__file__).resolve().parents[2]


def some(doc_type: str, count: int = 400, direction: str = "input", **other: object) -> list[Invoice]:
    taxpayer = str(other.get("taxpayer", TAXPAYER))
    month = str(other.get("month", MONTH))
    return list(true_slice(1, taxpayer, month, doc_type, direction).invoices(range(count)))


@pytest.mark.parametrize("doc_type", tuple(KINDS))
def test_every_kind_is_a_canonical_document_type(doc_type: str) -> None:
    assert doc_type in DOC_TYPES


@pytest.mark.parametrize("doc_type", tuple(KINDS))
def test_the_order_of_generation_does_not_matter(doc_type: str) -> None:
    first, second = (TrueSlice(7, TAXPAYER, MONTH, doc_type, "input") for _ in range(2))
    forwards = [first.invoice(index) for index in range(100)]
    backwards = [second.invoice(index) for index in reversed(range(100))]
    assert forwards == backwards[::-1]


def test_another_process_with_another_hash_seed_makes_the_same_invoices() -> None:
    program = (
        "import hashlib, msgspec, sys\n"
        "from fapiao.testing.truth import true_slice\n"
        f"made = list(true_slice(1, {TAXPAYER!r}, {MONTH!r}, 'digital_special', 'input').invoices(range(200)))\n"
        "print(hashlib.sha256(msgspec.json.encode(made)).hexdigest())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT / "provider")}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    ours = msgspec.json.encode(some("digital_special", 200))
    assert told.stdout.strip() == hashlib.sha256(ours).hexdigest()


def test_another_seed_makes_other_invoices() -> None:
    one, two = (TrueSlice(seed, TAXPAYER, MONTH, "digital_special", "input").invoice(0) for seed in (1, 2))
    assert one.amount_excl_tax != two.amount_excl_tax


@pytest.mark.parametrize("doc_type", tuple(KINDS))
def test_heads_and_lines_agree_to_the_cent(doc_type: str) -> None:
    for invoice in some(doc_type, 2000):
        if invoice.amount_incl_tax is not None:
            assert invoice.amount_excl_tax is not None
            assert invoice.tax_amount is not None
            assert invoice.amount_excl_tax + invoice.tax_amount == invoice.amount_incl_tax
        if invoice.lines:
            assert sum(line.amount_excl_tax or 0 for line in invoice.lines) == invoice.amount_excl_tax
            assert sum(line.tax_amount or 0 for line in invoice.lines) == invoice.tax_amount


def test_quantity_times_price_is_the_amount() -> None:
    priced = [line for invoice in some("digital_special", 1000) for line in invoice.lines if line.quantity is not None]
    assert len(priced) > 1000
    for line in priced:
        assert line.quantity is not None
        assert line.unit_price is not None
        assert line.amount_excl_tax is not None
        assert abs(line.quantity * line.unit_price - line.amount_excl_tax) <= Decimal("0.001")


def test_no_number_is_given_twice_over_types_directions_months_and_taxpayers() -> None:
    seen: Counter[object] = Counter()
    for taxpayer in (tax_number(1), tax_number(2), tax_number(399), "91110000TESTOTHER1"):
        for month in ("202312", "202401", "202411"):
            for doc_type in KINDS:
                for direction in KINDS[doc_type].directions:
                    source = true_slice(1, taxpayer, month, doc_type, direction)
                    for index in (0, 1, 2, 999, 100_000):
                        seen.update(numbers_of(source.invoice(index)))
    assert len(seen) > 2000
    assert seen.most_common(1)[0][1] == 1


def test_every_fortieth_invoice_has_a_red_letter_of_the_same_goods() -> None:
    invoices = some("digital_special", 80)
    red = [place for place, invoice in enumerate(invoices) if invoice.is_red]
    assert len(red) == 2
    for place in red:
        if place == 0:
            continue
        letter, blue = invoices[place], invoices[place - 1]
        assert blue.state in ("red_full", "red_partial")
        assert str(blue.digital_number) in str(letter.remark)
        assert letter.amount_excl_tax is not None
        assert blue.amount_excl_tax is not None
        if blue.state == "red_full":
            assert letter.amount_excl_tax == -blue.amount_excl_tax
        else:
            assert 0 > letter.amount_excl_tax > -blue.amount_excl_tax


def test_only_paper_is_voided() -> None:
    assert any(invoice.state == "voided" for invoice in some("vat_ordinary_paper", 2000))
    assert not any(invoice.state == "voided" for invoice in some("digital_special", 2000))


def test_the_mix_has_what_careless_mappings_break_on() -> None:
    invoices = some("digital_ordinary", 6000, "output")
    lines = [line for invoice in invoices for line in invoice.lines]
    kinds = {line.tax_rate_kind for line in lines}
    assert kinds >= {"normal", "exempt", "not_taxed", "zero", "masked"}
    assert {line.kind for line in lines} == {"normal", "discount", "discounted"}
    assert any(invoice.tax_rate_kind == "mixed" for invoice in invoices)
    assert any(not invoice.lines for invoice in invoices)
    assert any(len(invoice.lines) >= 100 for invoice in invoices)
    assert any(line.quantity is None for line in lines)
    assert any(invoice.buyer_tax_no is None for invoice in invoices)
    assert {invoice.special_business_raw for invoice in invoices} >= {None, "03", "04", "05", "06", "09"}
    text = "".join(f"{invoice.seller_name}{invoice.buyer_name}{invoice.remark}" for invoice in invoices)
    assert "𠮷" in text
    assert "䶮" in text
    assert "😀" in text
    assert 2.0 < len(lines) / len(invoices) < 3.2


def test_goods_lists_are_summed_up_in_one_line() -> None:
    listed = [invoice for invoice in some("vat_special_paper", 2000) if invoice.has_goods_list]
    assert any([line.kind for line in invoice.lines] == ["summary"] for invoice in listed)


def test_the_taxpayer_is_the_buyer_of_what_comes_in_and_the_seller_of_what_goes_out() -> None:
    assert {invoice.buyer_tax_no for invoice in some("digital_special", 50)} == {TAXPAYER}
    assert {invoice.seller_tax_no for invoice in some("digital_special", 50, "output")} == {TAXPAYER}


@pytest.mark.parametrize("month", ["202402", "202312", "202411"])
def test_invoices_are_issued_within_their_month(month: str) -> None:
    issued = [invoice.issued_on for invoice in some("digital_special", 1000, month=month)]
    assert {f"{day:%Y%m}" for day in issued if day is not None} == {month}
    assert len(set(issued)) > 27


def test_every_tax_number_lies_in_a_region_that_does_not_exist() -> None:
    for doc_type in KINDS:
        for invoice in some(doc_type, 200):
            for number in (invoice.seller_tax_no, invoice.buyer_tax_no):
                assert number is None or number.startswith("91990000")


def test_most_slices_are_empty_and_a_few_hold_nearly_everything() -> None:
    counts = {
        (doc_type, direction): default_count(1, TAXPAYER, MONTH, doc_type, direction, 400)
        for doc_type in KINDS
        for direction in ("input", "output")
    }
    assert sum(count == 0 for count in counts.values()) > 20
    assert counts["digital_ordinary", "input"] > 80
    assert counts["customs_vat", "output"] == 0


def test_no_document_has_a_number_of_zeros_only() -> None:
    numbers = {
        f"{month}{direction}": Numbering(tax_number(1), month, 1, direction, "0rryybbbbb11").number(0)
        for month in ("202408", "202409", "202410")
        for direction in ("input", "output")
    }
    assert "00000000" not in numbers.values()
    assert len(set(numbers.values())) == len(numbers)
