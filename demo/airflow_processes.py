"""The processes of one Airflow: started from here, and ended from here, each and every one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from airflow_home import airflow_command

__all__ = ["AirflowProcesses"]


class AirflowProcesses:
    """What runs of the Airflow that has this home.

    A part of Airflow begins process groups and sessions of its own, outlives its parent, and may overwrite its
    environment where the operating system shows it. So a process belongs here if it is in a session that was begun
    here, or has the home in its environment, or descends from one that does.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """``airflow …`` in a session of its own, so that Ctrl-C does not reach it; its output is appended to ``log``."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [airflow_command(), *arguments],
                env=environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def alive(self) -> list[psutil.Process]:
        """Every process, but the calling one."""
        everything = {process.pid: process for process in psutil.process_iter()}
        found = {pid for pid, process in everything.items() if self._is_ours(process)}
        while more := {pid for pid, process in everything.items() if pid not in found and _parent(process) in found}:
            found |= more
        return [everything[pid] for pid in sorted(found - {os.getpid()})]

    def end(self, patience: float = 10.0) -> None:
        """Ends all of them: told to at first, killed after ``patience`` seconds."""
        told = self.alive()
        for process in told:
            _send(process.terminate)
        psutil.wait_procs(told, timeout=patience)
        while left := self.alive():
            for process in left:
                _send(process.kill)
            psutil.wait_procs(left, timeout=5)
        for started in self._started:
            started.wait()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            session = os.getsid(process.pid)
            if any(session == started.pid for started in self._started):
                return True
            return process.environ().get("AIRFLOW_HOME") == str(self.home)
        except (psutil.Error, OSError):
            return False  # it has ended meanwhile, or is another user's


def _parent(process: psutil.Process) -> int | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.ppid()
    except psutil.Error:
        return None


def _send(signal: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        signal()
