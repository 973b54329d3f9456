"""Stored answers interpreted again: what changes is what the mapping changed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.model import Finding, Invoice, Rejected, Severity
from rereading import HOLDER, PLUGIN, Shop, plain, record

Shops = Callable[..., Shop]


def rejecting(*numbers: int) -> Callable[[dict[str, Any]], Invoice | Rejected]:
    """A mapping that cannot read some records."""
    wrong = {record(number)["no"] for number in numbers}
    reason = Finding(rule="V1", severity=Severity.REJECT, field="day", message="The day cannot be read.")
    return lambda raw: Rejected(reasons=(reason,)) if raw["no"] in wrong else plain(raw)


def test_right_after_collecting_nothing_at_all_changes(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(n) for n in range(1, 8)], output=[record(3), {**record(9), "no": ""}])
    shop.collect()
    shop.rows["input"][2]["state"] = "3"
    shop.collect()
    before = shop.everything()
    done = shop.renormalize()
    assert done.changes.records == 18
    assert done.changes.rows == 0
    assert "Nothing changed." in done.to_text()
    assert shop.everything() == before


def test_a_mapping_fix_is_replayed_without_the_vendor(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(n) for n in range(1, 8)])
    PLUGIN.mapping = lambda raw: plain(raw, seller_name=None)
    shop.collect()
    keys = shop.rows_of("invoice", "invoice_key")
    done = shop.renormalize(plain)
    assert (done.changes.changed, done.changes.fields) == (7, {"seller_name": 7})
    assert set(shop.rows_of("invoice", "seller_name")) == {"甲乙丙测试有限公司"}
    assert shop.rows_of("invoice", "invoice_key") == keys
    assert all("甲乙丙" in content for content in shop.rows_of("observation", "content")), (
        "the old mapping is forgotten"
    )
    before = shop.everything()
    assert shop.renormalize().changes.rows == 0
    assert shop.everything() == before


@pytest.mark.postgres
def test_what_the_tables_refuse_is_set_aside_again_also_where_its_rule_had_another_name(
    shops: Shops, postgres_into: str
) -> None:
    shop = shops(postgres_into, input=[record(1), record(2, net="99999999999999999.00"), record(3)])
    assert shop.collect(on_rejected="accept") == "complete"
    (reasons,) = shop.rows_of("rejected", "reasons")
    assert '"rule":"V8"' in reasons
    table = shop.table("rejected")
    before = table.update().values(reasons=reasons.replace('"rule":"V8"', '"rule":"S1"'))
    shop.database.transact(lambda connection: connection.execute(before).rowcount)
    done = shop.renormalize()
    assert (done.changes.loaded, done.changes.new) == (0, 0)
    assert shop.rows_of("rejected", "reasons") == [reasons]
    assert len(shop.rows_of("invoice")) == 2


def test_rejected_records_are_loaded_and_the_month_is_complete(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(n) for n in range(1, 8)])
    PLUGIN.mapping = rejecting(2, 5)
    assert shop.collect() == "incomplete"
    done = shop.renormalize(plain)
    assert (done.changes.loaded, done.changes.new, done.changes.rejected) == (2, 2, 0)
    assert shop.rows_of("rejected") == []
    assert shop.slices()[0] == ("input", "complete", 7, 7, 0, Decimal("700.00"))
    assert shop.rows_of("collection", "state") == ["complete"]
    assert [part.after for part in done.changes.slices] == ["complete: 7 loaded, 0 rejected of 7"]


def test_loaded_records_are_rejected_and_the_month_is_incomplete(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(n) for n in range(1, 8)])
    assert shop.collect() == "complete"
    done = shop.renormalize(rejecting(2, 5))
    assert (done.changes.rejected, done.changes.gone, done.changes.loaded) == (2, 2, 0)
    assert shop.key(2) is None
    assert len(shop.rows_of("rejected")) == 2
    assert shop.slices()[0] == ("input", "rejected", 7, 5, 2, Decimal("500.00"))
    assert shop.rows_of("collection", "state") == ["incomplete"]


def test_there_and_back_again_is_where_it_began(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(n) for n in range(1, 8)], output=[record(5), record(11)])
    shop.collect()
    before = shop.meaning()
    shop.renormalize(rejecting(2, 5))
    assert shop.meaning() != before
    shop.renormalize(plain)
    assert shop.meaning() == before


def test_an_accepted_month_with_rejected_records_stays_accepted(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(n) for n in range(1, 4)])
    PLUGIN.mapping = rejecting(2)
    assert shop.collect(on_rejected="accept") == "complete"
    shop.renormalize(rejecting(2, 3))
    assert shop.slices()[0][1] == "rejected"
    assert shop.rows_of("collection", "state") == ["complete"]


def test_other_reasons_replace_the_old_ones(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2)])
    PLUGIN.mapping = rejecting(2)
    shop.collect()
    reason = Finding(rule="V2", severity=Severity.REJECT, field="day", message="Another reason.")
    done = shop.renormalize(lambda raw: Rejected(reasons=(reason,)) if raw["no"].endswith("2") else plain(raw))
    assert done.changes.reasons == 1
    assert ["V2" in text for text in shop.rows_of("rejected", "reasons")] == [True]
    assert done.changes.slices == []


def test_a_document_keeps_its_key_when_its_number_was_mapped_wrongly(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2)])
    PLUGIN.mapping = lambda raw: plain(raw, digital_number="9" * 3 + raw["no"][3:])
    shop.collect()
    shop.collect()
    keys = shop.rows_of("invoice", "invoice_key")
    done = shop.renormalize(plain)
    assert shop.rows_of("invoice", "invoice_key") == keys
    assert {shop.key(1), shop.key(2)} == set(keys)
    assert len(shop.rows_of("invoice_number")) == 2, "the wrong numbers are free again"
    assert done.changes.fields["digital_number"] == 2
    assert done.changes.moved == 0


def test_documents_that_were_taken_for_one_come_apart(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(1), record(2, net="50.00", tax="6.50"), record(3)])
    PLUGIN.mapping = lambda raw: plain(
        raw, digital_number=record(1)["no"] if raw["no"] != record(3)["no"] else raw["no"]
    )
    assert shop.collect() == "incomplete", "a number came twice"
    assert len(shop.rows_of("invoice")) == 2
    shop.renormalize(plain)
    assert len(shop.rows_of("invoice")) == 3
    assert len({shop.key(1), shop.key(2), shop.key(3)}) == 3
    assert shop.slices()[0] == ("input", "complete", 3, 3, 0, Decimal("250.00"))
    assert shop.rows_of("finding", "rule") == [], "and so do their conflicts"


def test_documents_that_are_one_come_together(shops: Shops, url: str) -> None:
    code = {"code": "099002400111", "short": "00000007"}
    shop = shops(url, input=[record(1, **code)], output=[record(2, no="", **code)])
    PLUGIN.mapping = lambda raw: plain(raw) if not raw["no"] else plain(raw, invoice_code=None, invoice_number=None)
    shop.collect()
    assert len(shop.rows_of("invoice")) == 2
    done = shop.renormalize(plain)
    assert shop.rows_of("invoice", "invoice_key") == [shop.key(1)]
    assert len(shop.rows_of("invoice_holding")) == 2
    assert shop.rows_of("invoice_merged", "to_key") == [shop.key(1)]
    assert done.changes.gone == 0


def test_every_generation_says_it_anew_and_the_history_of_states_with_it(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(1), record(2)])
    PLUGIN.mapping = lambda raw: plain(raw, state="normal")
    shop.collect()
    shop.rows["input"][0]["state"] = "3"
    shop.collect()
    shop.rows["input"][0]["state"] = "0"
    shop.collect()
    assert [state for _, state in shop.rows_of("invoice_state", "seq", "state")] == ["normal", "normal"]
    shop.renormalize(plain)
    key = shop.key(1)
    history = [state for of, state in shop.rows_of("invoice_state", "invoice_key", "state") if of == key]
    assert history == ["normal", "red_full", "normal"]


def test_a_record_that_is_loaded_in_the_next_generation_too_is_not_absent_any_more(
    shops: Shops, sqlite_into: str
) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2)])
    shop.collect()
    PLUGIN.mapping = rejecting(2)
    shop.collect()
    assert shop.rows_of("finding", "rule") == ["C8"]
    done = shop.renormalize(plain)
    assert shop.rows_of("finding", "rule") == []
    assert done.changes.findings_lost == {"C8": 1}


def test_findings_follow_the_rules(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2)])
    shop.collect()
    assert shop.rows_of("finding") == []
    odd = Finding(rule="X1", severity=Severity.INFO, field="by", message="A remark.")
    done = shop.renormalize(lambda raw: plain(raw, findings=(odd,)))
    assert (done.changes.findings_gained, done.changes.changed) == ({"X1": 2}, 0)
    done = shop.renormalize(plain)
    assert done.changes.findings_lost == {"X1": 2}
    assert shop.rows_of("finding") == []


def test_what_does_not_add_up_is_never_called_complete(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2)])
    shop.counts["input"] = 3
    PLUGIN.mapping = rejecting(2)
    assert shop.collect() == "incomplete"
    shop.renormalize(plain)
    assert shop.slices()[0] == ("input", "incomplete", 3, 2, 0, Decimal("200.00"))
    assert shop.rows_of("collection", "state") == ["incomplete"]


def test_a_page_that_the_plugin_cannot_read_any_more_keeps_what_it_said(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2)])
    shop.collect()
    before = shop.everything()
    PLUGIN.broken = True
    done = shop.renormalize()
    assert (done.failed, done.changes.rows) == (2, 0)
    assert f"page 1 (source atlas, taxpayer {HOLDER}, month 202411" in done.failures[0]
    assert "ValueError" in done.failures[0]
    assert shop.everything() == before


def test_only_what_is_asked_for_is_replayed(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1)])
    shop.collect()
    assert shop.renormalize(invoice_month="202410").changes.pages == 0
    assert shop.renormalize(taxpayer_no="91990000000000009X").changes.pages == 0
    assert shop.renormalize(source="atlas", invoice_month="202411").changes.pages == 2
