"""A real browser: Debian's chromium and chromium-driver, headless, with a profile of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["chromium", "wait_for"]

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,900",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator[Chrome]:
    """The browser; the test is skipped where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("chromium and chromedriver (Debian: chromium, chromium-driver) are not installed")
    with tempfile.TemporaryDirectory(prefix="fapiao-browser-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = program
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        # The driver listens on this machine: no proxy is to be asked for it.
        service = Service(driver, env={**os.environ, "NO_PROXY": "127.0.0.1,localhost"})
        browser = Chrome(options=options, service=service)
        try:
            yield browser
        finally:
            browser.quit()


def wait_for(browser: Chrome, condition: str, seconds: float = 60) -> Any:
    """Wait until an expression of JavaScript is true; gives its value."""

    def found(driver: Chrome) -> Any:
        return driver.execute_script(f"return {condition}")

    return WebDriverWait(browser, seconds, poll_frequency=0.05).until(found, condition)
