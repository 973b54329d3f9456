"""Faults, over real connections: what is sent, what is not, and whether the request was carried out."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from fapiao.testing.scenario import Fault

Make = Callable[..., Any]
APPLY = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
DATA = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"


def read(opened: Any, **page: Any) -> tuple[http.client.HTTPResponse, bytes]:
    answer: tuple[http.client.HTTPResponse, bytes] = opened.post(DATA, opened.vendor.page(**page))
    return answer


def test_throttling_names_the_seconds_to_wait(line: Make) -> None:
    opened = line(faults=(Fault(kind="throttled", operation="read", first=1, retry_after=2.5),))
    response, _ = read(opened)
    assert (response.status, response.headers["Retry-After"]) == (429, "2.5")
    assert read(opened)[0].status == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault(kind="unavailable", operation="read"), 503), (Fault(kind="status", operation="read", status=502), 502)],
)
def test_a_status_is_answered_instead(line: Make, fault: Fault, status: int) -> None:
    opened = line(faults=(fault,))
    assert read(opened)[0].status == status


def test_a_reset_connection_gives_no_answer_and_carries_nothing_out(line: Make) -> None:
    opened = line(faults=(Fault(kind="reset", operation="start", nth=(2,)),))
    with pytest.raises(ConnectionResetError):
        opened.post(APPLY, opened.vendor.job(add=True))
    assert list(opened.vendor.simulator.report().starts.values()) == [1]


def test_a_start_whose_answer_is_lost_has_started_the_job(line: Make) -> None:
    opened = line(faults=(Fault(kind="reset", operation="start", nth=(2,), carried_out=True),))
    with pytest.raises(ConnectionResetError):
        opened.post(APPLY, opened.vendor.job(add=True))
    opened.connection.close()
    assert list(opened.vendor.simulator.report().starts.values()) == [2]
    _, body = opened.post(APPLY, opened.vendor.job(add=False))
    assert json.loads(body)["value"]["data"][0]["status"] == "toProcess"


def test_a_cut_answer_announces_more_than_comes(line: Make) -> None:
    opened = line(faults=(Fault(kind="cut", operation="read"),))
    with pytest.raises(http.client.IncompleteRead):
        read(opened)


def test_a_truncated_answer_is_half_of_the_json(line: Make) -> None:
    opened = line(faults=(Fault(kind="truncated", operation="read"),))
    response, body = read(opened)
    assert response.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_a_web_page_comes_with_http_200(line: Make) -> None:
    opened = line(faults=(Fault(kind="html", operation="read"),))
    response, body = read(opened)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert body.startswith(b"<!DOCTYPE html>")


def test_an_empty_body_comes_with_http_200(line: Make) -> None:
    opened = line(faults=(Fault(kind="empty", operation="read"),))
    response, body = read(opened)
    assert (response.status, body) == (200, b"")


@pytest.mark.parametrize("operation", ["read", "status"])
def test_an_answer_in_gbk_is_not_utf_8(line: Make, operation: str) -> None:
    opened = line(faults=(Fault(kind="gbk", operation=operation),))
    asked = opened.vendor
    _, body = read(opened) if operation == "read" else opened.post(APPLY, asked.job(add=False))
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert "value" in json.loads(body.decode("gb18030"))


def test_success_can_be_text_and_the_content_null(line: Make) -> None:
    opened = line(
        faults=(
            Fault(kind="success_text", operation="read", nth=(1,)),
            Fault(kind="null_data", operation="read", nth=(2,)),
        )
    )
    first, second = (json.loads(read(opened)[1])["value"] for _ in range(2))
    assert first["success"] == "true"
    assert first["data"]["list"]
    assert (second["code"], second["success"], second["data"]) == ("2000", True, None)


def test_a_fault_hits_the_page_and_the_slice_it_names(line: Make) -> None:
    opened = line(uniform=200, faults=(Fault(kind="unavailable", operation="read", type="81", page=2, first=1),))
    assert [read(opened, number=number)[0].status for number in (1, 2, 1, 2)] == [200, 503, 200, 200]


def test_every_third_request_can_be_hit(line: Make) -> None:
    opened = line(faults=(Fault(kind="unavailable", operation="read", every=3),))
    assert [read(opened)[0].status for _ in range(6)] == [200, 200, 503, 200, 200, 503]


def test_drawn_faults_are_the_same_for_the_same_seed(vendor: Make) -> None:
    def statuses(seed: int) -> list[int]:
        fault = Fault(kind="unavailable", operation="read", probability=0.3)
        asked = vendor(seed=seed, faults=(fault,)).collected()
        return [asked.send(DATA, asked.page()).status for _ in range(60)]

    assert statuses(5) == statuses(5)
    assert statuses(5) != statuses(6)
    assert 5 < statuses(5).count(503) < 35


def test_latency_and_delays_pass_on_the_clock(vendor: Make) -> None:
    asked = vendor(latency=2.0, jitter=1.0, faults=(Fault(kind="delay", operation="read", seconds=30.0),)).collected()
    began = asked.clock.now
    asked.read()
    assert 32.0 <= asked.clock.now - began <= 33.0


def test_a_fault_counts_as_observed(line: Make) -> None:
    opened = line(faults=(Fault(kind="html", operation="read", first=2),))
    for _ in range(3):
        read(opened)
    assert opened.vendor.simulator.report().faults == {"html": 2}


def test_a_connection_serves_many_requests(line: Make) -> None:
    opened = line()
    read(opened)
    before: socket.socket = opened.connection.sock
    read(opened)
    assert opened.connection.sock is before
