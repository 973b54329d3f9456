"""Golden tests of single values: what the vendor writes, and what the columns then hold, on every kind of database."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dictating import SELLER, Golden, claimed, digital, item, page, verified
from fapiao.engine.transcript import unpack

D = Decimal
SLICE = ("81", "input")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
"""ASCII as an input method of Chinese writes it: ０１２ＡＢＣ."""


def test_e1_a_rate_is_a_fraction_a_text_and_a_kind_in_whatever_words_it_comes(golden: Golden) -> None:
    """易快报 states fractions, so a bare 6 is in the other unit and told so; 6 percent is 6 percent either way."""
    said = ["免税", "不征税", "***", "0", "0%", "6", "6%", "0.06", "１３％", None, "", "1", "七"]
    golden.collect({SLICE: [page([digital(1, slv=None, lines=[item(slv=text) for text in said])])]})
    assert golden.rows("invoice_line", "tax_rate_text", "tax_rate", "tax_rate_kind") == [
        ("免税", D(0), "exempt"),
        ("不征税", D(0), "not_taxed"),
        ("***", None, "masked"),
        ("0", D(0), "zero"),
        ("0%", D(0), "zero"),
        ("6", D("0.06"), "normal"),
        ("6%", D("0.06"), "normal"),
        ("0.06", D("0.06"), "normal"),
        ("１３％", D("0.13"), "normal"),
        (None, None, "missing"),
        (None, None, "missing"),
        ("1", D("0.01"), "normal"),
        ("七", None, "missing"),
    ]
    assert golden.findings("R1", "R3", "R4") == [
        ("R3", "warning", "lines[5].tax_rate"),
        ("R3", "warning", "lines[11].tax_rate"),
        ("R4", "warning", "lines[12].tax_rate"),
    ]


def test_e1_where_the_vendor_states_percent_a_bare_number_is_percent(golden: Golden) -> None:
    """企享云: ``taxRate`` is percent text, ``realTaxRate`` the fraction behind it, which decides."""
    said: list[tuple[Any, Any]] = [
        ("6", D("0.06")), ("6", ""), ("1", ""), ("0.06", ""), ("13%", ""), ("免税", 0), ("***", D("0.03")), ("***", ""),
    ]  # fmt: skip
    items = [
        {"rowNo": number, "commodityName": "测试", "taxRate": text, "realTaxRate": real}
        for number, (text, real) in enumerate(said, 1)
    ]
    golden.verify(claimed(1), verified(1, items=items))
    assert golden.rows("invoice_line", "tax_rate_text", "tax_rate", "tax_rate_kind") == [
        ("6", D("0.06"), "normal"),
        ("6", D("0.06"), "normal"),
        ("1", D("0.01"), "normal"),
        ("0.06", D("0.06"), "normal"),
        ("13%", D("0.13"), "normal"),
        ("免税", D(0), "exempt"),
        ("***", D("0.03"), "normal"),
        ("***", None, "masked"),
    ]
    assert golden.findings("R3") == [("R3", "warning", "lines[3].tax_rate")]


def test_e2_quantities_and_prices_keep_their_text_and_are_exact_decimals(golden: Golden) -> None:
    said = [
        ..., "", "0", "1e3", "33.333333333333333", "0.123456789012345678", "0.12345678901234567800",
        "0.1234567890123456789", "1.500", "100000000000000000000", D("0.10"),
    ]  # fmt: skip
    golden.collect({SLICE: [page([digital(1, lines=[item(sl=text, dj=text) for text in said])])]})
    expected: list[tuple[str | None, Decimal | None]] = [
        (None, None),
        (None, None),
        ("0", D(0)),
        ("1e3", D(1000)),
        ("33.333333333333333", D("33.333333333333333")),
        ("0.123456789012345678", D("0.123456789012345678")),
        ("0.12345678901234567800", D("0.123456789012345678")),
        ("0.1234567890123456789", D("0.123456789012345679")),
        ("1.500", D("1.5")),
        ("100000000000000000000", None),
        ("0.10", D("0.1")),
    ]
    assert golden.rows("invoice_line", "quantity_text", "quantity") == expected
    assert golden.rows("invoice_line", "unit_price_text", "unit_price") == expected
    assert golden.findings("Q1", "Q2") == [
        ("Q1", "info", "lines[7].quantity"), ("Q1", "info", "lines[7].unit_price"),
        ("Q1", "info", "lines[9].quantity"), ("Q1", "info", "lines[9].unit_price"),
    ]  # fmt: skip


def test_e5_an_invoice_of_two_rates_has_no_rate_of_its_own_whether_its_head_says_zero_or_nothing(
    golden: Golden,
) -> None:
    lines = [item(), item(slv=D("0.06"), se=D("6.00"))]
    heads = [D(0), None, "", "0"]
    amounts = {"je": D("200.00"), "se": D("19.00"), "jshj": D("219.00")}
    golden.collect(
        {SLICE: [page([digital(number, slv=slv, lines=lines, **amounts) for number, slv in enumerate(heads, 1)])]}
    )
    assert golden.rows("invoice", "tax_rate", "tax_rate_kind") == [(None, "mixed")] * 4
    assert (
        golden.rows("invoice_line", "tax_rate", "tax_rate_kind") == [(D("0.13"), "normal"), (D("0.06"), "normal")] * 4
    )
    assert golden.findings() == []


def test_e6_names_lose_what_is_invisible_and_numbers_their_width_and_the_answer_is_kept_as_it_came(
    golden: Golden,
) -> None:
    said = digital(
        1,
        fphm=f" {'24990000000000000001'.translate(FULL_WIDTH)}\u200b",
        xfsbh=f"{SELLER[:9].lower()} {SELLER[9:].translate(FULL_WIDTH)}",
        xfmc="\u200b甲乙丙（测试）&amp;\u00a0有限\t公司\n\ufeff",
        gfmc=" 丁戊己&lt;测试&gt;有限公司 ",
        bz="第一行\r\n第二行\t列\u200b",
    )
    golden.collect({SLICE: [page([said])]})
    assert golden.rows(
        "invoice", "digital_number", "seller_tax_no", "seller_name", "buyer_name", "remark"
    ) == [
        (
            "24990000000000000001", SELLER, "甲乙丙（测试）& 有限公司", "丁戊己<测试>有限公司",
            "第一行\n第二行\t列",
        ),
    ]  # fmt: skip
    (transcript,) = golden.rows("page", "transcript")
    (exchange,) = unpack(transcript)
    kept = exchange.response.json()["value"]["data"]["list"][0]
    assert {name: kept[name] for name in ("fphm", "xfsbh", "xfmc", "gfmc", "bz")} == {
        name: said[name] for name in ("fphm", "xfsbh", "xfmc", "gfmc", "bz")
    }


def test_e7_rare_characters_survive_the_whole_way(golden: Golden) -> None:
    """Outside the basic plane (four bytes), of extension A, private use, compatibility ideographs, emoji."""
    names = [
        "𠮷野家测试有限公司",
        "䶮㛃测试有限公司",
        "\ue000测试有限公司",
        "\uf900丽\uf91d测试有限公司",
        "㈱测试①有限公司",
    ]
    golden.collect(
        {SLICE: [page([digital(number, xfmc=name, bz=f"{name}👨‍👩‍👧") for number, name in enumerate(names, 1)])]}
    )
    assert golden.rows("invoice", "seller_name", "remark") == [(name, f"{name}👨‍👩‍👧") for name in names]
    assert golden.findings() == []


def test_e9_amounts_are_exact_decimals_in_whatever_form_they_are_written(golden: Golden) -> None:
    """One that is larger than any invoice is left out: the sums of its page and slice would end beyond their columns."""
    said: list[Any] = [
        "1,234.50", "￥100.00", "¥100.00", " 12.30 ", "1E+3", D("0.30000000000000004"), "12.3400", "12.345", "-0.00",
        "(5.00)", "（5.00）", "１２．５０", D("1E+3"), 7, "9999999999999.99", "9999999999999999.99", "一百", True,
    ]  # fmt: skip
    assert golden.collect({SLICE: [page([digital(number, je=value) for number, value in enumerate(said, 1)])]}) is None
    assert golden.rows("invoice", "amount_excl_tax") == [
        D("1234.50"), D("100.00"), D("100.00"), D("12.30"), D("1000.00"), D("0.30"), D("12.34"), D("12.35"), D("0.00"),
        D("-5.00"), D("-5.00"), D("12.50"), D("1000.00"), D("7.00"), D("9999999999999.99"), None, None, None,
    ]  # fmt: skip
    assert golden.findings("A6", "A8") == [
        ("A6", "warning", "amount_excl_tax"),
        ("A6", "warning", "amount_excl_tax"),
        ("A6", "warning", "amount_excl_tax"),
        ("A8", "warning", "amount_excl_tax"),
        ("A8", "warning", "amount_excl_tax"),
    ]


def test_e10_every_form_of_nothing_is_null_and_the_answer_tells_which_it_was(golden: Golden) -> None:
    said: list[Any] = [None, "", ..., "null", "None", [], {}, " "]
    fields = {
        "bz": "remark",
        "se": "tax_amount",
        "kpr": "drawer",
        "xhqdBz": "has_goods_list",
        "mxts": "declared_line_count",
    }
    golden.collect(
        {SLICE: [page([digital(number, **dict.fromkeys(fields, value)) for number, value in enumerate(said, 1)])]}
    )
    assert golden.rows("invoice", *fields.values()) == [(None,) * 5] * 8
    assert [finding for finding in golden.findings() if finding[2] in fields.values()] == []
    (transcript,) = golden.rows("page", "transcript")
    (exchange,) = unpack(transcript)
    kept = exchange.response.json()["value"]["data"]["list"]
    assert [row.get("bz", ...) for row in kept] == said


def test_e11_a_date_is_the_same_day_in_every_form_and_what_is_none_is_left_out_and_told(golden: Golden) -> None:
    said: list[Any] = [
        "2024-11-05", "2024-11-05 14:58:24", "20241105", "20241105145824", "2024年11月5日", "2024/11/5",
        1730789904000, "1730789904000", "20241105145824123", "2024-11-05T06:58:24Z", "0000-00-00", "1970-01-01",
        "1899-12-30", "2024-12-31", "2024-02-30", "", None,
    ]  # fmt: skip
    golden.collect({SLICE: [page([digital(number, kprq=value) for number, value in enumerate(said, 1)])]})
    on, at = date(2024, 11, 5), datetime(2024, 11, 5, 14, 58, 24)  # noqa: DTZ001 -- China time as printed
    assert golden.rows("invoice", "issued_on", "issued_at") == [
        (on, None), (on, at), (on, None), (on, at), (on, None), (on, None),
        (on, at), (on, at), (on, at), (on, at), (None, None), (None, None),
        (None, None), (None, None), (None, None), (None, None), (None, None),
    ]  # fmt: skip
    assert [finding[:2] for finding in golden.findings("D1", "D2", "D3", "D7")] == [
        ("D2", "warning"), ("D2", "warning"), ("D2", "warning"), ("D3", "warning"), ("D1", "warning"),
        ("D7", "warning"), ("D7", "warning"),
    ]  # fmt: skip


def test_e19_the_total_of_a_check_may_be_with_tax_or_without_and_arithmetic_tells(golden: Golden) -> None:
    """A total that fits neither is kept as it is stated, and A1 says that the sum is wrong."""
    said = [(D("100.00"), "113.00"), (D("113.00"), "113.00"), (D("6287.74"), "6665.00"), (D("90.00"), "113.00")]
    for number, (total, with_tax) in enumerate(said, 1):
        tax = D("377.26") if with_tax == "6665.00" else D("13.00")
        record = verified(number, totalAmount=total, totalTax=tax, amountTax=D(with_tax), items=[])
        assert golden.verify(claimed(number, with_tax), record) is None
    assert golden.rows("invoice", "amount_excl_tax", "tax_amount", "amount_incl_tax", "amounts_derived") == [
        (D("100.00"), D("13.00"), D("113.00"), None),
        (D("100.00"), D("13.00"), D("113.00"), "amount_excl_tax"),
        (D("6287.74"), D("377.26"), D("6665.00"), None),
        (D("90.00"), D("13.00"), D("113.00"), None),
    ]
    assert golden.findings("A1") == [("A1", "warning", "amount_incl_tax")]


def test_e29_leap_days_and_ends_of_months_are_days_and_a_number_may_be_older_than_its_new_year(golden: Golden) -> None:
    """Months are those of China: one second before midnight of 31 December is December."""
    rows = [
        digital(1, fphm="24990000000000000001", kprq="2024-02-29 23:59:59", kpyf="202402"),
        digital(2, fphm="23990000000000000002", kprq="2023-02-29 00:00:00", kpyf="202302"),
        digital(3, fphm="24990000000000000003", kprq="2024-12-31 23:59:59", kpyf="202412"),
        digital(4, fphm="23990000000000000004", kprq="2024-01-01 00:00:00", kpyf="202401"),
        digital(5, fphm="23990000000000000005", kprq="2024-01-04 00:00:00", kpyf="202401"),
        digital(6, fphm="24990000000000000006", kprq="2023-12-31 23:59:58", kpyf="202312"),
        digital(7, fphm="24990000000000000007", kprq="2024-11-30 23:59:59", kpyf="202412"),
    ]
    golden.now += 60 * 86_400
    golden.collect({SLICE: [page(rows)]})
    assert golden.rows("invoice", "issued_on", "invoice_month") == [
        (date(2024, 2, 29), "202402"),
        (None, "202302"),
        (date(2024, 12, 31), "202412"),
        (date(2024, 1, 1), "202401"),
        (date(2024, 1, 4), "202401"),
        (date(2023, 12, 31), "202312"),
        (date(2024, 11, 30), "202412"),
    ]
    assert golden.findings("N4Y", "D1", "D5") == [
        ("D1", "warning", "issued_at"),
        ("N4Y", "info", "digital_number"),
        ("N4Y", "warning", "digital_number"),
        ("N4Y", "info", "digital_number"),
        ("D5", "warning", "invoice_month"),
    ]
