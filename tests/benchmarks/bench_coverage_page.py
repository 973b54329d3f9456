"""How long the coverage page takes in a browser: 2,000 taxpayers × 36 months × 40 slices, in Airflow's own API server.

``.venv/bin/python tests/benchmarks/bench_coverage_page.py [--slices 40] [--into URL] [--pictures FOLDER]``
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from selenium.webdriver import Chrome

from api_server import api_server
from browser import chromium, wait_for
from fapiao.store import Database, coverage_matrix
from many_months import fill, months

TIMES = """
const paint = performance.getEntriesByName('first-contentful-paint')[0];
const data = performance.getEntriesByType('resource').find(entry => entry.name.endsWith('matrix.json'));
return {paint: paint && paint.startTime, matrix: performance.getEntriesByName('matrix')[0].startTime,
        server: data.responseStart - data.requestStart, bytes: data.encodedBodySize};
"""
FILTER = """
const field = document.getElementById(arguments[0]);
const began = performance.now();
field.value = arguments[1];
field.dispatchEvent(new Event('input'));
document.getElementById('matrix').getBoundingClientRect();
return performance.now() - began;
"""
FILTERS = (("search", "第12"), ("search", ""), ("state", "unproven"), ("state", "f"), ("state", ""), ("from", "202401"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slices", type=int, default=40)
    options.add_argument("--into", default="")
    options.add_argument("--pictures", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        into = chosen.into or f"sqlite:///{folder}/fapiao.db"
        database = Database.connect(into)
        database.migrate()
        if not coverage_matrix(database, last_month="202201"):
            fill(database, 2_000, months(36), chosen.slices)
        database.close()
        home = Path(folder, "home")
        home.mkdir()
        with api_server(home, {"AIRFLOW__FAPIAO__COVERAGE_INTO": into}) as address, chromium() as browser:
            measure(browser, address, chosen.pictures)


def measure(browser: Chrome, address: str, pictures: Path | None) -> None:
    browser.get(f"{address}/")
    browser.execute_script("localStorage.setItem('fapiao-language', 'en')")
    wait_for(browser, "document.cookie !== undefined && document.querySelector('nav, a')")
    rounds: list[dict[str, Any]] = []
    for _ in range(4):
        browser.get(f"{address}/fapiao/coverage/")
        wait_for(browser, "document.documentElement.dataset.ready")
        rounds.append(browser.execute_script(TIMES))
    for name in ("paint", "server", "matrix"):
        print(
            f"{name:>8}: first {rounds[0][name]:6.0f} ms, then {statistics.median(r[name] for r in rounds[1:]):6.0f} ms"
        )
    print(f"matrix.json: {rounds[0]['bytes']:,} bytes")
    for field, value in FILTERS:
        taken = [browser.execute_script(FILTER, field, value) for _ in range(5)]
        print(f"filter {field}={value!r}: {statistics.median(taken):.0f} ms")
    if pictures is not None:
        show(browser, address, pictures)


def show(browser: Chrome, address: str, pictures: Path) -> None:
    pictures.mkdir(parents=True, exist_ok=True)
    for name, theme, language in (("light", "light", "en"), ("dark", "dark", "zh")):
        browser.execute_script(
            "localStorage.setItem('theme', arguments[0]); localStorage.setItem('fapiao-language', arguments[1])",
            theme,
            language,
        )
        browser.get(f"{address}/plugin/fapiao-coverage")
        wait_for(browser, "document.querySelector('iframe')?.contentDocument?.documentElement.dataset.ready")
        browser.save_screenshot(str(pictures / f"coverage-{name}.png"))
    browser.switch_to.frame(0)
    browser.execute_script("document.querySelector('.cell.i, .cell.c').click()")
    wait_for(browser, "document.querySelector('#detail-slices table')")
    browser.save_screenshot(str(pictures / "coverage-slices.png"))


if __name__ == "__main__":
    main()
