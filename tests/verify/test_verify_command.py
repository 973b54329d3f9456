"""The command against the simulated vendor: exit statuses, files, a kill, hostile downloads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from fapiao.testing.scenario import Fault
from fapiao.wire import Claim
from fapiao_qixiangyun.simulator import CodeAnswer, FileTrouble, QixiangyunScenario, QixiangyunSimulator

ROOT = Path(__file__).resolve().parents[2]
SECRET = "canary-app-secret-55d1"
FAST = {"layout_seconds": 0.0, "quirks": False}


class Command:
    """``fapiao verify qixiangyun …`` as a user runs it, and what is in the database afterwards."""

    def __init__(self, simulator: QixiangyunSimulator, folder: Path, **extra: Any) -> None:
        connection = dict(simulator.connection())
        connection["extra"] = {**connection["extra"], "fault_pause": 0.2, **extra}
        self.simulator = simulator
        self.folder = folder
        self.url = f"sqlite:///{folder / 'fapiao.db'}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO_CONN"))},
            "PYTHONPATH": os.pathsep.join((str(ROOT / "provider"), str(ROOT / "plugins"))),
            "FAPIAO_CONN_QIXIANGYUN": json.dumps(connection),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from fapiao.cli import main; main()", "verify", "qixiangyun", *arguments, "--into", self.url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment, cwd=self.folder,
        )  # fmt: skip

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        assert SECRET not in out + err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def csv(self, claims: list[Claim]) -> str:
        rows = [f"{claim.number},{claim.issued_on},{claim.amount_incl_tax},{claim.taxpayer_no}" for claim in claims]
        path = self.folder / "claims.csv"
        path.write_text("\ufeff发票号码,开票日期,价税合计,纳税人识别号\n" + "\n".join(rows) + "\n", encoding="utf-8")
        return str(path)

    def rows(self, name: str) -> list[dict[str, Any]]:
        database = Database.connect(self.url)
        query = sa.select(metadata.tables[name])
        found = database.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])
        database.close()
        return found


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


@contextmanager
def vendor(folder: Path, scenario: dict[str, Any], **extra: Any) -> Iterator[Command]:
    simulator = QixiangyunSimulator(QixiangyunScenario(**({"app_secret": SECRET} | FAST | scenario)))
    with simulator.running():
        yield Command(simulator, folder, **extra)


def test_one_invoice_is_verified_and_its_files_archived(tmp_path: Path) -> None:
    with vendor(tmp_path, {}) as command:
        (claim,) = command.simulator.claims(1)
        done = command.run(
            "--number", claim.number, "--date", str(claim.issued_on), "--amount", str(claim.amount_incl_tax),
            "--taxpayer", str(claim.taxpayer_no), "--files", "PDF,OFD,XML", "--archive", str(tmp_path / "archive"), "--json",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["outcomes"] == {"genuine": 1}
        assert told["files"]["archived"] == 3
        for row in command.rows("fapiao_layout_file"):
            content = Path(row["uri"].removeprefix("file://")).read_bytes()
            assert content == command.simulator.file_content(row["kind"], claim.number)
        (invoice,) = command.rows("fapiao_invoice")
        assert (invoice["digital_number"], invoice["level"]) == (claim.number, "file")
        assert command.simulator.report().violations == ()


def test_a_csv_is_verified_once_however_often_it_is_run(tmp_path: Path) -> None:
    with vendor(tmp_path, {}) as command:
        path = command.csv(command.simulator.claims(40))
        for _ in range(2):
            done = command.run("--from-csv", path)
            assert done.returncode == 0, done.stderr
        assert set(command.simulator.report().checks.values()) == {1}
        assert len(command.rows("fapiao_verification")) == 40


@pytest.mark.parametrize("count", [200, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_throttling_bureau_faults_and_an_expired_token_cost_no_second_check(tmp_path: Path, count: int) -> None:
    troubles: dict[str, Any] = {
        "codes": (
            CodeAnswer(operation="verify", code="CheckInvoiceSingular", probability=0.02),
            CodeAnswer(operation="verify", code="CheckInvoiceException", probability=0.01),
        ),
        "token_requests": count // 2,
    }
    with vendor(tmp_path, troubles) as command:
        path = command.csv(command.simulator.claims(count))
        done = command.run("--from-csv", path, "--json", timeout=800)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["outcomes"] == {"genuine": count}
        report = command.simulator.report()
        assert len(report.checks) == count
        assert set(report.checks.values()) == {1}
        assert report.codes["CheckInvoiceSingular"] > count / 100
        assert report.codes["CheckInvoiceException"] > count / 200
        assert report.logins >= 2
        assert report.violations == ()
        assert len(command.rows("fapiao_verification")) == len(command.rows("fapiao_invoice")) == count


def test_a_query_on_the_database_makes_claims(tmp_path: Path) -> None:
    with vendor(tmp_path, {}) as command:
        claims = command.simulator.claims(3)
        assert command.run("--from-csv", command.csv(claims)).returncode == 0
        query = "SELECT digital_number, issued_on, amount_incl_tax FROM fapiao_invoice"
        done = command.run("--from-sql", query, "--taxpayer", str(claims[0].taxpayer_no), "--max-age", "0", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["asked"] == 3


def test_a_query_that_changes_something_changes_nothing(tmp_path: Path) -> None:
    with vendor(tmp_path, {}) as command:
        assert command.run("--from-csv", command.csv(command.simulator.claims(2))).returncode == 0
        done = command.run("--from-sql", "DELETE FROM fapiao_invoice_line RETURNING invoice_key AS number")
        assert done.returncode == 2
        assert len(command.rows("fapiao_invoice_line")) > 0


def test_an_invoice_that_is_not_genuine_ends_with_status_1(tmp_path: Path) -> None:
    with vendor(tmp_path, {}) as command:
        (claim,) = command.simulator.claims(1)
        done = command.run(
            "--number",
            claim.number,
            "--date",
            str(claim.issued_on),
            "--amount",
            "1.23",
            "--taxpayer",
            str(claim.taxpayer_no),
        )
        assert done.returncode == 1
        assert f"{claim.number} is different" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "It must be said once what is to be verified"),
        (["--number", "123", "--date", "2024-11-05", "--amount", "1"], "The invoice number '123' is not valid"),
        (["--number", "12345678", "--date", "2024-11-05", "--amount", "1"], "without its invoice code"),
        (["--number", "2" * 20, "--date", "yesterday", "--amount", "1"], "The date of issue 'yesterday' is not valid"),
        (["--number", "2" * 20, "--date", "2024-11-05", "--amount", "1.234"], "The amount '1.234' is not valid"),
        (["--number", "2" * 20, "--date", "2024-11-05"], "needs an amount or a check code"),
        (
            ["--number", "2" * 20, "--date", "2024-11-05", "--amount", "1", "--files", "PDF"],
            "--files and --archive belong",
        ),
        (
            ["--number", "2" * 20, "--date", "2024-11-05", "--amount", "1", "--files", "GIF", "--archive", "x"],
            "'gif' is not",
        ),
        (["--from-csv", "missing.csv"], "missing.csv cannot be read"),
        (["--number", "2" * 20, "--date", "2024-11-05", "--amount", "1", "--max-age", "soon"], "The age 'soon' is not"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    with vendor(tmp_path, {}) as command:
        done = command.run(*arguments)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
        assert command.simulator.report().checks == {}


def test_wrong_rows_of_a_csv_are_named_by_their_number(tmp_path: Path) -> None:
    with vendor(tmp_path, {}) as command:
        (tmp_path / "claims.csv").write_text("number,date,amount\n1,2024-11-05,1\n" + "2" * 20 + ",x,1\n")
        done = command.run("--from-csv", "claims.csv")
        assert done.returncode == 2
        assert "2 claims of claims.csv are not usable: row 1: " in done.stderr
        assert "row 2: The date of issue" in done.stderr


@pytest.mark.kill
def test_a_kill_between_result_and_download_loses_no_file_and_starts_no_second_job(tmp_path: Path) -> None:
    slow = {"faults": (Fault(kind="delay", operation="file", seconds=0.3),)}
    with vendor(tmp_path, slow) as command:
        path = command.csv(command.simulator.claims(30))
        given = ("--from-csv", path, "--files", "PDF,OFD,XML", "--archive", str(tmp_path / "archive"))
        process = command.start(*given)
        # All answers are committed before the first file is asked for, and a file takes its time.
        until(lambda: command.simulator.report().operations.get("file", 0) > 4)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert {row["state"] for row in command.rows("fapiao_layout_task")} == {"answered"}
        assert len(command.rows("fapiao_layout_link")) == 90
        assert len(command.rows("fapiao_layout_file")) < 90
        done = command.run(*given)
        assert done.returncode == 0, done.stderr
        files = command.rows("fapiao_layout_file")
        assert len({(row["number"], row["kind"]) for row in files}) == len(files) == 90
        for row in files:
            assert Path(row["uri"].removeprefix("file://")).read_bytes() == command.simulator.file_content(
                row["kind"], row["number"]
            )
        report = command.simulator.report()
        assert set(report.checks.values()) == {1}
        assert set(report.layout_jobs.values()) == {1}
        assert set(report.layout_answers.values()) == {1}


@pytest.mark.kill
def test_a_kill_during_the_question_names_what_is_lost_and_keeps_every_other_file(tmp_path: Path) -> None:
    slow = {"faults": (Fault(kind="delay", operation="result", seconds=0.2),)}
    with vendor(tmp_path, slow) as command:
        path = command.csv(command.simulator.claims(12))
        given = ("--from-csv", path, "--files", "PDF", "--archive", str(tmp_path / "archive"))
        process = command.start(*given)
        until(lambda: command.simulator.report().operations.get("result", 0) > 6)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        asked = {row["number"] for row in command.rows("fapiao_layout_task") if row["state"] == "asking"}
        assert 0 < len(asked) <= 8
        done = command.run(*given)
        assert done.returncode == 1
        assert {row["number"] for row in command.rows("fapiao_layout_task") if row["state"] == "lost"} == asked
        archived = {row["number"] for row in command.rows("fapiao_layout_file")}
        assert archived == {claim.number for claim in command.simulator.claims(12)} - asked
        assert all(f"{number}: task lost" in done.stderr for number in asked)
        report = command.simulator.report()
        assert set(report.layout_jobs.values()) == {1}
        assert set(report.layout_answers.values()) == {1}


@pytest.mark.kill
def test_a_kill_while_verifying_pays_for_at_most_what_was_under_way_twice(tmp_path: Path) -> None:
    with vendor(tmp_path, {"latency": 0.02}) as command:
        path = command.csv(command.simulator.claims(150))
        process = command.start("--from-csv", path)
        deadline = time.monotonic() + 60
        while len(command.simulator.report().checks) < 60 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        done = command.run("--from-csv", path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["outcomes"] == {"genuine": 150}
        checks = command.simulator.report().checks
        assert len(checks) == 150
        assert sum(count - 1 for count in checks.values()) <= 16


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (FileTrouble(kind="redirect"), "169.254.169.254 is not among those"),
        (FileTrouble(kind="redirect", redirect_to="https://elsewhere.example/x.pdf"), "elsewhere.example is not among"),
        (FileTrouble(kind="redirect", redirect_to="file:///etc/passwd"), "the scheme 'file'"),
        (FileTrouble(kind="html"), "is a web page"),
        (FileTrouble(kind="empty"), "is empty"),
        (FileTrouble(kind="oversize"), "is larger than"),
        (FileTrouble(kind="expired"), "HTTP 403"),
        (FileTrouble(kind="entities", files=("xml",)), "declares a document type or entities"),
        (FileTrouble(kind="traversal", files=("ofd",)), "leads out of the container"),
    ],
)
def test_a_hostile_download_is_refused_with_its_reason(tmp_path: Path, trouble: FileTrouble, reason: str) -> None:
    with vendor(tmp_path, {"file_troubles": (trouble,), "oversize_bytes": 40 * 1024 * 1024}) as command:
        path = command.csv(command.simulator.claims(1))
        done = command.run("--from-csv", path, "--files", "PDF,OFD,XML", "--archive", str(tmp_path / "archive"))
        assert done.returncode == 1
        assert reason in done.stderr
        spoiled = len(trouble.files or ("pdf", "ofd", "xml"))
        kept = [file for file in (tmp_path / "archive").rglob("*") if file.is_file()]
        assert len(kept) == 3 - spoiled == len(command.rows("fapiao_layout_file"))
        assert {row["outcome"] for row in command.rows("fapiao_verification")} == {"genuine"}


def test_a_redirect_on_the_same_host_is_followed(tmp_path: Path) -> None:
    with vendor(tmp_path, {"file_troubles": (FileTrouble(kind="redirect_here", first=3),)}) as command:
        path = command.csv(command.simulator.claims(1))
        done = command.run("--from-csv", path, "--files", "PDF,OFD,XML", "--archive", str(tmp_path / "archive"))
        assert done.returncode == 0, done.stderr


def test_files_over_http_and_in_a_private_network_need_to_be_allowed(tmp_path: Path) -> None:
    for setting, reason in (
        ("allow_http_files", "need allow_http_files"),
        ("allow_private_hosts", "needs allow_private_hosts"),
    ):
        folder = tmp_path / setting
        folder.mkdir()
        with vendor(folder, {}, **{setting: False}) as command:
            path = command.csv(command.simulator.claims(1))
            done = command.run("--from-csv", path, "--files", "PDF", "--archive", str(folder / "archive"))
            assert done.returncode == 1
            assert reason in done.stderr
