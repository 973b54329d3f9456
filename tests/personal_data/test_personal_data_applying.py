"""A policy reaches tables, observations and raw: of what is loaded under it, and of what was there before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from fapiao.errors import StoreError
from fapiao.invoices.personal_data import ACTIONS, CLASSES
from fapiao.rereading.personal_data import apply_policy, set_policy, show_policy
from fapiao.store.documents.policies import read_policy
from fapiao.store.tables.ledger import pages
from rereading import SOURCES, Shop, record

Shops = Callable[..., Shop]
Fresh = Callable[[], str]

CANARIES = {
    "identity": "990101199003078877",
    "name": "张三丰",
    "remark": "收件人李四",
    "unknown": "王五的电话",
}
"""Of the classes that the shop's records have: what the tests look for."""
WITHHELD = [action for action in ACTIONS if action != "keep"]
PERSON = {
    "drawer": CANARIES["name"], "bought": CANARIES["identity"], "remark": CANARIES["remark"], "memo": CANARIES["unknown"],
}  # fmt: skip


def stock() -> dict[str, list[dict[str, Any]]]:
    """Invoices that tell of persons; one that is rejected, and a red-letter invoice whose remark names the blue one."""
    return {
        "input": [
            record(1, **PERSON),
            record(2, **PERSON | {"no": ""}),
            record(3, drawer="赵六"),
            record(4, **PERSON | {"remark": f"{CANARIES['remark']} 被红冲蓝字数电票号码：2499{1:016d}"}, net="-100.00", tax="-13.00"),
        ],
        "output": [record(5, **PERSON)],
    }  # fmt: skip


def written(shop: Shop) -> str:
    """Everything that is stored, transcripts decompressed."""
    texts = []
    for name, rows in shop.everything().items():
        for row in rows:
            for value in row:
                if isinstance(value, bytes) and name == "fapiao_page" and value:
                    texts.append(zlib.decompress(value).decode())
                elif not isinstance(value, bytes):
                    texts.append(str(value))
    return "\n".join(texts)


def set_to(shop: Shop, *settings: str) -> Any:
    return set_policy(shop.database, settings, sources=SOURCES, clock=lambda: shop.now)


def everything(action: str) -> list[str]:
    return [f"{name}={action}" for name in CLASSES]


@pytest.mark.parametrize("action", WITHHELD)
@pytest.mark.parametrize("data_class", CANARIES)
def test_what_a_policy_does_not_keep_is_stored_nowhere_and_the_rest_is(
    shops: Shops, sqlite_into: str, data_class: str, action: str
) -> None:
    shop = shops(sqlite_into, **stock())
    set_to(shop, *({"identity=keep"} if data_class != "identity" else ()), f"{data_class}={action}")
    shop.collect()
    found = written(shop)
    for name, canary in CANARIES.items():
        assert (canary in found) == (name != data_class), name
    assert len(shop.rows_of("rejected")) == 1


@pytest.mark.parametrize("action", WITHHELD)
def test_a_policy_is_applied_to_what_is_stored(shops: Shops, url: str, action: str) -> None:
    shop = shops(url, **stock())
    set_to(shop, "identity=keep")
    shop.collect()
    assert all(canary in written(shop) for canary in CANARIES.values())

    report = set_to(shop, *everything(action))

    found = written(shop)
    assert [canary for canary in CANARIES.values() if canary in found] == []
    assert (report.is_applied, report.applied.documents, report.applied.answers, report.applied.rejected) == (
        True,
        4,
        3,
        1,
    )
    assert shop.rows_of("invoice_reference", "scheme", "value") == [("digital20", f"2499{1:016d}")]


@pytest.mark.parametrize("action", WITHHELD)
def test_applying_a_policy_equals_collecting_under_it(shops: Shops, fresh: Fresh, action: str) -> None:
    changed, from_the_start = shops(fresh(), **stock()), shops(fresh(), **stock())
    set_to(changed, "identity=keep")
    for shop in (changed, from_the_start):
        if shop is from_the_start:
            set_to(shop, *everything(action))
        shop.collect()
    set_to(changed, *everything(action))
    assert changed.meaning() == from_the_start.meaning()


@pytest.mark.parametrize("action", WITHHELD)
def test_interpreting_again_equals_collecting_under_a_policy(shops: Shops, sqlite_into: str, action: str) -> None:
    shop = shops(sqlite_into, **stock())
    set_to(shop, *everything(action))
    shop.collect()
    before = shop.everything()
    assert shop.renormalize().changes.rows == 0
    assert shop.everything() == before


@pytest.mark.parametrize("action", WITHHELD)
def test_collecting_again_under_a_policy_says_nothing_new(shops: Shops, sqlite_into: str, action: str) -> None:
    shop = shops(sqlite_into, **stock())
    set_to(shop, *everything(action))
    shop.collect()
    told = shop.rows_of("observation", "content_hash")
    shop.collect()
    assert shop.rows_of("observation", "content_hash") == told
    assert [rule for rule in shop.rows_of("finding", "rule") if rule == "M1"] == []


def test_by_default_identity_numbers_are_masked_and_nothing_else(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, **stock())
    shop.collect()
    found = written(shop)
    assert [name for name, canary in CANARIES.items() if canary not in found] == ["identity"]
    assert set(shop.rows_of("vehicle", "buyer_id_no")) == {"**************8877"}


def test_an_answer_without_personal_data_is_stored_byte_for_byte(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1), record(2, drawer="赵六")])
    shop.collect()
    (transcript,) = [raw for raw in shop.rows_of("page", "transcript") if b"2499" in zlib.decompress(raw)]
    sent = b'{"count":2,"rows":['
    assert sent in zlib.decompress(transcript)


def test_encrypted_raw_is_kept_whole_and_gives_back_what_a_weaker_policy_keeps(
    shops: Shops, sqlite_into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAPIAO_RAW_KEY", Fernet.generate_key().decode())
    shop = shops(sqlite_into, **stock())
    set_to(shop, "name=drop")
    shop.collect()
    assert set(shop.rows_of("invoice", "drawer")) == {None}

    set_to(shop, "name=keep", "identity=keep")
    assert set(shop.rows_of("invoice", "drawer")) == {None}
    shop.renormalize()
    assert set(shop.rows_of("invoice", "drawer")) == {"张三丰", "赵六"}
    assert set(shop.rows_of("vehicle", "buyer_id_no")) == {CANARIES["identity"]}


def test_encrypted_raw_is_interpreted_under_the_policy_as_if_it_were_plain(
    shops: Shops, sqlite_into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAPIAO_RAW_KEY", Fernet.generate_key().decode())
    shop = shops(sqlite_into, **stock())
    set_to(shop, *everything("hash"))
    shop.collect()
    assert shop.renormalize().changes.rows == 0


def test_what_is_masked_comes_to_less_than_what_was_kept_until_the_change_is_applied(
    shops: Shops, sqlite_into: str
) -> None:
    shop = shops(sqlite_into, input=[record(1, drawer="张三丰")])
    set_to(shop, "name=mask")
    shop.collect()
    set_to(shop, "name=keep")
    shop.collect()
    assert shop.rows_of("invoice", "drawer") == ["张三丰"]
    assert len(shop.rows_of("observation")) == 2
    set_to(shop, "name=mask")
    assert shop.rows_of("invoice", "drawer") == ["张*"]
    assert len(shop.rows_of("observation")) == 1


def test_applying_twice_changes_nothing(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, **stock())
    shop.collect()
    set_to(shop, *everything("hash"))
    before = shop.everything()
    again = set_to(shop, *everything("hash"))
    assert again.applied.documents == again.applied.answers == 0
    assert shop.everything() == before


def test_a_dry_run_counts_what_would_change_and_changes_nothing(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, **stock())
    shop.collect()
    before = shop.everything()
    report = set_policy(shop.database, ["name=drop"], dry_run=True, sources=SOURCES)
    assert (report.applied.documents, report.applied.answers, report.applied.rejected) == (4, 3, 1)  # type: ignore[union-attr]  # there is one
    assert report.dry_run
    assert shop.everything() == before
    assert read_policy(shop.database).policy.name == "keep"


def with_first_answer(shop: Shop, change: Callable[[bytes], bytes]) -> bytes:
    """The shop's first raw answer is changed into what comes back."""

    def write(connection: Any) -> bytes:
        page_id, transcript = connection.execute(
            sa.select(pages.c.page_id, pages.c.transcript).order_by(pages.c.page_id)
        ).first()
        changed = change(bytes(transcript))
        connection.execute(pages.update().where(pages.c.page_id == page_id).values(transcript=changed))
        return changed

    return shop.database.transact(write)


def test_raw_answers_that_nothing_can_be_told_of_are_emptied_and_counted(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, **stock())
    shop.collect()
    with_first_answer(shop, lambda transcript: transcript[:-9])
    would = set_policy(shop.database, ["name=drop"], dry_run=True, sources=SOURCES)
    report = set_to(shop, "name=drop")
    for applied in (would.applied, report.applied):
        assert applied is not None
        assert (applied.answers, applied.emptied) == (3, 1)
    assert shop.rows_of("page", "transcript").count(b"") == 1
    assert "Of 1 of the raw answers nothing is kept" in report.to_text()
    assert "nothing would be kept" in would.to_text()


def test_a_raw_answer_that_a_newer_version_stored_is_not_emptied(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, **stock())
    shop.collect()
    newer = with_first_answer(
        shop, lambda transcript: zlib.compress(zlib.decompress(transcript).replace(b'"format":1', b'"format":2', 1))
    )
    with pytest.raises(StoreError, match="has the format 2") as refusal:
        set_to(shop, "name=drop")
    assert "Upgrade fapiao" in (refusal.value.advice or "")
    assert newer in shop.rows_of("page", "transcript")
    assert not show_policy(shop.database).is_applied


def test_a_run_under_the_old_policy_commits_nothing_after_the_change(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, **stock())
    send = shop.send

    def meanwhile(prepared: Any) -> Any:
        if prepared.url.endswith("/read"):
            set_policy(shop.database, ["name=drop"], sources=SOURCES)
        return send(prepared)

    shop.send = meanwhile  # type: ignore[method-assign]  # the vendor answers while somebody changes the policy
    with pytest.raises(StoreError, match="was changed while this run was under way"):
        shop.collect()
    shop.send = send  # type: ignore[method-assign]  # and is itself again
    shop.collect()
    assert CANARIES["name"] not in written(shop)


def test_a_source_that_does_not_tell_its_personal_data_has_its_raw_kept_only_encrypted(
    shops: Shops, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SOURCES.get("atlas")
    import msgspec

    monkeypatch.setattr(source, "descriptor", msgspec.structs.replace(source.descriptor, personal=None))
    plain = shops(fresh(), **stock())
    plain.collect()
    assert set(plain.rows_of("page", "transcript")) == {b""}
    assert plain.rows_of("rejected", "raw") == ['{"fapiao_withheld":true}']
    assert CANARIES["identity"] not in written(plain)

    keeping = shops(fresh(), **stock())
    set_to(keeping, "identity=keep")
    keeping.collect()
    assert b"" not in keeping.rows_of("page", "transcript")

    monkeypatch.setenv("FAPIAO_RAW_KEY", Fernet.generate_key().decode())
    sealed = shops(fresh(), **stock())
    sealed.collect()
    assert b"" not in sealed.rows_of("page", "transcript")
    assert sealed.renormalize().changes.rows == 0


_APPLY = """
import sys
from fapiao.rereading.personal_data import set_policy
from fapiao.store import Database
import fapiao.rereading.personal_data as module
from rereading import SOURCES

module._DOCUMENTS = module._ANSWERS = 1
def progress(done):
    print(done.documents, flush=True)
    sys.stdin.readline()
set_policy(Database.connect(sys.argv[1]), ["name=drop", "remark=drop", "unknown=drop", "identity=drop"], sources=SOURCES, progress=progress)
"""


@pytest.mark.kill
@pytest.mark.parametrize("steps", [1, 3, 6])
def test_a_killed_application_is_continued_by_the_next_one(
    shops: Shops, sqlite_into: str, fresh: Fresh, steps: int
) -> None:
    shop = shops(sqlite_into, **stock())
    set_to(shop, "identity=keep")
    shop.collect()
    with subprocess.Popen(
        [sys.executable, "-c", _APPLY, sqlite_into], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for step in range(steps):
            assert process.stdout.readline()
            if step < steps - 1:
                process.stdin.write("\n")
                process.stdin.flush()
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert not show_policy(shop.database).is_applied

    report = apply_policy(shop.database, sources=SOURCES, clock=lambda: shop.now)
    assert report.is_applied
    assert [canary for canary in CANARIES.values() if canary in written(shop)] == []
    assert shop.renormalize().changes.rows == 0


def test_the_file_of_the_database_is_found_by_the_command(shops: Shops, sqlite_into: str, tmp_path: Path) -> None:
    shop = shops(sqlite_into, input=[record(1, drawer="张三丰")])
    set_to(shop, "identity=keep")
    shop.collect()
    done = subprocess.run(
        [sys.executable, "-c", "from fapiao.cli import main; main()", "personal-data", "--into", sqlite_into,
         "--set", "name=mask", "--json"],
        capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"documents": 1' in done.stdout
    assert shop.rows_of("invoice", "drawer") == ["张*"]
