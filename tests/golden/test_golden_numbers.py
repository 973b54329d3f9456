"""Golden tests of the numbers that identify documents: whole ones lead to one document, others to none."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from dictating import BUYER, SELLER, Golden, certified, claimed, digital, listed, page, verified

D = Decimal
SLICE = ("81", "input")
MASKED_PAYER = f"{BUYER[:4]}**********{BUYER[-4:]}"


def paper(number: Any, **changes: Any) -> dict[str, Any]:
    """A tax-control invoice of 易快报: code and 8 digits."""
    return digital(1, **{"fpdm": "099002400104", "fphm": number} | changes)


def test_e12_what_is_masked_identifies_nothing_and_is_not_checked_as_if_it_were_whole(golden: Golden) -> None:
    """A masked number sets its record aside; masked parties are kept as they are printed and only told."""
    golden.collect(
        {
            SLICE: [page([digital(1, fphm="****7366"), digital(2, fphm="2499************0002"), digital(3)])],
            ("04", "input"): [page([paper("****0004", fpdm="0990024*****"), paper("****0005"), paper("00000006")])],
        }
    )
    golden.collect({SLICE: [page([digital(3, xfsbh=f"{SELLER[:4]}****", xfmc="甲**公司", gfsbh="", gfmc="张*")])]})
    assert golden.rejected() == [(0, ["N3", "N1", "N0"]), (1, ["N3", "N0"]), (0, ["N3", "N0"]), (1, ["N4", "N0"])]
    assert golden.rows("invoice_number", "scheme", "value") == [
        ("code_no", "099002400104:00000006"),
        ("digital20", "24990000000000000003"),
    ]
    assert golden.rows("invoice", "digital_number", "seller_tax_no", "seller_name", "buyer_tax_no", "buyer_name") == [
        (None, SELLER, "甲乙丙测试有限公司", BUYER, "丁戊己测试有限公司"),
        ("24990000000000000003", SELLER, "甲乙丙测试有限公司", BUYER, "丁戊己测试有限公司"),
    ]
    assert golden.findings("T2", "T5", "T6", "T7", "M1") == [
        ("T6", "info", "seller_tax_no"), ("T7", "warning", "buyer_tax_no"),
    ]  # fmt: skip
    assert golden.rows("slice", "type", "state", "expected", "loaded", "rejected")[:2] == [
        ("04", "rejected", 3, 1, 2), ("81", "rejected", 3, 1, 2),
    ]  # fmt: skip


def test_e12_masked_parties_are_kept_where_nobody_states_them_whole(golden: Golden) -> None:
    golden.sync(
        {"11": [listed([certified(1, purchaserTaxNo=MASKED_PAYER, purchaserName="丁**公司", salesTaxName="张*")])]}
    )
    assert golden.rows("invoice", "buyer_tax_no", "buyer_name", "seller_name") == [(MASKED_PAYER, "丁**公司", "张*")]
    assert golden.findings() == [("T6", "info", "buyer_tax_no")]


def test_e13_twenty_digits_are_whole_as_text_as_a_json_number_and_with_blanks_and_lost_in_exponents(
    golden: Golden,
) -> None:
    said: list[Any] = [
        "24990000000000000001", D("24990000000000000002"), " 2499 0000 0000 0000 0003\u00a0", D("2.499E+19"), "2.4990E+19",
        "2.4990000000000000E19", D("24990000000000000007.0"), "2499000000000000000", "249900000000000000099", "0" * 20,
    ]  # fmt: skip
    golden.collect({SLICE: [page([digital(number, fphm=value) for number, value in enumerate(said, 1)])]})
    assert golden.rows("invoice", "digital_number") == [
        "24990000000000000001", "24990000000000000002", "24990000000000000003",
    ]  # fmt: skip
    assert golden.rejected() == [(place, ["N4", "N0"]) for place in range(3, 10)]
    assert golden.rows("slice", "state", "expected", "loaded", "rejected", "amount_excl_tax") == [
        ("rejected", 10, 3, 7, D("300.00"))
    ]


def test_e14_zeros_that_an_integer_lost_come_back_and_lead_to_the_same_document(golden: Golden) -> None:
    """00123456 as 123456; a code of 12 digits that begins with 0 as one of 11. Text is not filled up: nobody lost its zeros."""
    golden.collect({("04", "input"): [page([paper(123456, fpdm=99002400104), paper("123457")])]})
    golden.collect({("04", "input"): [page([paper("00123456")])]})
    assert golden.rows("invoice", "invoice_code", "invoice_number") == [("099002400104", "00123456")]
    assert golden.rows("invoice_number", "scheme", "value") == [("code_no", "099002400104:00123456")]
    assert golden.findings("N9") == [("N9", "warning", "invoice_code"), ("N9", "warning", "invoice_number")]
    assert golden.rejected() == [(1, ["N3", "N0"])]


NUMBER = "24990000000000000005"
VENDORS = {
    "易快报 84": lambda golden: golden.collect({("84", "input"): [page([paper("00000005")])]}),
    "金财 85": lambda golden: golden.sync(
        {
            "11": [
                listed(
                    [certified(5, invoiceType="85", invoiceCode="099002400104", invoiceNumber="00000005", ylzd5=NUMBER)]
                )
            ]
        }
    ),
    "企享云 0901": lambda golden: golden.verify(claimed(5), verified(5, invoiceType="0901")),
}


@pytest.mark.parametrize("order", list(itertools.permutations(VENDORS)), ids=" > ".join)
def test_e15_a_paper_digital_invoice_of_three_vendors_is_one_document_with_two_numbers(
    golden: Golden, order: tuple[str, ...]
) -> None:
    """易快报 calls it 84 and knows code and number, 金财 calls it 85 and knows both, 企享云 knows the 20 digits."""
    for vendor in order:
        assert VENDORS[vendor](golden) is None
    assert golden.rows(
        "invoice", "doc_type", "invoice_code", "invoice_number", "digital_number", "amount_excl_tax", "tax_amount"
    ) == [("digital_paper_special", "099002400104", "00000005", NUMBER, D("100.00"), D("13.00"))]
    assert golden.rows("invoice_number", "scheme", "value") == [
        ("code_no", "099002400104:00000005"), ("digital20", NUMBER),
    ]  # fmt: skip
    assert golden.rows("invoice_holding", "taxpayer_no", "direction") == [(BUYER, "input")]
    assert sorted(golden.rows("observation", "source", "api")) == [
        ("ekuaibao", "collect"), ("jcsk", "sync"), ("qixiangyun", "verify"),
    ]  # fmt: skip


CUSTOMS = "990120241000000001"
FIRST, SECOND = BUYER, SELLER


def customs(number: str, **changes: Any) -> dict[str, Any]:
    """A customs payment certificate of 易快报."""
    return {
        "jkshm": number, "tfrq": "2024-11-06", "tfyf": "202411", "jkdw1nsrsbh": FIRST, "jkdw1mc": "丁戊己测试有限公司",
        "skje": D("1300.00"),
        "hwxx": [{"mxxh": 1, "hwmc": "测试货物", "sl": "1", "dw": "台", "wsjg": D("10000.00"), "slv": D("0.13"), "skje": D("1300.00")}],
    } | changes  # fmt: skip


def test_e18_a_customs_number_has_one_form_its_suffix_is_part_of_it_and_either_payer_holds_it(golden: Golden) -> None:
    rows = [
        customs(f"{CUSTOMS}-L01"), customs(f"{CUSTOMS}-L02"), customs(f"{CUSTOMS}-A01"),
        customs("990120241000000002/L01"), customs("990120241000000003l01"), customs("990120241000000004-l01"),
        customs("990120241000000005-L01", jkdw2nsrsbh=SECOND, jkdw2mc="甲乙丙测试有限公司"), customs("17-L01"),
    ]  # fmt: skip
    golden.collect({("17", "input"): [page(rows)]})
    golden.sync(
        {
            "11": [
                listed(
                    [
                        certified(
                            1,
                            invoiceType="17",
                            invoiceNumber=f"{CUSTOMS}/l01",
                            totalAmount="",
                            salesTaxNo="",
                            salesTaxName="",
                        ),
                        certified(
                            1,
                            invoiceType="17",
                            invoiceNumber="990120241000000005L01",
                            totalAmount="",
                            purchaserTaxNo=SECOND,
                        ),
                    ]
                )
            ]
        }
    )
    assert golden.rows("invoice", "customs_no", "buyer_tax_no", "amount_excl_tax", "tax_amount", "amount_incl_tax") == [
        (f"{CUSTOMS}-L01", FIRST, D("10000.00"), D("1300.00"), None),
        (f"{CUSTOMS}-L02", FIRST, D("10000.00"), D("1300.00"), None),
        (f"{CUSTOMS}-A01", FIRST, D("10000.00"), D("1300.00"), None),
        ("990120241000000002-L01", FIRST, D("10000.00"), D("1300.00"), None),
        ("990120241000000003-L01", FIRST, D("10000.00"), D("1300.00"), None),
        ("990120241000000004-L01", FIRST, D("10000.00"), D("1300.00"), None),
        ("990120241000000005-L01", FIRST, D("10000.00"), D("1300.00"), None),
    ]
    assert golden.rows("customs", "payer1_tax_no", "payer2_tax_no")[-1] == (FIRST, SECOND)
    assert len(golden.rows("invoice_number", "value")) == 7
    assert golden.rejected() == [(7, ["N5", "N0"])]
    assert golden.findings("N5L") == [("N5L", "warning", "customs_no")]
