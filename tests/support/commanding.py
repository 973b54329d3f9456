"""The command line in the process of the test."""

from __future__ import annotations

import pytest

from fapiao.cli import main


def run_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object, expected: int = 0
) -> str:
    """Run ``fapiao …`` and demand its exit status; gives what it printed, stdout first."""
    monkeypatch.setattr("sys.argv", ["fapiao", *map(str, arguments)])
    try:
        main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    printed = capsys.readouterr()
    assert status == expected, printed.err
    return printed.out + printed.err
