"""The simulated vendor is as strict as the document: a client that is not ours hears of everything it does wrong."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests

from fapiao_jcsk.simulator import JcskScenario, JcskSimulator
from fapiao_jcsk.simulator.requests import expected_signature

TAXPAYER = JcskScenario().taxpayers[0]


@pytest.fixture
def vendor() -> Iterator[JcskSimulator]:
    simulator = JcskSimulator(JcskScenario(uniform=5))
    with simulator.running():
        yield simulator


def test_the_simulator_reports_every_fault_of_a_request(vendor: JcskSimulator) -> None:
    url = vendor.base_url + vendor.scenario.path
    bodies: list[dict[str, Any]] = [
        {"data": {"appid": "x", "colour": "red"}},
        {"data": "a=%zz&&"},
        {"json": ["x"]},
        {"json": {"appid": 1}},
    ]
    for body in bodies:
        assert requests.post(url, timeout=10, **body).json()["code"] == "1001"
    assert requests.get(url, timeout=10).status_code == 405
    violations = " ".join(vendor.report().violations)
    for sentence in (
        "colour is not a field",
        "content is missing",
        "not a JSON object",
        "appid is not a text",
        "GET instead of POST",
    ):
        assert sentence in violations


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"rzzt": "99"}, "rzzt is missing, or not one of the lists"),
        ({"rzzt": 11}, "rzzt is missing, or not one of the lists"),
        ({"rzzt": "11", "page": "1"}, "page is not a whole number from 1"),
        ({"rzzt": "11", "pageSize": 0}, "pageSize is not a whole number from 1"),
        ({"rzzt": "11", "iszip": 1}, "iszip is not a text"),
        ({"rzzt": "11", "skssq": "2024-11"}, "skssq is not as documented"),
        ({"rzzt": "11", "rq_q": "20241101"}, "rq_q is not as documented"),
        ({"rzzt": "11", "rq_q": "2024-11-02", "rq_z": "2024-11-01"}, "rq_q is after rq_z"),
        ({"rzzt": "15", "fpdm": "1"}, "fpdm does not go with rzzt 15"),
        ({"rzzt": "11", "znxpz": "Y"}, "znxpz does not go with rzzt 11"),
        ({"rzzt": "11", "adapter": "1"}, "adapter does not go with rzzt 11"),
        ({"rzzt": "11", "colour": "red"}, "colour is not a field of content"),
    ],
)
def test_the_simulator_checks_content_to_the_type_of_every_field(
    vendor: JcskSimulator, content: dict[str, Any], sentence: str
) -> None:
    scenario = vendor.scenario
    fields = {
        "appid": scenario.app_id,
        "serviceid": "S000621",
        "jtnsrsbh": scenario.group_tax_no,
        "nsrsbh": TAXPAYER,
        "content": base64.b64encode(msgspec.json.encode(content)).decode(),
        "signType": "0",
    }
    fields["signature"] = expected_signature(scenario, fields)
    assert requests.post(vendor.base_url + scenario.path, data=fields, timeout=10).json()["code"] == "1006"
    assert sentence in vendor.report().violations
