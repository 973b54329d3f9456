"""The coverage page in a real browser inside a real Airflow, and the file for finance without a network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from api_server import api_server
from browser import chromium, wait_for
from fapiao.coverage.report import coverage_report
from fapiao.store import Database, TaskReference
from fapiao.store.reports.control_totals import INVOICES, ControlTotal, store_totals
from many_months import fill, months, taxpayer
from storing import HOLDER, MONTH, NOON, Shelf, invoice

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

READY = "document.documentElement.dataset.ready"
HOSTILE = "<img src=x onerror=\"document.title='taken over'\"><script>document.title='taken over'</script>有限公司"

HOSTILE_TASK = TaskReference(dag_id="../<b>", task_id='"><img src=x>', run_id="a/b?c#d", map_index=-1, try_number=3)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a ledger of 2,000 taxpayers × 36 months."""
    url = f"sqlite:///{tmp_path_factory.mktemp('many') / 'fapiao.db'}"
    database = Database.connect(url)
    fill(database, 2_000, months(36), slices_per_month=2)
    yield url
    database.close()


@pytest.fixture(scope="module")
def airflow(many: str, browser: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an Airflow whose page shows the many months."""
    if find_spec("airflow.sdk") is None:
        pytest.skip("Airflow 2.11 has no place for such a page")
    home = tmp_path_factory.mktemp("home")
    stored = {"ledger": many.replace("sqlite:///", "sqlite://")}
    with api_server(home, {"AIRFLOW__FAPIAO__COVERAGE_INTO": "ledger"}, stored) as address:
        yield address


@pytest.fixture
def page(airflow: str, browser: Chrome) -> Chrome:
    """The page within Airflow's own interface, in English."""
    browser.switch_to.default_content()
    browser.get(f"{airflow}/")
    browser.execute_script("localStorage.clear(); localStorage.setItem('fapiao-language', 'en')")
    browser.get(f"{airflow}/plugin/fapiao-coverage")
    wait_for(browser, "document.querySelector('iframe')")
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    wait_for(browser, READY)
    return browser


def text(browser: Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def press(browser: Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


@pytest.mark.airflow
def test_the_page_shows_every_month_inside_airflow(page: Chrome) -> None:
    assert text(page, "#counts").startswith("2,000 taxpayers, 72,000 months: proven ")
    matrix = page.find_element(By.ID, "matrix")
    assert matrix.get_attribute("aria-rowcount") == "2001"
    assert matrix.get_attribute("aria-colcount") == "37"


@pytest.mark.airflow
def test_only_what_is_seen_is_drawn(page: Chrome) -> None:
    assert len(page.find_elements(By.CSS_SELECTOR, ".row")) < 80
    page.execute_script("document.getElementById('matrix').scrollTop = 1e9")
    last = wait_for(
        page,
        "[...document.querySelectorAll('.who small')].some(e => e.textContent === arguments[0])".replace(
            "arguments[0]", repr(taxpayer(1999))
        ),
    )
    assert last
    assert len(page.find_elements(By.CSS_SELECTOR, ".row")) < 80


@pytest.mark.airflow
def test_filters_narrow_the_taxpayers_and_the_counts(page: Chrome) -> None:
    page.find_element(By.ID, "search").send_keys("第1234号")
    assert text(page, "#counts").startswith("1 taxpayers, 36 months")
    page.find_element(By.ID, "search").clear()
    page.find_element(By.ID, "search").send_keys("no such name")
    assert text(page, "#counts") == "Nothing matches the filters."
    page.execute_script(
        "document.getElementById('search').value = ''; const state = document.getElementById('state');"
        "state.value = 'f'; state.dispatchEvent(new Event('input'))"
    )
    shown = page.find_elements(By.CSS_SELECTOR, ".row")
    assert shown
    assert all(row.find_elements(By.CSS_SELECTOR, ".cell.f") for row in shown[:10])


@pytest.mark.airflow
def test_the_keyboard_reaches_every_month_and_its_slices(page: Chrome) -> None:
    page.find_element(By.CSS_SELECTOR, '.cell[tabindex="0"]').click()
    wait_for(page, "document.getElementById('detail').open")
    press(page, Keys.ESCAPE)
    press(page, Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.PAGE_DOWN)
    label = page.execute_script("return document.activeElement.getAttribute('aria-label')")
    assert "202202" in label
    press(page, Keys.ENTER)
    wait_for(page, "document.querySelector('#detail-slices table')")
    assert "2022-02" in text(page, "#detail-title")
    press(page, Keys.ESCAPE)
    assert page.execute_script("return document.activeElement.getAttribute('aria-label')") == label


@pytest.mark.airflow
def test_keys_do_nothing_where_no_taxpayer_is_left(page: Chrome) -> None:
    page.execute_script("window.troubles = []; addEventListener('error', (event) => troubles.push(event.message))")
    page.find_element(By.ID, "search").send_keys("no such name")
    page.execute_script("document.getElementById('matrix').focus()")
    press(page, Keys.ARROW_DOWN, Keys.ENTER)
    assert page.execute_script("return [troubles.length, document.getElementById('detail').open]") == [0, False]


@pytest.mark.airflow
def test_months_chosen_the_wrong_way_round_are_turned(page: Chrome) -> None:
    page.execute_script(
        "for (const [id, month] of [['from', '202406'], ['to', '202404']]) {"
        "const field = document.getElementById(id); field.value = month; field.dispatchEvent(new Event('input')) }"
    )
    assert [head.text for head in page.find_elements(By.CSS_SELECTOR, ".heads .month")] == ["24-04", "24-05", "24-06"]


@pytest.mark.airflow
def test_a_narrow_window_has_room_for_months_beside_the_names(page: Chrome, airflow: str) -> None:
    page.switch_to.default_content()
    page.set_window_size(420, 850)
    try:
        page.get(f"{airflow}/fapiao/coverage/")
        wait_for(page, READY)
        room = "const place = (of) => document.querySelector(of).getBoundingClientRect();"
        shown = page.execute_script(f"{room} return place('#matrix').right - place('.row .who').right")
        assert shown > 3 * 38  # at least three months
        assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.set_window_size(1400, 900)


@pytest.mark.airflow
def test_a_screen_reader_is_told_what_everything_is(page: Chrome, airflow: str) -> None:
    page.switch_to.default_content()
    page.get(f"{airflow}/fapiao/coverage/")
    wait_for(page, READY)
    page.execute_script("document.querySelector('.cell.c').click()")
    wait_for(page, "document.querySelector('#detail-slices table')")
    in_dialog = told(page)
    assert in_dialog["dialog"] == {"第0000号测试有限公司 919900000000000000 · 2022-01"}
    assert {"Vendor's count", "Missing", "Findings"} <= in_dialog["columnheader"]
    assert "Close" in in_dialog["button"]
    press(page, Keys.ESCAPE)
    found = told(page)
    assert found["grid"] == {"Invoice coverage"}
    assert "第0002号测试有限公司 202401: counts differ" in found["gridcell"]
    assert "第0002号测试有限公司 919900000000000002" in found["rowheader"]
    assert found["combobox"] == {"State", "Source", "From", "To"}
    assert found["searchbox"] == {"Find"}
    assert "status" in found
    assert not any("" in found[role] for role in ("button", "gridcell", "columnheader", "rowheader"))


def told(browser: Chrome) -> dict[str, set[str]]:
    """Role → names, as the browser tells them to a screen reader."""
    found: dict[str, set[str]] = {}
    for node in browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
        if not node["ignored"]:
            found.setdefault(node["role"]["value"], set()).add(node.get("name", {}).get("value", ""))
    return found


@pytest.mark.airflow
def test_the_slices_of_an_unproven_month_say_what_is_missing(page: Chrome) -> None:
    page.execute_script(
        "const state = document.getElementById('state'); state.value = 'i'; state.dispatchEvent(new Event('input'))"
    )
    page.execute_script("document.querySelector('.cell.i').click()")
    wait_for(page, "document.querySelector('#detail-slices table')")
    heads = [head.text for head in page.find_elements(By.CSS_SELECTOR, "#detail-slices th")]
    values = [value.text for value in page.find_elements(By.CSS_SELECTOR, "#detail-slices tbody tr:first-child td")]
    first = dict(zip(heads, values, strict=True))
    assert (first["State"], first["Missing"], first["Generation"]) == ("counts differ", "3", "1")
    assert first["Amount excl. tax"] == "4,000.00"


@pytest.mark.airflow
def test_a_month_leads_to_the_log_of_the_task_that_collected_it(page: Chrome, airflow: str) -> None:
    page.execute_script("document.querySelector('.cell.c').click()")
    link = wait_for(page, "document.querySelector('#detail-tasks a')")
    assert link.text == "log of task months.collect[0]"
    expected = f"{airflow}/dags/monthly/runs/scheduled__202201-03T00%3A00%3A00%2B00%3A00/tasks/months.collect/mapped/0?try_number=2"
    assert link.get_attribute("href") == expected
    link.click()
    page.switch_to.default_content()
    wait_for(page, "!location.pathname.startsWith('/plugin/')")  # out of the frame that shows the page
    assert page.current_url == expected
    assert page.execute_script("return document.querySelectorAll('iframe').length") == 0


@pytest.mark.airflow
def test_the_chart_is_drawn_when_it_is_opened(page: Chrome) -> None:
    page.execute_script("document.getElementById('chart').open = true")
    assert wait_for(page, "document.querySelectorAll('#chart-place svg rect').length") == 36 * 4


@pytest.mark.airflow
def test_language_and_dark_mode_are_airflows(page: Chrome, airflow: str) -> None:
    page.switch_to.default_content()
    page.execute_script(
        "localStorage.removeItem('fapiao-language'); localStorage.setItem('i18nextLng', 'zh-CN');"
        "localStorage.setItem('theme', 'dark')"
    )
    page.get(f"{airflow}/plugin/fapiao-coverage")
    wait_for(page, "document.querySelector('iframe')")
    page.switch_to.frame(page.find_element(By.TAG_NAME, "iframe"))
    wait_for(page, READY)
    assert text(page, "h1") == "发票采集覆盖"
    assert page.execute_script("return document.documentElement.dataset.theme") == "dark"
    page.find_element(By.ID, "language").click()
    assert text(page, "h1") == "Invoice coverage"


@pytest.fixture
def hostile(tmp_path: Path, browser: Chrome) -> Iterator[Chrome]:
    """The file for finance, of a company with a hostile name, opened from disk without a network."""
    browser.switch_to.default_content()
    database = Database.connect(f"sqlite:///{tmp_path / 'fapiao.db'}")
    shelf = Shelf(database)
    shelf.ledger.worked_on(shelf.collection.collection_id, HOSTILE_TASK)
    shelf.load(invoice(1, buyer_name=HOSTILE), total=1)
    shelf.close(now=NOON)
    total = ControlTotal(
        kind=INVOICES, taxpayer_no=HOLDER, period=MONTH, direction="input", invoice_count=2,
        tax_amount=Decimal("1026.00"), origin=HOSTILE,
    )  # fmt: skip
    store_totals(database, [total], NOON)
    file = tmp_path / "coverage.html"
    file.write_text(coverage_report(database, time.time(), airflow="https://airflow.test"), encoding="utf-8")
    database.close()
    browser.execute_cdp_cmd("Network.enable", {})
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**conditions, "offline": True})
    try:
        browser.get(file.as_uri())
        wait_for(browser, READY)
        yield browser
    finally:  # the browser is shared, and tests run in any order
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", {**conditions, "offline": False})


def test_the_file_opens_without_a_network_and_a_name_stays_a_name(hostile: Chrome) -> None:
    assert hostile.title in {"Invoice coverage", "发票采集覆盖"}
    assert HOSTILE in text(hostile, ".row .who")
    hostile.find_element(By.CSS_SELECTOR, ".cell").click()
    wait_for(hostile, "document.querySelector('#detail-slices table')")
    assert HOLDER in text(hostile, "#detail-title")
    assert hostile.execute_script("return document.querySelectorAll('img').length") == 0
    assert hostile.title in {"Invoice coverage", "发票采集覆盖"}
    assert hostile.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_a_control_total_stands_beside_what_is_stored_with_the_difference(hostile: Chrome) -> None:
    hostile.find_element(By.CSS_SELECTOR, ".cell").click()
    wait_for(hostile, "document.querySelector('#detail-totals table')")
    rows = [
        [value.text for value in line.find_elements(By.TAG_NAME, "td")]
        for line in hostile.find_elements(By.CSS_SELECTOR, "#detail-totals tbody tr")
    ]
    assert [row[3:6] for row in rows] == [["2", "1", "≠ -1"], ["1,026.00", "26.00", "≠ -1,000.00"]]
    assert {row[6] for row in rows} == {HOSTILE}
    assert hostile.execute_script("return document.querySelectorAll('img').length") == 0


def test_names_of_a_task_stay_within_its_address(hostile: Chrome) -> None:
    hostile.find_element(By.CSS_SELECTOR, ".cell").click()
    link = wait_for(hostile, "document.querySelector('#detail-tasks a')")
    assert link.get_attribute("href") == (
        "https://airflow.test/dags/..%2F%3Cb%3E/runs/a%2Fb%3Fc%23d/tasks/%22%3E%3Cimg%20src%3Dx%3E?try_number=3"
    )
    assert HOSTILE_TASK.dag_id in text(hostile, "#detail-tasks")


def test_a_name_that_a_browser_would_resolve_is_no_link(tmp_path: Path, browser: Chrome) -> None:
    browser.switch_to.default_content()
    database = Database.connect(f"sqlite:///{tmp_path / 'fapiao.db'}")
    shelf = Shelf(database)
    shelf.ledger.worked_on(shelf.collection.collection_id, msgspec.structs.replace(HOSTILE_TASK, dag_id=".."))
    shelf.load(invoice(1), total=1)
    shelf.close(now=NOON)
    file = tmp_path / "coverage.html"
    file.write_text(coverage_report(database, time.time(), airflow="https://airflow.test"), encoding="utf-8")
    database.close()
    browser.get(file.as_uri())
    wait_for(browser, READY)
    browser.find_element(By.CSS_SELECTOR, ".cell").click()
    wait_for(browser, "document.querySelector('#detail-tasks li')")
    assert browser.find_elements(By.CSS_SELECTOR, "#detail-tasks a") == []
