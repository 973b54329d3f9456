"""Rule C7: gaps in the numbers of a taxpayer's own tax-control invoices, when a generation closes."""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.store.ledger.number_gaps import MOST_GAPS
from fapiao.wire import SliceKey
from storing import HOLDER, NOON, Shelf, invoice

CODE = "099002400111"
OWN = SliceKey("10", "output")
BOUGHT = SliceKey("10", "input")


def own(number: int, **changes: Any) -> Invoice:
    """A tax-control invoice that the holder has issued."""
    values: dict[str, Any] = {
        "doc_type": "vat_ordinary_e", "doc_type_raw": "10", "digital_number": None, "invoice_code": CODE,
        "invoice_number": f"{number:08d}", "seller_tax_no": HOLDER, "buyer_tax_no": "91990000000000002X",
    }  # fmt: skip
    return invoice(number, **(values | changes))


def month(shelf: Shelf, name: str, *records: Invoice, key: SliceKey = OWN, now: float = NOON, **changes: Any) -> None:
    """Collect and close a generation of a month."""
    shelf.key = msgspec.structs.replace(shelf.key, invoice_month=name)
    shelf.wanted = (OWN, BOUGHT)
    shelf.open(now)
    shelf.load(*records, key=key, invoice_month=name, fetched_at=now, **changes)
    shelf.close(now=now)


def gaps(shelf: Shelf) -> list[tuple[str, str]]:
    return [(row["severity"], row["message"]) for row in shelf.rows("fapiao_finding") if row["rule"] == "C7"]


def test_c7_missing_numbers_are_told_as_ranges(shelf: Shelf) -> None:
    month(shelf, "202411", own(120), own(122), own(128), own(129))
    assert gaps(shelf) == [
        ("warning", f"Code {CODE} lacks 00000121 (1 number)."),
        ("warning", f"Code {CODE} lacks 00000123–00000127 (5 numbers)."),
    ]


def test_c7_the_finding_leads_to_the_invoice_after_the_gap_and_to_its_slice(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202411", own(1), own(3))
    [found] = [row for row in sqlite_shelf.rows("fapiao_finding") if row["rule"] == "C7"]
    owners = {row["value"]: row["invoice_key"] for row in sqlite_shelf.rows("fapiao_invoice_number")}
    assert found["invoice_key"] == owners[f"{CODE}:00000003"]
    assert found["slice_id"] == sqlite_shelf.slice(OWN).slice_id


def test_c7_a_voided_invoice_uses_up_its_number(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202411", own(1), own(2, state="voided", state_raw="2"), own(3))
    assert gaps(sqlite_shelf) == []


def test_c7_numbers_go_on_from_the_month_before(shelf: Shelf) -> None:
    month(shelf, "202410", own(1), own(2))
    month(shelf, "202411", own(5))
    assert gaps(shelf) == [("warning", f"Code {CODE} lacks 00000003–00000004 (2 numbers).")]


def test_c7_numbers_go_on_into_the_month_after_that_was_collected_first(shelf: Shelf) -> None:
    month(shelf, "202501", own(5))
    month(shelf, "202412", own(1), own(2))
    assert gaps(shelf) == [("warning", f"Code {CODE} lacks 00000003–00000004 (2 numbers).")]


def test_c7_a_month_that_was_not_collected_is_no_gap(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202409", own(1))
    month(sqlite_shelf, "202411", own(9))
    assert gaps(sqlite_shelf) == []


def test_c7_a_number_that_another_month_has_is_present(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202409", own(2))
    month(sqlite_shelf, "202411", own(1), own(3))
    assert gaps(sqlite_shelf) == []


def test_c7_codes_are_told_apart(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202411", own(1), own(2, invoice_code="099002400211"), own(3))
    assert gaps(sqlite_shelf) == [("warning", f"Code {CODE} lacks 00000002 (1 number).")]


def test_c7_many_missing_numbers_in_a_row_are_information(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202411", own(1), own(102), own(204))
    assert gaps(sqlite_shelf) == [
        ("warning", f"Code {CODE} lacks 00000002–00000101 (100 numbers)."),
        (
            "info",
            f"Code {CODE} lacks 00000103–00000203 (101 numbers). So many in a row are rather the border of two allotments.",
        ),
    ]


def test_c7_bought_and_digital_invoices_have_no_gaps(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202411", own(1, buyer_tax_no=HOLDER), own(3, buyer_tax_no=HOLDER), key=BOUGHT)
    face: dict[str, Any] = {"doc_type": "digital_paper_ordinary", "doc_type_raw": "85"}
    month(sqlite_shelf, "202412", own(11, **face), own(13, **face))
    month(sqlite_shelf, "202501", invoice(1), invoice(3))
    assert gaps(sqlite_shelf) == []


def test_c7_a_slice_that_was_not_read_to_its_end_shows_no_gaps(sqlite_shelf: Shelf) -> None:
    shelf = sqlite_shelf
    shelf.wanted = (OWN,)
    shelf.key = msgspec.structs.replace(shelf.key, invoice_month="202412")
    shelf.open()
    shelf.load(own(1), own(3), key=OWN, invoice_month="202412", total=3)
    part = shelf.slice(OWN)
    shelf.ledger.close_slice(part.slice_id, "incomplete", shelf.ledger.tally(part.slice_id), None, None, NOON)
    shelf.ledger.close(shelf.collection.collection_id, "incomplete", NOON)
    assert gaps(shelf) == []


def test_c7_is_bounded_and_says_what_it_leaves_out(sqlite_shelf: Shelf) -> None:
    month(sqlite_shelf, "202411", *(own(2 * number) for number in range(1, MOST_GAPS + 5)))
    found = gaps(sqlite_shelf)
    assert len(found) == MOST_GAPS
    assert found[-1][1].endswith("3 more gaps of this code are not listed.")
