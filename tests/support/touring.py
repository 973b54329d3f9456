"""``make up`` as a process, and what it prints about itself."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests

from airflow_api import AirflowApi
from airflow_home import ROOT
from airflow_processes import AirflowProcesses

__all__ = ["MAJOR", "Tour", "touring"]

MAJOR = int(version("apache-airflow").partition(".")[0])


class Tour:
    """A running ``demo/up.py``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.into = f"sqlite:///{home / 'fapiao.db'}"
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "demo/up.py", "--port", "0", "--home", str(home)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until_ready(self) -> None:
        """Until it has said where it is and how to get in."""
        self._ready.wait(600)
        assert "Ctrl-C ends it." in self.said, self.said
        self.api = AirflowApi(self.told(r"Airflow \S+\s+(http://127\.0\.0\.1:\d+)"), MAJOR)
        self.user, self.password = "admin", self.told(r"password (\S+)")
        self.api.log_in(self.user, self.password)

    def told(self, pattern: str) -> str:
        """What it has printed at the pattern's group."""
        match = re.search(pattern, self.said)
        assert match, self.said
        return match[1]

    def vendor_report(self, name: str) -> dict[str, Any]:
        """What the simulator of this vendor has seen."""
        url = self.told(rf"Simulated {name}\s+(http://127\.0\.0\.1:\d+)")
        report: dict[str, Any] = requests.get(f"{url}/__simulator__/report", timeout=30).json()
        return report

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """As Ctrl-C does; the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C ends it." in line:
                self._ready.set()
        self._ready.set()


@contextmanager
def touring(home: Path) -> Iterator[Tour]:
    """A tour that is ready, ended after the block however that ends."""
    tour = Tour(home)
    try:
        tour.until_ready()
        yield tour
    finally:
        if tour.process.poll() is None:
            tour.end(signal.SIGTERM)
        AirflowProcesses(home).end()
