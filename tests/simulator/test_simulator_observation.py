"""The report: what the vendor saw of its clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from fapiao.testing.loopback import Answer, Call
from fapiao.testing.observation import Observer
from fapiao.testing.scenario import Fault

Make = Callable[..., Any]
DATA = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"


def test_requests_starts_reads_and_codes_are_counted(vendor: Make) -> None:
    asked = vendor(uniform=150).collected()
    for number in (1, 2, 2):
        asked.read(number)
    report = asked.simulator.report()
    assert report.operations == {"login": 1, "start": 1, "read": 3}
    assert report.requests[DATA] == 3
    assert report.total == 5
    assert report.answers == {"200": 5}
    assert report.codes == {"2000": 4}
    assert report.starts == {f"{asked.taxpayer} 202411": 1}
    assert report.reads == {f"{asked.taxpayer} 202411 81 input": {"1": 1, "2": 2}}
    assert report.pages_read_again() == 1
    assert report.peak_concurrency == 1


class Together:
    """Sends several reads that are all under way before the first is answered."""

    def __init__(self, asked: Any, count: int) -> None:
        self.asked = asked
        self.barrier = threading.Barrier(count)
        asked.simulator._sleep = lambda seconds: self.barrier.wait(timeout=20)
        self.answers: list[Answer] = []
        threads = [threading.Thread(target=self.read) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def read(self) -> None:
        self.answers.append(self.asked.send(DATA, self.asked.page()))


def test_the_peak_of_concurrent_requests_is_seen_per_account(vendor: Make) -> None:
    asked = vendor(faults=(Fault(kind="delay", operation="read"),)).collected()
    together = Together(asked, 5)
    assert [answer.status for answer in together.answers] == [200] * 5
    report = asked.simulator.report()
    assert report.peak_concurrency == 5
    assert report.peak_concurrency_by_account == {asked.scenario.corp_id: 5}
    assert report.violations == ()


def test_requests_over_the_concurrency_cap_are_throttled_and_reported(vendor: Make) -> None:
    asked = vendor(max_concurrency=1)
    asked.collected()
    observer = asked.simulator.observer
    observer.arrived(DATA, "read", asked.scenario.corp_id, asked.clock.now)
    assert asked.send(DATA, asked.page()).status == 429
    observer.leaving(asked.scenario.corp_id)
    assert asked.send(DATA, asked.page()).status == 200
    report = asked.simulator.report()
    assert report.over_concurrency == 1
    assert report.violations == ("read: 2 requests at once, the account may have 1",)


def test_requests_faster_than_the_rate_cap_are_throttled_and_reported(vendor: Make) -> None:
    asked = vendor(requests_per_second={"status": 1.0}, rate_tolerance=0.25)
    statuses = []
    for seconds in (0.0, 1.0, 0.8, 0.3, 1.2):
        asked.clock.now += seconds
        statuses.append(
            asked.send("/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask", asked.job(add=False)).status
        )
    assert statuses == [200, 200, 200, 429, 200]
    report = asked.simulator.report()
    assert report.over_rate == 1
    assert len(report.violations) == 1


def test_a_rate_can_be_capped_for_a_path(vendor: Make) -> None:
    apply = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
    asked = vendor(requests_per_second={apply: 1.0})
    assert [asked.send(apply, asked.job(add=add)).status for add in (True, False)] == [200, 429]


def test_the_most_requests_in_any_second_are_found() -> None:
    observer = Observer()
    for now in (0.0, 0.9, 1.0, 1.5, 1.8, 5.0):
        observer.arrived("/", "read", "A", now)
        observer.leaving("A")
    assert observer.report().peak_requests_per_second == 4


def test_lost_answers_are_counted_as_lost(vendor: Make) -> None:
    asked = vendor(faults=(Fault(kind="reset", operation="read"),)).collected()
    assert asked.send(DATA, asked.page()).delivery == "reset"
    assert asked.simulator.report().answers["lost"] == 1


def test_the_tokens_given_out_are_known_to_the_test(vendor: Make) -> None:
    asked = vendor()
    asked.log_in()
    assert asked.simulator.tokens.given_out[-1] == asked.token
    assert len(asked.simulator.tokens.given_out) == 2


def test_the_report_is_served_as_json_and_not_counted(line: Make) -> None:
    opened = line()
    before = opened.get("/__simulator__/report")
    assert before == opened.get("/__simulator__/report")
    assert before["starts"] == {f"{opened.vendor.taxpayer} 202411": 1}


def test_the_truth_is_served_as_json(line: Make) -> None:
    opened = line()
    path = f"/__simulator__/truth?taxpayer_no={opened.vendor.taxpayer}&invoice_month=202411"
    slices = opened.get(path)
    assert len(slices) == 40
    assert sum(part["loaded"] for part in slices) == 39 * 3
    assert isinstance(slices[0]["amount_excl_tax"], str)
    invoices = opened.get(path + "&type=81&direction=input")
    assert len(invoices) == 3
    assert len(invoices[0]["digital_number"]) == 20


def test_pages_can_be_rendered_ahead_over_http(vendor: Make) -> None:
    asked = vendor(uniform=250)
    query = f"taxpayer_no={asked.taxpayer}&invoice_month=202411&type=81&direction=input&page_size=50"
    answer = asked.simulator.respond(Call("POST", "/__simulator__/prepare", query, {}, b""))
    assert json.loads(answer.body) == {"pages": 5}


def test_another_scenario_begins_anew(line: Make) -> None:
    opened = line()
    assert opened.put("/__simulator__/scenario", b'{"uniform": 9}') == 200
    assert opened.get("/__simulator__/scenario")["uniform"] == 9
    assert opened.get("/__simulator__/report")["total"] == 0
    assert opened.vendor.log_in()


def test_a_wrong_control_request_is_told_what_is_wrong(line: Make) -> None:
    opened = line()
    assert opened.put("/__simulator__/scenario", b'{"unifrom": 9}') == 400
    assert "unifrom" in json.dumps(opened_problem(opened))


def opened_problem(opened: Any) -> Any:
    call = Call("PUT", "/__simulator__/scenario", "", {}, b'{"unifrom": 9}')
    return json.loads(opened.vendor.simulator.respond(call).body)
