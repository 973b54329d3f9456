"""A vendor's connection form in a real browser: its fields on both versions; on 3.x the masked secret and the Test button."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from airflow_home import connection_to
from api_server import api_server
from browser import chromium, wait_for
from fapiao.airflow.compat import AIRFLOW_3
from fapiao.airflow.forms import extra_fields
from fapiao_ekuaibao.descriptor import DESCRIPTOR
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(1200)]

only_3 = pytest.mark.skipif(not AIRFLOW_3, reason="the interface of Airflow 3")

SECRET = "canary-app-security-5d2c"
BUTTONS = "[...document.querySelectorAll('button')]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as opened:
        opened.set_window_size(1400, 2000)
        yield opened


@pytest.fixture(scope="module")
def airflow(browser: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an Airflow with a connection that is right and one with a wrong secret."""
    simulator = EkuaibaoSimulator(EkuaibaoScenario(app_security=SECRET))
    settings = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    with simulator.running(), api_server(tmp_path_factory.mktemp("home"), settings) as address:
        with requests.Session() as http:
            http.trust_env = False
            token = http.get(f"{address}/auth/token", timeout=60).json()["access_token"]
            right = connection_to(simulator, "ekuaibao")
            for conn_id, password in (("right", SECRET), ("wrong", "not-the-secret")):
                record = {
                    **right,
                    "connection_id": conn_id,
                    "password": password,
                    "extra": '{"corp_id": "TESTCORP0001"}',
                }
                answer = http.post(
                    f"{address}/api/v2/connections",
                    json=record,
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=60,
                )
                assert answer.status_code == 201, answer.text
        yield address


@pytest.fixture
def connections(airflow: str, browser: Chrome) -> Chrome:
    """The list of connections, newly opened."""
    browser.get(f"{airflow}/connections")
    wait_for(browser, f"{BUTTONS}.filter(b => b.ariaLabel == 'Test Connection').length == 2", 240)
    return browser


@pytest.mark.skipif(AIRFLOW_3, reason="the form of Airflow 2.11")
def test_the_form_of_airflow_2_has_the_fields_of_the_descriptor(browser: Chrome, tmp_path: Path) -> None:
    with api_server(tmp_path, {}) as address:
        browser.get(f"{address}/connection/add")
        wait_for(browser, "window.jQuery && jQuery('#conn_type').length", 240)
        browser.execute_script("jQuery('#conn_type').val('ekuaibao').trigger('change')")
        wait_for(browser, "document.querySelector('label[for=login]').innerText.includes('App key')")
        shown = "[...document.querySelectorAll('form input')].filter(i => i.offsetParent).map(i => i.name)"
        inputs = set(browser.execute_script(f"return {shown}"))
        assert {f"extra__ekuaibao__{field.name}" for field in extra_fields(DESCRIPTOR)} <= inputs
        assert {"host", "login", "password"} <= inputs
        assert not {"schema", "port"} & inputs
        password = browser.find_element(By.CSS_SELECTOR, "form input[name=password]")
        assert password.get_attribute("type") == "password"


def names_of_inputs(browser: Chrome) -> set[str]:
    names: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('[role=dialog] input')].map(i => i.name)"
    )
    return set(names)


@only_3
def test_a_new_connection_has_the_fields_of_the_descriptor(connections: Chrome) -> None:
    connections.execute_script(f"{BUTTONS}.find(b => b.innerText.includes('Add Connection')).click()")
    wait_for(connections, "document.querySelector('[role=dialog] input[name=connection_id]')")
    chosen = connections.find_element(By.CSS_SELECTOR, "[role=dialog] input:not([name])")
    chosen.send_keys("ekuaibao")
    wait_for(connections, "[...document.querySelectorAll('[role=option]')].some(o => o.innerText.includes('易快报'))")
    chosen.send_keys(Keys.ENTER)
    wait_for(connections, "document.querySelector('[role=dialog] input[name=element_corp_id]')")
    inputs = names_of_inputs(connections)
    assert {f"element_{field.name}" for field in extra_fields(DESCRIPTOR)} <= inputs
    assert {"host", "login", "password"} <= inputs
    assert not {"schema", "port"} & inputs
    text = connections.execute_script("return document.querySelector('[role=dialog]').textContent")
    assert [field.title for field in DESCRIPTOR.fields if field.title not in text] == []


@only_3
def test_the_secret_is_not_in_the_page(connections: Chrome) -> None:
    connections.execute_script(f"{BUTTONS}.find(b => b.ariaLabel == 'Edit Connection').click()")
    wait_for(connections, "(document.querySelector('[role=dialog] input[name=login]') || {}).value")
    password = connections.find_element(By.CSS_SELECTOR, "[role=dialog] input[name=password]")
    assert (password.get_attribute("type"), password.get_attribute("value")) == ("password", "***")
    assert SECRET not in connections.page_source


@only_3
@pytest.mark.parametrize(
    ("row", "title", "said"),
    [
        (0, "Test Connection Successful", "is logged in at"),
        (1, "Test Connection Failed", "At fault: your configuration"),
    ],
    ids=["right", "wrong"],
)
def test_the_test_button_says_whether_the_vendor_lets_us_in(
    connections: Chrome, row: int, title: str, said: str
) -> None:
    connections.execute_script(f"{BUTTONS}.filter(b => b.ariaLabel == 'Test Connection')[{row}].click()")
    shown = wait_for(connections, "[...document.querySelectorAll('[role=status]')].map(s => s.innerText).join('')", 120)
    assert title in shown
    assert said in shown
    assert SECRET not in shown
