"""Red letters: references in remarks, states by arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from fapiao.invoices.codes import Scheme
from fapiao.invoices.identity import Number
from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Invoice
from fapiao.invoices.red_letter import BlueReference, RedReference, judge, parse

Make = Callable[..., Invoice]
Examine = Callable[[Invoice], Examined]

BLUE20 = "24991000000000000009"
FORM20 = "99001124111000000001"


def digital(number: str, certain: bool = True) -> BlueReference:
    return BlueReference(Number(Scheme.DIGITAL20, number), certain)


def coded(code: str, number: str) -> BlueReference:
    return BlueReference(Number(Scheme.CODE_NO, f"{code}:{number}"), True)


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        (
            f"被红冲蓝字数电票号码：{BLUE20} 红字发票信息确认单编号：{FORM20}",
            RedReference((digital(BLUE20),), (FORM20,)),
        ),
        (
            f"红字发票信息确认单编号：{FORM20}\n被红冲蓝字数电发票号码:{BLUE20}",
            RedReference((digital(BLUE20),), (FORM20,)),
        ),
        ("对应正数发票代码:099002400111号码:00000017", RedReference((coded("099002400111", "00000017"),))),
        ("对应正数发票代码：9900241130 号码：00000017 其他", RedReference((coded("9900241130", "00000017"),))),
        ("开具红字增值税专用发票信息表编号9900112411000001", RedReference((), ("9900112411000001",))),
        ("开具红字增值税专用发票通知单编号：9900112411000001", RedReference((), ("9900112411000001",))),
        (
            f"被红冲蓝字增值税专用发票代码：9900241160，发票号码：00000017，红字确认单编号{FORM20}",
            RedReference((coded("9900241160", "00000017"),), (FORM20,)),
        ),
        (f"退货 {BLUE20}", RedReference((digital(BLUE20, certain=False),))),
        (f"被红冲蓝字数电票号码：{BLUE20}，{BLUE20}", RedReference((digital(BLUE20),))),
        ("被红冲蓝字数电票号码：２４９９１０００００００００００００09", RedReference((digital(BLUE20),))),
        ("合同 123456，数量 20 台", RedReference()),
        (f"账号 {BLUE20}1", RedReference()),
        ("", RedReference()),
        (None, RedReference()),
    ],
)
def test_e3_remarks_name_their_blue_invoice(remark: str | None, expected: RedReference) -> None:
    assert parse(remark) == expected


def test_a_reference_is_true_where_it_names_something() -> None:
    assert parse(f"蓝字号码{BLUE20}")
    assert not parse("退货")


def test_e3_a_red_invoice_carries_its_reference_through_the_gate(make: Make, judge: Examine) -> None:
    lines = ()
    red = make(
        is_red=True, amount_excl_tax=Decimal(-3), tax_amount=Decimal(0), amount_incl_tax=Decimal(-3), lines=lines,
        remark=f"被红冲蓝字数电票号码：{BLUE20}",
    )  # fmt: skip
    examined = judge(red)
    assert examined.red == RedReference((digital(BLUE20),))
    assert "S2" not in [item.rule for item in examined.findings]


def test_a_blue_invoice_has_no_reference(make: Make, judge: Examine) -> None:
    assert judge(make(remark=f"被红冲蓝字数电票号码：{BLUE20}")).red is None


def reds(make: Make, *amounts: str) -> list[Invoice]:
    return [make(is_red=True, amount_excl_tax=Decimal(amount)) for amount in amounts]


def test_e3_partial_reds_that_sum_to_the_whole_make_it_full(make: Make) -> None:
    assert judge(make(state="red_full"), reds(make, "-100.00", "-200.00")) == ("red_full", [])


def test_e3_partial_reds_leave_it_partial(make: Make) -> None:
    assert judge(make(state="red_partial"), reds(make, "-100.00")) == ("red_partial", [])


def test_e3_a_stale_state_is_found_by_the_sum(make: Make) -> None:
    state, found = judge(make(state="normal"), reds(make, "-300.00"))
    assert state == "red_full"
    assert [item.rule for item in found] == ["S5"]


def test_a_red_state_whose_reds_were_not_collected_yet_is_no_contradiction(make: Make) -> None:
    assert judge(make(state="red_full"), []) == ("normal", [])


def test_states_that_arithmetic_cannot_know_are_left_alone(make: Make) -> None:
    assert judge(make(state="out_of_control"), reds(make, "-100.00")) == ("red_partial", [])


def test_e3_reds_beyond_the_whole_are_reported(make: Make) -> None:
    state, found = judge(make(state="red_full"), reds(make, "-300.00", "-0.01"))
    assert state == "red_full"
    assert [item.rule for item in found] == ["S3"]


def test_e3_a_red_of_a_red_is_reported(make: Make) -> None:
    assert [item.rule for item in judge(make(is_red=True), reds(make, "-1.00"))[1]] == ["S4"]
    assert judge(make(is_red=True), []) == ("normal", [])


def test_reds_of_an_invoice_without_an_amount_make_it_partial(make: Make) -> None:
    assert judge(make(amount_excl_tax=None, state="unknown"), reds(make, "-1.00")) == ("red_partial", [])
