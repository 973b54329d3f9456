"""Which numbers identify a document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from fapiao.invoices.codes import Scheme
from fapiao.invoices.identity import Number, identify, numbers_of
from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Invoice

Make = Callable[..., Invoice]
Judge = Callable[[Invoice], Examined]

DIGITAL = "24991000000000000001"


def rejections(examined: Examined) -> list[str]:
    return [item.rule for item in examined.rejected if item.severity.value == "reject"]


def test_a_digital_invoice_is_its_twenty_digits(make: Make) -> None:
    assert numbers_of(make()) == (Number(Scheme.DIGITAL20, DIGITAL),)


def test_a_paper_invoice_is_its_code_and_number(paper: Make) -> None:
    assert numbers_of(paper()) == (Number(Scheme.CODE_NO, "9900241130:00000017"),)


def test_e15_a_paper_face_seen_by_three_vendors_is_linked_by_its_numbers(make: Make) -> None:
    by_collection = make(
        doc_type="digital_paper_special", digital_number=None, invoice_code="9900241160", invoice_number="00000017"
    )
    by_list = make(doc_type="digital_paper_special", invoice_code="9900241160", invoice_number="00000017")
    by_verification = make(doc_type="digital_paper_special")
    first, second, third = (set(numbers_of(seen)) for seen in (by_collection, by_list, by_verification))
    assert first & second
    assert second & third
    assert first | second | third == {Number(Scheme.DIGITAL20, DIGITAL), Number(Scheme.CODE_NO, "9900241160:00000017")}
    assert numbers_of(by_list)[0].scheme == Scheme.DIGITAL20


def test_e28_the_holder_and_the_direction_are_no_part_of_the_identity(make: Make) -> None:
    assert numbers_of(make(buyer_tax_no="99")) == numbers_of(make(seller_tax_no="88"))


def test_e18_the_suffix_of_a_customs_number_is_part_of_it(make: Make) -> None:
    first = make(doc_type="customs_vat", digital_number=None, customs_no="990120241000000001-L01")
    second = make(doc_type="customs_vat", digital_number=None, customs_no="990120241000000001-L02")
    assert numbers_of(first) == (Number(Scheme.CUSTOMS, "990120241000000001-L01"),)
    assert numbers_of(first) != numbers_of(second)


def test_e18_either_payer_leads_to_the_same_customs_document(make: Make) -> None:
    one = make(doc_type="customs_vat", digital_number=None, customs_no="990120241000000001-L01", buyer_tax_no="1")
    other = make(doc_type="customs_vat", digital_number=None, customs_no="990120241000000001-L01", buyer_tax_no="2")
    assert numbers_of(one) == numbers_of(other)


def test_a_certificate_is_its_payer_and_number(make: Make) -> None:
    certificate = make(
        doc_type="tax_certificate",
        digital_number=None,
        certificate_no="399000241100000001",
        buyer_tax_no="91990000MA0000001",
    )
    assert numbers_of(certificate) == (Number(Scheme.CERTIFICATE, "91990000MA0000001:399000241100000001"),)


@pytest.mark.parametrize(
    "bad",
    [
        "****7366",
        "2499****000000000001",
        "0" * 20,
        "2.4952E+19",
        "2499100000000000001",
        DIGITAL + "1",
        "2499100000000000000A",
        "24991000000000000001.0",
    ],
)
def test_e12_e13_a_digital_number_that_is_not_whole_identifies_nothing(make: Make, judge: Judge, bad: str) -> None:
    examined = judge(make(digital_number=bad))
    assert examined.invoice is None
    assert examined.numbers == ()
    assert rejections(examined) == ["N4", "N0"]
    assert bad not in " ".join(item.message for item in examined.rejected)


@pytest.mark.parametrize("bad", ["****7366", "1234567", "123456789", "00000000", "1234567A"])
def test_e12_a_tax_control_number_has_eight_digits(paper: Make, judge: Judge, bad: str) -> None:
    assert rejections(judge(paper(invoice_number=bad))) == ["N3", "N0"]


@pytest.mark.parametrize("bad", ["******2130", "99002411300", "0000000000", "990024113"])
def test_an_invoice_code_has_ten_or_twelve_digits(paper: Make, judge: Judge, bad: str) -> None:
    assert rejections(judge(paper(invoice_code=bad))) == ["N1", "N0"]


@pytest.mark.parametrize(
    ("text", "look"),
    [
        ("****7366", "masked"),
        ("00000000", "all zeros"),
        ("1.2E+7", "floating-point"),
        ("1234567", "7 digits"),
        ("12-34-56", "signs in it"),
        ("ABCDEFG", "7 characters"),
    ],
)
def test_a_rejection_says_what_is_wrong_with_the_number(paper: Make, judge: Judge, text: str, look: str) -> None:
    assert look in judge(paper(invoice_number=text)).rejected[0].message


def test_a_number_without_its_code_identifies_nothing(paper: Make, judge: Judge) -> None:
    assert rejections(judge(paper(invoice_code=None))) == ["N0"]


def test_a_code_without_its_number_identifies_nothing(paper: Make, judge: Judge) -> None:
    assert rejections(judge(paper(invoice_number=None))) == ["N0"]


def test_a_record_without_any_number_is_rejected(make: Make, judge: Judge) -> None:
    assert rejections(judge(make(digital_number=None))) == ["N0"]


@pytest.mark.parametrize(
    "bad", ["990120241000000001", "9901**********0001-L01", "99012024100000001-L01", "000000000000000000-L01"]
)
def test_a_customs_number_without_its_suffix_or_digits_is_rejected(make: Make, judge: Judge, bad: str) -> None:
    assert rejections(judge(make(doc_type="customs_vat", digital_number=None, customs_no=bad))) == ["N5", "N0"]


@pytest.mark.parametrize("bad", ["1234567", "****00000001", "00000000000"])
def test_a_certificate_number_that_is_not_whole_is_rejected(make: Make, judge: Judge, bad: str) -> None:
    assert rejections(judge(make(doc_type="tax_certificate", digital_number=None, certificate_no=bad))) == ["N0"]


@pytest.mark.parametrize("payer", [None, "9199****"])
def test_a_certificate_needs_its_payer(make: Make, judge: Judge, payer: str | None) -> None:
    examined = judge(
        make(doc_type="tax_certificate", digital_number=None, certificate_no="399000241100000001", buyer_tax_no=payer)
    )
    assert rejections(examined) == ["N0"]
    assert "N10" in [item.rule for item in examined.rejected]


def test_a_bad_number_beside_a_good_one_is_a_warning_and_is_not_stored(make: Make, judge: Judge) -> None:
    examined = judge(make(doc_type="digital_paper_special", invoice_code="9900241160", invoice_number="****0017"))
    assert examined.invoice is not None
    assert examined.invoice.invoice_number is None
    assert examined.invoice.invoice_code == "9900241160"
    assert examined.numbers == (Number(Scheme.DIGITAL20, DIGITAL),)
    assert [(item.rule, item.severity.value) for item in examined.findings if item.rule == "N3"] == [("N3", "warning")]


def test_numbers_sort_by_scheme_and_value() -> None:
    numbers = [Number("digital20", "2"), Number("code_no", "9"), Number("digital20", "1")]
    assert sorted(numbers) == [numbers[1], numbers[2], numbers[0]]


def test_e29_a_number_drawn_before_new_year_is_only_information(make: Make, judge: Judge) -> None:
    def years(on: date, year: str) -> list[str]:
        examined = judge(make(issued_on=on, digital_number=year + DIGITAL[2:]))
        return [item.severity.value for item in examined.findings if item.rule == "N4Y"]

    assert years(date(2025, 1, 1), "24") == ["info"]
    assert years(date(2024, 12, 31), "25") == ["info"]
    assert years(date(2025, 1, 4), "24") == ["warning"]
    assert years(date(2024, 6, 30), "25") == ["warning"]
    assert years(date(2025, 1, 1), "25") == []


def test_an_old_customs_number_is_accepted_and_reported(make: Make, judge: Judge) -> None:
    examined = judge(make(doc_type="customs_vat", digital_number=None, customs_no="(1107)990000001-L01"))
    assert examined.numbers == (Number(Scheme.CUSTOMS, "(1107)990000001-L01"),)
    assert "N5L" in [item.rule for item in examined.findings]


@pytest.mark.parametrize(
    ("doc_type", "code", "fits"),
    [
        ("vat_special_paper", "9900241130", True),
        ("vat_special_paper", "9900241320", False),
        ("vat_ordinary_paper", "9900241320", True),
        ("vat_ordinary_paper", "9900241130", False),
        ("vat_ordinary_paper", "099002400104", True),
        ("vat_ordinary_e", "099002400111", True),
        ("vat_ordinary_e", "099002400112", True),
        ("toll_e", "099002400112", True),
        ("toll_e", "099002400111", False),
        ("vat_special_e", "099002400113", True),
        ("vat_special_e", "099002400111", False),
        ("vat_roll", "099002400107", True),
        ("used_car_paper", "099002400117", True),
        ("used_car_paper", "099002400104", False),
        ("vat_ordinary_e", "099002400199", True),
        ("motor_paper", "199002400104", True),
        ("digital_paper_special", "099002400111", True),
    ],
)
def test_n2_the_kind_printed_in_the_code_is_compared_with_the_type(
    paper: Make, judge: Judge, doc_type: str, code: str, fits: bool
) -> None:
    examined = judge(paper(doc_type=doc_type, invoice_code=code))
    assert ("N2" not in [item.rule for item in examined.findings]) is fits


def test_identification_of_a_sound_invoice_has_no_findings(make: Make) -> None:
    assert identify(make()).findings == ()
