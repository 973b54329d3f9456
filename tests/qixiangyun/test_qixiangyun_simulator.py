"""The simulator is as strict as the contract, and the plugin goes through everything it does."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from fapiao.errors import OutcomeUnknown
from fapiao.layouts.einvoice_xml import normalize as read_einvoice
from fapiao.layouts.einvoice_xml import raw_of
from fapiao.layouts.layout_formats import check_file
from fapiao.wire import Outcome, Pending, Request, Secret
from fapiao_qixiangyun.simulator import QixiangyunScenario, QixiangyunSimulator

CHECK = "/v2/invoice/customizedCheck"


@pytest.fixture
def simulator() -> Any:
    with QixiangyunSimulator(QixiangyunScenario(uniform=3)).running() as it:
        yield it


def post(simulator: Any, path: str, body: Any, **headers: str) -> Any:
    told = {"Content-Type": "application/json;charset=UTF-8"} | headers
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return httpx.post(simulator.base_url + path, content=content, headers=told, trust_env=False).json()


def test_a_request_without_a_token_is_refused_and_reported(simulator: Any) -> None:
    assert post(simulator, CHECK, {})["code"] == "40100"
    assert post(simulator, CHECK, {}, access_token="x", req_date="1", req_sign="x")["code"] == "40102"
    assert len(simulator.report().violations) == 2


def test_a_signature_over_other_bytes_is_refused(simulator: Any) -> None:
    token = simulator.tokens.issue()
    now = str(int(time.time() * 1000))
    answer = post(simulator, CHECK, {}, access_token=token, req_date=now, req_sign="API-SV1:19999999:xxxx")
    assert answer["code"] == "505019"
    assert post(simulator, CHECK, {}, access_token=token, req_date="1700000000123", req_sign="x")["code"] == "505018"


def test_a_wrong_secret_looks_like_a_success(simulator: Any) -> None:
    body = {"grant_type": "client_credentials", "client_appkey": "19999999", "client_secret": "0" * 32}
    answer = post(simulator, "/v2/public/oauth2/login", body)
    assert (answer["code"], answer["success"]) == ("2000", True)
    assert "access_token" not in answer["data"]
    assert simulator.report().logins == 0


def test_an_unknown_path_is_reported(simulator: Any) -> None:
    assert httpx.post(simulator.base_url + "/v2/other", trust_env=False).status_code == 404
    assert simulator.report().violations == ("/v2/other is not a path of the vendor",)


def test_the_sixth_check_of_a_day_is_for_tomorrow(live: Any) -> None:
    with live(today="2024-12-01") as it:
        (claim,) = it.simulator.claims(1)
        for _ in range(5):
            assert it.ask(it.source.verify(it.account, claim)).outcome is Outcome.GENUINE
        value = it.ask(it.source.verify(it.account, claim))
        assert isinstance(value, Pending)
        assert value.not_before is not None
        assert value.not_before.isoformat() == "2024-12-02T00:05:00+08:00"


@pytest.mark.parametrize(
    "scenario", [{}, {"task_ids": "text"}, {"plain_envelope": True}], ids=("number", "text", "plain")
)
def test_layout_files_from_the_check_to_the_bytes(live: Any, scenario: Any, tmp_path: Any) -> None:
    with live(layout_seconds=0.05, **scenario) as it:
        (claim,) = it.simulator.claims(1, layouts=("pdf", "ofd", "xml"))
        checked = it.ask(it.source.verify(it.account, claim))
        assert len(checked.task.task_id) == 19
        assert isinstance(it.ask(it.source.layout_files(it.account, checked.task)), Pending)
        time.sleep(0.06)
        made = it.ask(it.source.layout_files(it.account, checked.task))
        assert [link.kind for link in made.links] == ["xml", "ofd", "pdf"]
        for link in made.links:

            def fetch(url: Secret = link.url) -> Any:
                return (yield Request(method="GET", file_url=url))

            content = it.ask(fetch()).body
            assert content == it.simulator.file_content(link.kind, claim.number)
            path = tmp_path / link.kind
            path.write_bytes(content)
            check_file(link.kind, path)
            if link.kind == "xml":
                invoice: Any = read_einvoice(raw_of(content), None)  # type: ignore[arg-type]  # the context changes nothing
                assert (invoice.digital_number, invoice.amount_incl_tax) == (claim.number, claim.amount_incl_tax)
        again = it.ask(it.source.layout_files(it.account, checked.task))
        assert (again.failed, again.code) == (True, "BusinessVerification")
        report = it.simulator.report()
    assert set(report.layout_jobs.values()) == set(report.layout_answers.values()) == {1}
    assert report.violations == ()


def test_links_may_be_there_at_once(live: Any) -> None:
    with live(direct_links=True) as it:
        (claim,) = it.simulator.claims(1, layouts=("pdf",))
        checked = it.ask(it.source.verify(it.account, claim))
        assert (checked.task, [link.kind for link in checked.links]) == (None, ["pdf"])


def test_an_expired_task_has_failed(live: Any) -> None:
    with live(layout_seconds=0.0, task_days=0.0) as it:
        (claim,) = it.simulator.claims(1, layouts=("pdf",))
        task = it.ask(it.source.verify(it.account, claim)).task
        assert it.ask(it.source.layout_files(it.account, task)).code == "BusinessVerification"


def test_a_task_that_cannot_make_its_files_has_failed(live: Any) -> None:
    number = QixiangyunSimulator().claims(1)[0].number
    with live(layout_seconds=0.0, failed_tasks=(number,)) as it:
        (claim,) = it.simulator.claims(1, layouts=("pdf",))
        made = it.ask(it.source.layout_files(it.account, it.ask(it.source.verify(it.account, claim)).task))
        assert (made.failed, made.links) == (True, ())


def test_one_day_one_job_another_day_another(live: Any) -> None:
    now = [time.time()]
    with live(clock=lambda: now[0], layout_seconds=0.0, clock_skew=1e9) as it:
        (claim,) = it.simulator.claims(1, layouts=("pdf",))
        first = it.ask(it.source.verify(it.account, claim)).task
        assert it.ask(it.source.verify(it.account, claim)).task == first
        now[0] += timedelta(days=1).total_seconds()
        assert it.ask(it.source.verify(it.account, claim)).task != first
        assert it.simulator.report().layout_jobs == {claim.number: 2}


def test_a_lost_result_is_not_asked_for_again(live: Any) -> None:
    lost = [{"kind": "reset", "operation": "result", "carried_out": True, "nth": [1]}]
    with live(layout_seconds=0.0, faults=lost) as it:
        (claim,) = it.simulator.claims(1, layouts=("pdf",))
        task = it.ask(it.source.verify(it.account, claim)).task
        with pytest.raises(OutcomeUnknown):
            it.ask(it.source.layout_files(it.account, task))
        report = it.simulator.report()
        assert report.operations["result"] == 1
        assert it.ask(it.source.layout_files(it.account, task)).code == "BusinessVerification"


def test_the_scenario_is_json_like_every_other() -> None:
    scenario = QixiangyunScenario(uniform=2)
    assert msgspec.json.decode(msgspec.json.encode(scenario), type=QixiangyunScenario) == scenario
