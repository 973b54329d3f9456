"""One invoice from several observations."""
# ruff: noqa: DTZ001 -- times printed on documents are naive China time

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import msgspec
import pytest

from fapiao.invoices.folding import Folded, Observation, fold
from fapiao.invoices.model import Deduction, Invoice, Level, Trip, Vehicle
from fapiao.invoices.problems import finding

Make = Callable[..., Invoice]


def seen(invoice: Invoice, api: str = "collect", at: float = 1.0, source: str = "one") -> Observation:
    return Observation(source=source, api=api, observed_at=at, invoice=invoice)


def everywhere(*observations: Observation) -> Folded:
    """Fold in every order; all must agree."""
    results = [fold(order) for order in permutations(observations)]
    assert all(result == results[0] for result in results)
    return results[0]


def test_nothing_cannot_be_folded() -> None:
    with pytest.raises(ValueError, match="at least one observation"):
        fold([])


def test_one_observation_is_the_invoice_without_findings_and_deduction(make: Make) -> None:
    folded = fold([seen(make(findings=(finding("A6", "x"),), deduction=Deduction(is_checked=True)))])
    assert folded == Folded(invoice=make())


def test_an_observation_without_findings_is_not_copied(make: Make) -> None:
    invoice = make()
    assert fold([seen(invoice)]).invoice is invoice


@pytest.mark.parametrize(
    ("lower", "higher"), [("sync", "collect"), ("collect", "verify"), ("verify", "files"), ("anything", "sync")]
)
def test_the_better_interface_wins_whenever_it_was_asked(make: Make, lower: str, higher: str) -> None:
    folded = everywhere(seen(make(seller_name="甲"), lower, at=9.0), seen(make(seller_name="乙"), higher, at=1.0))
    assert folded.invoice.seller_name == "乙"
    assert folded.conflicts == ()


def test_ranks_are_a_parameter_and_may_name_one_source(make: Make) -> None:
    one, other = seen(make(seller_name="甲"), "verify"), seen(make(seller_name="乙"), "collect", source="two")
    assert fold([one, other], {"two.collect": 99, "verify": 5}).invoice.seller_name == "乙"


def test_of_equal_interfaces_the_newest_wins(make: Make) -> None:
    assert everywhere(seen(make(remark="旧")), seen(make(remark="新"), at=2.0)).invoice.remark == "新"


def test_of_equal_instants_the_content_decides_and_not_the_order(make: Make) -> None:
    everywhere(seen(make(remark="甲")), seen(make(remark="乙")), seen(make(remark="丙")))


def test_empty_never_replaces_known(make: Make) -> None:
    empty = Invoice(doc_type="digital_special", doc_type_raw="81", digital_number="24991000000000000001")
    assert everywhere(seen(make()), seen(empty, "files", at=9.0)).invoice == make()


@pytest.mark.parametrize("field", ["seller_name", "buyer_tax_no", "drawer", "check_code"])
def test_e12_masked_never_replaces_clean(make: Make, field: str) -> None:
    clean = make(drawer="测试开票员", check_code="99990000111122223333")
    masked = msgspec.structs.replace(clean, **{field: "***3333"})
    folded = everywhere(seen(clean, "sync"), seen(masked, "files", at=9.0))
    assert getattr(folded.invoice, field) == getattr(clean, field)
    assert folded.conflicts == ()


def test_e12_masked_is_better_than_nothing(make: Make) -> None:
    assert everywhere(seen(make(drawer="张*")), seen(make(), "files")).invoice.drawer == "张*"


def test_an_asterisk_in_a_remark_is_no_mask(make: Make) -> None:
    assert everywhere(seen(make(remark="3*5 台"), "files"), seen(make(remark="别的"))).invoice.remark == "3*5 台"


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("amount_excl_tax", Decimal("301.00")),
        ("tax_amount", Decimal("40.00")),
        ("amount_incl_tax", Decimal("341.00")),
        ("issued_on", date(2024, 11, 6)),
        ("seller_tax_no", "919900000000000099"),
        ("buyer_tax_no", "919900000000000099"),
        ("doc_type", "digital_ordinary"),
        ("digital_number", "24991000000000000002"),
    ],
)
def test_a_different_value_of_what_cannot_change_is_a_conflict_and_the_better_one_stays(
    make: Make, field: str, other: Any
) -> None:
    folded = everywhere(seen(make(**{field: other}), "sync", at=9.0, source="two"), seen(make(), "verify"))
    assert getattr(folded.invoice, field) == getattr(make(), field)
    assert [(item.rule, item.field) for item in folded.conflicts] == [("M1", field)]
    assert folded.conflicts[0].message == "two.sync and one.verify state different values; the latter is kept."
    assert str(other) not in folded.conflicts[0].message


def test_a_conflict_of_several_sources_is_reported_once_with_all_of_them(make: Make) -> None:
    changed = make(tax_amount=Decimal("40.00"))
    folded = everywhere(
        seen(make(), "verify"), seen(changed, "sync", source="two"), seen(changed, "sync", source="three")
    )
    assert [item.message.split(" and ")[0] for item in folded.conflicts] == ["three.sync, two.sync"]


def test_names_may_change_without_a_conflict(make: Make) -> None:
    assert everywhere(seen(make(seller_name="旧名")), seen(make(seller_name="新名"), at=2.0)).conflicts == ()


def test_e27_a_number_in_its_old_form_is_no_conflict(make: Make) -> None:
    new = "919900000000000015"
    folded = everywhere(seen(make(seller_tax_no=new[2:17]), "sync"), seen(make(seller_tax_no=new)))
    assert folded.conflicts == ()
    assert folded.invoice.seller_tax_no == new


def test_e17_e26_the_newest_known_state_wins_over_every_rank(make: Make) -> None:
    first = seen(make(state="normal", state_raw="0"), "files", at=1.0)
    later = seen(make(state="red_full", state_raw="8"), "sync", at=5.0)
    silent = seen(make(state="unknown", state_raw=None), "verify", at=9.0)
    folded = everywhere(first, later, silent)
    assert (folded.invoice.state, folded.invoice.state_raw) == ("red_full", "8")


def test_an_invoice_that_came_into_a_state_nobody_knows_does_not_look_normal(make: Make) -> None:
    folded = everywhere(
        seen(make(state="normal", state_raw="0"), "verify", at=1.0), seen(make(state="unknown", state_raw="4"), at=2.0)
    )
    assert (folded.invoice.state, folded.invoice.state_raw) == ("unknown", "4")
    known = everywhere(
        seen(make(state="unknown", state_raw="4"), at=1.0), seen(make(state="normal", state_raw="0"), at=2.0)
    )
    assert (known.invoice.state, known.invoice.state_raw) == ("normal", "0")


def test_a_state_nobody_understood_keeps_its_raw_code(make: Make) -> None:
    folded = everywhere(
        seen(make(state="unknown", state_raw="77"), at=2.0), seen(make(state="unknown", state_raw=None), at=3.0)
    )
    assert (folded.invoice.state, folded.invoice.state_raw) == ("unknown", "77")
    nobody = everywhere(
        seen(make(state="unknown", state_raw=None)), seen(make(state="unknown", state_raw=None, remark="x"))
    )
    assert (nobody.invoice.state, nobody.invoice.state_raw) == ("unknown", None)


def test_lines_come_whole_from_one_observation(make: Make) -> None:
    one, two = make().lines
    folded = everywhere(
        seen(make(lines=(one,)), "verify"), seen(make(lines=(one, two)), "collect"), seen(make(lines=()), "files")
    )
    assert folded.invoice.lines == (one,)


def test_lines_made_from_the_head_yield_to_real_ones(make: Make) -> None:
    made = (msgspec.structs.replace(make().lines[0], kind="synthetic"),)
    assert everywhere(seen(make(lines=made), "files"), seen(make(), "sync")).invoice.lines == make().lines
    assert everywhere(seen(make(lines=made), "files"), seen(make(lines=()), "sync")).invoice.lines == made


def test_children_come_whole_from_the_best_observation_that_has_them(make: Make) -> None:
    trips = (Trip(trip_no=1, origin="甲城"),)
    car = Vehicle(vin="TEST")
    folded = everywhere(
        seen(make(trips=trips), "sync"), seen(make(vehicle=car, extra={"a": 1}), "collect"), seen(make(), "files")
    )
    assert (folded.invoice.trips, folded.invoice.vehicle, folded.invoice.extra) == (trips, car, {"a": 1})


def test_the_level_is_the_highest_anybody_reached(make: Make) -> None:
    folded = everywhere(
        seen(make(level=Level.LIST), at=9.0), seen(make(level=Level.FULL)), seen(make(level=Level.HEAD))
    )
    assert folded.invoice.level is Level.FULL


def test_a_list_seen_first_is_lifted_by_the_full_collection(make: Make) -> None:
    thin = make(level=Level.LIST, lines=(), amounts_derived=("amount_incl_tax",), issued_at=datetime(2024, 11, 5))
    folded = everywhere(seen(thin, "sync", at=9.0, source="two"), seen(make()))
    assert folded == Folded(invoice=make())


def test_a_computed_amount_yields_to_a_stated_one_without_a_conflict(make: Make) -> None:
    computed = make(amount_incl_tax=Decimal("339.01"), amounts_derived=("amount_incl_tax",))
    folded = everywhere(seen(computed, "files"), seen(make(), "sync"))
    assert folded == Folded(invoice=make())


def test_a_computed_amount_is_better_than_none_and_says_so(make: Make) -> None:
    computed = make(amounts_derived=("amount_incl_tax",))
    folded = everywhere(seen(computed, "sync"), seen(make(amount_incl_tax=None), "collect"))
    assert folded.invoice.amount_incl_tax == Decimal("339.00")
    assert folded.invoice.amounts_derived == ("amount_incl_tax",)


def test_midnight_yields_to_a_time_of_the_same_day(make: Make) -> None:
    folded = everywhere(seen(make(issued_at=datetime(2024, 11, 5)), "files"), seen(make(), "sync"))
    assert folded.invoice.issued_at == datetime(2024, 11, 5, 14, 58, 24)


def test_a_time_of_another_day_does_not_come_with_the_day_chosen(make: Make) -> None:
    other = make(issued_on=date(2024, 11, 6), issued_at=datetime(2024, 11, 6, 9))
    folded = everywhere(seen(make(issued_at=None), "files"), seen(other, "sync"))
    assert (folded.invoice.issued_on, folded.invoice.issued_at) == (date(2024, 11, 5), None)


def test_a_vague_type_yields_to_a_specific_one_without_a_conflict(make: Make) -> None:
    vague = make(doc_type="digital_generic", doc_type_raw="09")
    unknown = make(doc_type="unknown", doc_type_raw="10xdp")
    folded = everywhere(seen(unknown, "files"), seen(vague, "verify"), seen(make(), "sync"))
    assert (folded.invoice.doc_type, folded.invoice.doc_type_raw) == ("digital_special", "81")
    assert folded.conflicts == ()


def test_e15_one_paper_digital_invoice_seen_three_times_has_all_its_numbers(make: Make) -> None:
    paper = {"doc_type": "digital_paper_special", "invoice_code": "9900241160", "invoice_number": "00000017"}
    collected = make(**paper, doc_type_raw="84", digital_number=None)
    listed = make(**paper, doc_type_raw="85")
    verified = make(doc_type="digital_paper_special", doc_type_raw="0901")
    folded = everywhere(seen(collected), seen(listed, "sync", source="two"), seen(verified, "verify", source="three"))
    found = folded.invoice
    assert (found.invoice_code, found.invoice_number, found.digital_number) == (
        "9900241160",
        "00000017",
        "24991000000000000001",
    )
    assert folded.conflicts == ()


def test_the_rate_moves_as_one(make: Make) -> None:
    mixed = make(tax_rate_kind="mixed", tax_rate_text="0")
    masked = make(tax_rate_kind="masked", tax_rate_text="***")
    plain = make(tax_rate=Decimal("0.13"), tax_rate_text="13%", tax_rate_kind="normal")
    unread = make(tax_rate_text="??", tax_rate_kind="missing")
    folded = everywhere(
        seen(mixed, "files"), seen(masked, "verify"), seen(plain, "sync"), seen(unread, "files", at=3.0)
    )
    assert (folded.invoice.tax_rate, folded.invoice.tax_rate_text, folded.invoice.tax_rate_kind) == (
        Decimal("0.13"),
        "13%",
        "normal",
    )
    assert everywhere(seen(mixed), seen(unread, "files")).invoice.tax_rate_kind == "mixed"


def test_a_business_that_was_understood_comes_with_its_own_raw_code(make: Make) -> None:
    understood = make(special_business="construction", special_business_raw="03")
    strange = make(special_business_raw="99")
    folded = everywhere(seen(strange, "files"), seen(understood, "sync"))
    assert (folded.invoice.special_business, folded.invoice.special_business_raw) == ("construction", "03")
    assert everywhere(seen(strange), seen(make(), "files")).invoice.special_business_raw == "99"


def test_the_colour_comes_with_the_amounts(make: Make) -> None:
    red = make(
        is_red=True,
        amount_excl_tax=Decimal("-300.00"),
        tax_amount=Decimal("-39.00"),
        amount_incl_tax=Decimal("-339.00"),
        lines=(),
    )
    blank = make(amount_excl_tax=None, tax_amount=None, amount_incl_tax=None, lines=())
    assert everywhere(seen(red, "sync"), seen(blank, "files")).invoice.is_red is True


def test_a_holders_deduction_is_no_part_of_the_document(make: Make) -> None:
    folded = everywhere(seen(make(deduction=Deduction(is_checked=True)), "files"), seen(make(remark="x")))
    assert folded.invoice.deduction is None


def test_every_field_of_the_model_is_decided_by_the_fold(make: Make) -> None:
    full = {name: getattr(make(), name) for name in Invoice.__struct_fields__}
    for name, value in full.items():
        if value is None and name not in (
            "vehicle",
            "customs",
            "extra",
            "deduction",
            "has_goods_list",
            "declared_line_count",
            "tax_rate",
        ):
            full[name] = f"测试 {name}"
    full |= {"has_goods_list": True, "declared_line_count": 2, "tax_rate": Decimal("0.13"), "tax_rate_kind": "normal"}
    rich = Invoice(**full)
    bare = Invoice(doc_type="unknown", doc_type_raw="?")
    folded = everywhere(seen(rich), seen(bare, "files", at=9.0)).invoice
    assert {name for name in Invoice.__struct_fields__ if getattr(folded, name) != getattr(rich, name)} == set()
