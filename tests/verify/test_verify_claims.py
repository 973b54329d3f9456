"""Verifying: each claim is asked once, every outcome is kept, what must wait waits while the others go on."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from bureau import DAY, TAXPAYER, Bureau, claim, claims, digital_number
from fapiao.errors import ConfigurationError, IncompleteError, QuotaExhausted, VendorUnreachable
from fapiao.store.tables.verifications import verifications
from fapiao.wire import Outcome


def outcomes(rows: list[dict[str, Any]]) -> dict[str, str | None]:
    return {row["number"]: row["outcome"] for row in rows}


def test_a_genuine_invoice_is_stored_with_factors_answer_and_document(office: Any) -> None:
    verifier = office.verify([claim(1, check_code="123456")])

    (row,) = office.rows("fapiao_verification")
    (invoice,) = office.rows("fapiao_invoice")
    (observation,) = office.rows("fapiao_observation")
    assert (row["number"], row["issued_on"], row["amount_incl_tax"]) == (digital_number(1), DAY, Decimal("114.00"))
    assert (row["check_code"], row["taxpayer_no"]) == ("123456", TAXPAYER)
    assert (row["state"], row["outcome"], row["code"], row["request_id"]) == ("answered", "genuine", "ok", "r-1")
    assert row["invoice_key"] == invoice["invoice_key"]
    assert observation["api"] == "verify"
    assert row["page_id"] == observation["page_id"]
    assert office.rows("fapiao_invoice_holding") == []
    assert verifier.summary().outcomes == {"genuine": 1}
    verifier.verdict()


def test_a_verified_claim_is_not_paid_for_again(office: Any) -> None:
    office.verify(claims(3))
    again = office.verify(claims(4))
    assert office.bureau.answered == {digital_number(place): 1 for place in (1, 2, 3, 4)}
    assert again.summary().asked == 1
    assert again.summary().claims == 4


def test_an_answer_older_than_max_age_is_asked_again_and_both_are_kept(office: Any) -> None:
    office.verify(claims(1))
    office.clock.sleep(86400)
    office.verify(claims(1), max_age=2 * 86400)
    assert office.bureau.answered[digital_number(1)] == 1
    office.verify(claims(1), max_age=3600)
    assert office.bureau.answered[digital_number(1)] == 2
    assert [row["check_no"] for row in office.rows("fapiao_verification")] == [1, 2]


def test_files_wanted_later_are_asked_for(sqlite_office: Any) -> None:
    sqlite_office.verify(claims(1))
    sqlite_office.verify(claims(1, layouts=("pdf",)))
    sqlite_office.verify(claims(1, layouts=("pdf",)))
    assert sqlite_office.bureau.answered[digital_number(1)] == 2


def test_the_same_claim_twice_in_a_list_is_asked_once(sqlite_office: Any) -> None:
    verifier = sqlite_office.verify([*claims(2), *claims(2)])
    assert verifier.summary().claims == 2
    assert sum(sqlite_office.bureau.answered.values()) == 2


def test_every_outcome_is_a_result(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(1): ["NotExist"], digital_number(2): ["NotSame"]}))
    verifier = office.verify(claims(3))
    assert outcomes(office.rows("fapiao_verification")) == {
        digital_number(1): "not_found", digital_number(2): "different", digital_number(3): "genuine",
    }  # fmt: skip
    with pytest.raises(IncompleteError, match="2 of 3 claims are not verified as genuine"):
        verifier.verdict()
    verifier.verdict(require_genuine=False)
    assert len(office.rows("fapiao_page")) == 3, "an answer without a record has its transcript, too"


def test_a_new_invoice_that_is_not_found_is_asked_again_after_a_day(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(1): ["NotExist"]}))
    new = claim(1, issued_on=date(2024, 11, 20))
    office.verify([new])
    office.clock.sleep(3600)
    office.verify([new])
    assert office.bureau.asked[digital_number(1)] == 1
    office.clock.sleep(86400)
    assert office.verify([new]).checks()[0].outcome is Outcome.GENUINE


def test_an_old_invoice_that_is_not_found_stays_so(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(1): ["NotExist"]}))
    office.verify(claims(1))
    office.clock.sleep(30 * 86400)
    office.verify(claims(1))
    assert office.bureau.asked[digital_number(1)] == 1


def test_a_fault_of_the_bureau_waits_and_the_others_go_on(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(1): ["fault"]}))
    with office.verifier(claims(5)) as verifier:
        waiting = verifier.advance()
        assert waiting is not None
        assert waiting.not_before == pytest.approx(office.clock() + 900, abs=30)
        assert "the bureau is out of order" in waiting.reason
        assert verifier.summary().outcomes == {"genuine": 4}
    rerun = office.verify(claims(5))
    assert rerun.summary().outcomes == {"genuine": 5}
    assert office.bureau.asked[digital_number(1)] == 2


def test_a_rerun_does_not_ask_before_the_time_the_vendor_named(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(1): ["fault"]}))
    office.verify(claims(1), patience=0)
    office.clock.sleep(100)
    office.verify(claims(1), patience=0)
    assert office.bureau.asked[digital_number(1)] == 1


def test_a_refused_claim_fails_alone_and_is_asked_again_in_the_next_run(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(2): ["IllegalAmount"]}))
    verifier = office.verify(claims(3))
    assert verifier.summary().refused == 1
    with pytest.raises(IncompleteError, match=r"is refused .IllegalAmount"):
        verifier.verdict(require_genuine=False)
    assert office.verify(claims(3)).summary().refused == 0


def test_a_used_up_quota_stops_the_run_and_keeps_what_was_answered(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(place): ["quota"] for place in range(6, 30)}))
    office.settings = {"max_concurrency": 1}
    with office.verifier(claims(29)) as verifier, pytest.raises(QuotaExhausted):
        verifier.advance()
    assert sum(office.bureau.asked.values()) == 6
    assert [row["state"] for row in office.rows("fapiao_verification")] == ["answered"] * 5 + ["open"] * 24
    office.bureau.script.clear()
    assert office.verify(claims(29)).summary().asked == 24


def test_a_vendor_that_cannot_be_reached_is_not_tried_for_every_claim(make_office: Any) -> None:
    office = make_office(Bureau({digital_number(place): ["lost"] * 5 for place in range(1, 101)}))
    office.settings = {"max_concurrency": 2}
    with office.verifier(claims(100)) as verifier, pytest.raises(VendorUnreachable):
        verifier.advance()
    assert len(office.bureau.asked) <= 6
    assert {row["state"] for row in office.rows("fapiao_verification")} == {"open"}


def test_a_difference_to_what_was_collected_is_reported_field_by_field(office: Any) -> None:
    from storing import Shelf, invoice

    shelf = Shelf(office.database)
    shelf.load(
        invoice(
            1, issued_on=DAY, amount_excl_tax=Decimal("101.00"), tax_amount=Decimal("14.00"), amount_incl_tax=Decimal("115.00"),
            seller_name="甲乙丙测试 有限公司", buyer_tax_no=TAXPAYER, issued_at=None,
        )
    )  # fmt: skip
    office.bureau.state = "voided"
    verifier = office.verify(claims(1))

    (check,) = verifier.checks()
    found = {part.field: (part.stored, part.stated) for part in check.differences}
    assert found == {
        "state": ("normal", "voided"),
        "amount_incl_tax": ("115.00", "114.00"),
        "tax_amount": ("14.00", "13.00"),
        "lines": ("2 lines", "1 lines"),
    }
    with pytest.raises(IncompleteError, match="differs from what is stored in state"):
        verifier.verdict()
    (stored,) = office.rows("fapiao_invoice")
    assert stored["invoice_key"] == check.invoice_key
    assert stored["state"] == "voided"
    # The bureau outranks the collection, so the second answer is compared with what the others said, not with its own.
    again = office.verify(claims(1), max_age=0)
    assert {part.field for part in again.checks()[0].differences} == set(found)


def test_a_claim_without_an_answer_is_linked_to_the_document_of_its_number(make_office: Any) -> None:
    from storing import Shelf, invoice

    office = make_office(Bureau({digital_number(1): ["NotSame"]}))
    Shelf(office.database).load(invoice(1))
    office.verify(claims(1))
    (row,) = office.rows("fapiao_verification")
    assert row["invoice_key"] == office.rows("fapiao_invoice")[0]["invoice_key"]


def test_a_check_of_a_process_that_is_gone_is_taken_over(office: Any) -> None:
    import socket

    with office.verifier(claims(2)) as verifier:
        verifier._enrol()
    dead = f"{socket.gethostname()}/999999999/abcdef01"
    office.database.transact(
        lambda connection: (
            connection.execute(
                verifications.update().values(state="asking", holder=dead, not_before=office.clock() + 1000)
            ).rowcount
        )
    )
    assert office.verify(claims(2)).summary().outcomes == {"genuine": 2}


def test_two_runs_at_once_share_the_claims(office: Any) -> None:
    wanted = claims(60)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with office.verifier(wanted) as verifier:
                verifier.advance()
        except BaseException as problem:  # noqa: BLE001 - shown by the test
            errors.append(problem)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert office.verify(wanted).summary().outcomes == {"genuine": 60}
    assert set(office.bureau.answered.values()) == {1}


def test_a_token_that_expires_in_the_middle_costs_one_login(make_office: Any) -> None:
    bureau = Bureau()
    bureau.token_calls = 25
    office = make_office(bureau)
    assert office.verify(claims(40)).summary().outcomes == {"genuine": 40}
    assert bureau.logins == 2
    assert set(bureau.answered.values()) == {1}


def test_secrets_and_tokens_are_nowhere_in_the_database(make_office: Any) -> None:
    office = make_office(Bureau())
    office.verify(claims(2))
    tables = sa.inspect(office.database._engine).get_table_names()
    everything = "".join(
        str(office.rows(name)) for name in tables if name.startswith("fapiao_") and "version" not in name
    )
    assert "canary-secret-31" not in everything
    assert "token-1-canary" not in everything


def test_a_source_without_the_capability_says_so(sqlite_office: Any) -> None:
    from fapiao.collecting.verification import Verifier
    from fapiao.registry import registry

    source = registry.get("ekuaibao")
    with pytest.raises(ConfigurationError, match="cannot verify"):
        Verifier(source, sqlite_office.bureau.account(), sqlite_office.database, claims(1))


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_throttling_faults_and_an_expired_token_leave_each_invoice_verified_exactly_once(
    make_office: Any, count: int
) -> None:
    script: dict[str, list[str]] = {}
    for place in range(1, count + 1):
        if place % 50 == 7:
            script[digital_number(place)] = ["throttled"]
        elif place % 100 == 11:
            script[digital_number(place)] = ["fault"]
    bureau = Bureau(script)
    bureau.token_calls = count // 2
    office = make_office(bureau)
    verifier = office.verify(claims(count))
    verifier.verdict()
    assert verifier.summary().outcomes == {"genuine": count}
    assert len(bureau.answered) == count
    assert set(bureau.answered.values()) == {1}
    assert bureau.logins >= 2
    assert len(office.rows("fapiao_invoice")) == count
