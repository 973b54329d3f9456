"""The strongest promise: after a mapping fix the tables say what they would say had it been right from the beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fapiao.invoices.model import Finding, Invoice, Rejected, Severity
from fapiao.store import Database
from fapiao.store.ledger.closing import CLOSING_RULES
from rereading import PLUGIN, Shop, plain, record

REASON = Finding(rule="V1", severity=Severity.REJECT, field="day", message="The day cannot be read.")
REMARK = Finding(rule="X1", severity=Severity.INFO, field="by", message="A remark.")

NET = {number: f"{100 + number}.00" for number in range(1, 8)}
RECORDS = st.lists(
    st.builds(
        lambda number, state, by, face, of: record(
            number, state=state, by=by, net=f"-{NET[number]}" if of else NET[number], tax="-13.00" if of else "13.00",
            **({"remark": f"被红冲蓝字数电票号码：2499{of:016d}"} if of else {}),
            **({"code": "099002400111", "short": f"{number:08d}"} if face != "digital" else {}),
            **({"no": ""} if face == "paper" else {}),
        ),
        st.integers(1, 6), st.sampled_from(["0", "3"]), st.sampled_from(["甲乙丙测试有限公司", "某某测试有限公司"]),
        st.sampled_from(["digital", "digital", "paper", "both"]), st.sampled_from([0, 0, 1, 2]),
    ),
    max_size=5, unique_by=lambda raw: raw["net"],
)  # fmt: skip
PHASES = (Phase.explicit, Phase.generate)
"""Nothing is shrunk: an example takes half a second, and small ones are drawn first."""
GENERATIONS = st.lists(st.tuples(RECORDS, RECORDS), min_size=1, max_size=3)


def wrong(kind: str, raw: dict[str, Any]) -> Invoice | Rejected:
    """Mappings as they go wrong."""
    if kind == "rejects" and raw["state"] == "3":
        return Rejected(reasons=(REASON,))
    if kind == "state":
        return plain(raw, state="normal")
    if kind == "number" and raw["no"]:
        return plain(raw, digital_number="24980000000000000" + raw["no"][-3:])
    if kind == "one" and raw["no"]:
        return plain(raw, digital_number=record(1)["no"])
    if kind == "paper":
        return plain(raw, invoice_code=None, invoice_number=None, digital_number=raw["no"] or record(7)["no"])
    if kind == "remark":
        return plain(raw, findings=(REMARK,))
    if kind == "unread":
        return plain(raw, remark=None)
    if kind == "blue":
        return plain(raw, is_red=False)
    return plain(raw)


KINDS = st.sampled_from(["rejects", "state", "number", "one", "paper", "remark", "unread", "blue", "none"])


class Template:
    """A migrated database to copy: migrating takes longer than an example."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "template.db"
        Database.migrate_url(f"sqlite:///{self.path}")
        self.count = 0

    def copy(self) -> str:
        self.count += 1
        path = self.path.with_name(f"{self.count}.db")
        path.write_bytes(self.path.read_bytes())
        return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template"))


def filled(url: str, generations: list[tuple[list[Any], list[Any]]], kind: str) -> Shop:
    shop = Shop(url)
    PLUGIN.mapping = lambda raw: wrong(kind, raw)
    for bought, sold in generations:
        shop.rows = {"input": bought, "output": sold}
        shop.collect()
    return shop


@settings(max_examples=40, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(generations=GENERATIONS, before=KINDS, after=KINDS)
def test_interpreting_again_equals_collecting_with_the_new_mapping(
    template: Template, generations: list[tuple[list[Any], list[Any]]], before: str, after: str
) -> None:
    fresh = filled(template.copy(), generations, after)
    mended = filled(template.copy(), generations, before)
    try:
        mended.renormalize(lambda raw: wrong(after, raw))
        ours, theirs = mended.meaning(), fresh.meaning()
        for told in (ours, theirs):
            # What a generation missed, and which states its red letters contradict, is decided when it closes, and a
            # later one may show it in another light: proven anew it is judged by what is known now.
            told["finding"] = [row for row in told["finding"] if dict(row)["rule"] not in CLOSING_RULES]
        # A slice that did not add up was read again, with the one mapping and not with the other.
        if mended.rows_of("slice", "read_no") == fresh.rows_of("slice", "read_no"):
            for name, rows in theirs.items():
                assert ours[name] == rows, name
        everything = mended.everything()
        assert mended.renormalize().changes.rows == 0
        assert mended.everything() == everything
    finally:
        fresh.database.close()
        mended.database.close()
