"""Properties that hold for any input: parsers never raise, money is exact, folding does not depend on order."""
# ruff: noqa: DTZ001 -- times printed on documents are naive China time

from __future__ import annotations

import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fapiao.invoices import values
from fapiao.invoices.folding import Folded, Observation, fold
from fapiao.invoices.identity import numbers_of
from fapiao.invoices.intake import examine
from fapiao.invoices.model import Deduction, Invoice, Level, Line, NormalizeContext
from fapiao.invoices.problems import Problems
from fapiao.invoices.red_letter import parse

CONTEXT = NormalizeContext(
    source="s", api="collect", taxpayer_no="9", invoice_month="202411", type="81", direction="input"
)

texts = st.text(st.characters(blacklist_categories=())) | st.text(
    "0123456789.,-+eE%（）()￥¥* :/年月日TZ\u200b\xa0", max_size=40
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | texts
    | st.sampled_from(["null", "None", "", "***", Decimal("1E+999999"), Decimal("1E-999999"), 10**4000, sys.maxsize])
)  # fmt: skip
json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

PARSERS = (
    values.money, values.quantity, values.moment, values.day, values.month, values.name, values.remark, values.identifier,
    values.flag, values.count, values.tax_number, values.number, values.invoice_number, values.invoice_code, values.customs_number,
    lambda raw, problems, field: values.rate(raw, problems, field, values.FRACTION),
    lambda raw, problems, field: values.rate(raw, problems, field, values.PERCENT),
    lambda raw, problems, field: values.document_numbers(raw, raw, raw, problems),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(json)
def test_parsers_never_raise_and_repeat_themselves(raw: Any) -> None:
    for parser in PARSERS:
        problems, again = Problems(), Problems()
        assert parser(raw, problems, "field") == parser(raw, again, "field")
        assert problems.found() == again.found()


def test_parsers_survive_an_integer_that_python_does_not_print() -> None:
    for parser in PARSERS:
        problems = Problems()
        parser(10**5000, problems, "field")
        assert problems


@settings(max_examples=300, deadline=None)
@given(texts)
def test_cleaned_texts_can_be_written_and_cleaning_is_done_once(raw: str) -> None:
    for parser in (values.remark, values.identifier, values.tax_number, values.number, values.name):
        text = parser(raw, Problems(), "field")
        if text is not None:
            assert text.encode("utf-8")
            assert "\x00" not in text
            if "&" not in raw:
                assert parser(text, Problems(), "field") == text


@given(st.decimals(min_value=-(10**13), max_value=10**13, places=2))
def test_money_survives_every_way_it_is_written(amount: Decimal) -> None:
    written: list[Any] = [
        amount,
        str(amount),
        f"{amount:,.2f}",
        f"￥{amount:,.2f}",
        f"{amount:.4f}",
        f" {amount} ",
        format(amount, "E"),
    ]
    if amount < 0:
        written += [f"({-amount:,.2f})", f"（{-amount}）"]
    for raw in written:
        problems = Problems()
        found = values.money(raw, problems, "field")
        assert found == amount
        assert found is not None
        assert found.as_tuple().exponent == -2
        assert not problems
    assert msgspec.json.decode(msgspec.json.encode(amount), type=Decimal) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19))
def test_quantities_survive_exactly(quantity: Decimal) -> None:
    problems = Problems()
    found, text = values.quantity(format(quantity, "f"), problems, "field")
    assert found == quantity
    assert text == format(quantity, "f")
    assert not problems


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 12, 31)))
def test_times_survive_every_way_they_are_written(at: datetime) -> None:
    at = at.replace(microsecond=0)
    epoch = (at - datetime(1970, 1, 1, 8)) // (datetime(1970, 1, 1, 1) - datetime(1970, 1, 1)) * 3_600_000
    epoch += at.minute * 60_000 + at.second * 1000
    written = [
        f"{at:%Y-%m-%d %H:%M:%S}",
        f"{at:%Y%m%d%H%M%S}",
        f"{at:%Y年%m月%d日%H:%M:%S}",
        f"{at.year}/{at.month}/{at.day} {at:%H:%M:%S}",
    ]
    if len(str(epoch)) == 13:
        written.append(str(epoch))
    for raw in written:
        assert values.moment(raw, Problems(), "field") == (at, at.date())


@settings(deadline=None)
@given(
    st.text(max_size=200) | st.from_regex(r"(蓝字|代码|号码|确认单编号|[:： ]|\d{8}|\d{10}|\d{12}|\d{16}|\d{20}){1,12}")
)
def test_remarks_never_break_the_search_for_references(text: str) -> None:
    reference = parse(text)
    assert reference == parse(text)
    assert len(set(reference.blue)) == len(reference.blue)


money = st.none() | st.decimals(min_value=-1000, max_value=1000, places=2)
words = st.none() | st.sampled_from(["甲", "乙", "张*", "***", "丙丁"])
lines = st.builds(
    Line,
    line_no=st.integers(-1, 3),
    item_name=words,
    quantity=money,
    unit_price=money,
    amount_excl_tax=money,
    tax_rate=st.none() | st.sampled_from([Decimal("0.13"), Decimal("0.17"), Decimal(0)]),
    tax_rate_kind=st.sampled_from([None, "normal", "exempt", "missing"]),
    tax_amount=money,
    kind=st.sampled_from(["normal", "discount", "discounted", "summary", "synthetic"]),
)
invoices = st.builds(
    Invoice,
    doc_type=st.sampled_from(
        ["digital_special", "digital_ordinary", "digital_paper_special", "unknown", "customs_vat", "no such"]
    ),
    doc_type_raw=st.sampled_from(["81", "09"]),
    digital_number=st.none() | st.sampled_from(["24991000000000000001", "****0001", "24991000000000000002"]),
    invoice_code=st.none() | st.sampled_from(["9900241160", "1"]),
    invoice_number=st.none() | st.sampled_from(["00000017", "17"]),
    issued_at=st.none() | st.sampled_from([datetime(2024, 11, 5), datetime(2024, 11, 5, 9), datetime(2024, 11, 6, 9)]),
    issued_on=st.none() | st.sampled_from([date(2024, 11, 5), date(2024, 11, 6)]),
    seller_tax_no=st.none() | st.sampled_from(["919900000000000015", "990000000000001", "9199****"]),
    seller_name=words,
    drawer=words,
    remark=words,
    amount_excl_tax=money,
    tax_amount=money,
    amount_incl_tax=money,
    amounts_derived=st.sampled_from([(), ("amount_incl_tax",), ("tax_amount", "amount_incl_tax")]),
    tax_rate=st.none() | st.just(Decimal("0.13")),
    tax_rate_text=st.none() | st.just("13%"),
    tax_rate_kind=st.sampled_from([None, "normal", "mixed", "missing"]),
    is_red=st.booleans(),
    state=st.sampled_from(["normal", "red_full", "unknown"]),
    state_raw=st.none() | st.sampled_from(["0", "8"]),
    special_business=st.none() | st.just("toll"),
    special_business_raw=st.none() | st.sampled_from(["08", "99"]),
    declared_line_count=st.none() | st.integers(0, 3),
    level=st.sampled_from(list(Level)),
    lines=st.lists(lines, max_size=3).map(tuple),
    extra=st.none() | st.just({"a": 1}) | st.just({"b": 2}),
    deduction=st.none() | st.just(Deduction(is_checked=True, valid_tax=Decimal(1))),
)
observations = st.lists(
    st.builds(
        Observation,
        source=st.sampled_from(["one", "two"]),
        api=st.sampled_from(["collect", "sync", "verify", "files", "else"]),
        observed_at=st.sampled_from([1.0, 2.0, 3.0]),
        invoice=invoices,
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(observations, st.data())
def test_folding_does_not_depend_on_order_or_repetition(seen: list[Observation], data: st.DataObject) -> None:
    folded = fold(seen)
    repeated = data.draw(st.permutations(seen + data.draw(st.lists(st.sampled_from(seen), max_size=3))))
    assert fold(repeated) == folded


@settings(max_examples=200, deadline=None)
@given(observations)
def test_folding_what_was_folded_changes_nothing(seen: list[Observation]) -> None:
    once = fold(seen).invoice
    again = Observation(source="one", api="collect", observed_at=1.0, invoice=once)
    assert fold([again]) == fold([again, again]) == Folded(invoice=once)


@settings(max_examples=200, deadline=None)
@given(observations)
def test_folding_loses_no_clean_value(seen: list[Observation]) -> None:
    folded = fold(seen).invoice
    for name in ("seller_name", "drawer", "seller_tax_no", "amount_excl_tax", "tax_rate", "issued_on"):
        stated = {getattr(item.invoice, name) for item in seen} - {None}
        clean = {value for value in stated if not (isinstance(value, str) and "*" in value)}
        assert (getattr(folded, name) in (clean or stated)) if stated else getattr(folded, name) is None


@settings(max_examples=300, deadline=None)
@given(invoices)
def test_examining_never_raises_and_sets_exactly_one_outcome(invoice: Invoice) -> None:
    examined = examine({}, 0, invoice, CONTEXT)
    assert (examined.invoice is None) is bool(examined.rejected)
    assert bool(examined.numbers) is (examined.invoice is not None)
    if examined.invoice is not None:
        assert examined.numbers == numbers_of(examined.invoice)
        numbers = [line.line_no for line in examined.invoice.lines]
        assert len(set(numbers)) == len(numbers)
