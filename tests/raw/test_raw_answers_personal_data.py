"""Answers to verifications and layout files interpreted again under a personal data policy, and from encrypted raw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.fernet import Fernet

from bureau import claims
from fapiao.errors import StoreError
from fapiao.invoices.personal_data import ACTIONS, CLASSES
from fapiao.rereading.personal_data import set_policy
from fapiao.store.access.sealing import VARIABLE
from inquiring import Inquiry, shelved
from misreading import BOTH, BUREAU
from offices import KINDS
from rereading import HOLDER

Inquiries = Callable[..., Inquiry]
PERSON = "990101199003078877"
STATED = [name for name in CLASSES if name != "unknown"]
"""The bureau of the tests does not tell which other fields it knows."""
PERSONS = {"buyer": "庚辛壬", "buyer_no": PERSON, "drawer": "张三丰"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("FAPIAO_HASH_KEY", "a hash key of the tests, long enough for anybody")


def set_to(inquiry: Inquiry, *settings: str) -> None:
    set_policy(inquiry.database, settings, sources=BOTH, clock=inquiry.clock)


def sold_to_a_person(inquiry: Inquiry) -> None:
    inquiry.bureau.more = inquiry.bureau.more | PERSONS


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "keep"])
def test_under_a_policy_nothing_changes_right_after_verifying_and_archiving(
    inquire: Inquiries, sqlite_into: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, sealed: bool
) -> None:
    if sealed:
        monkeypatch.setenv(VARIABLE, Fernet.generate_key().decode())
    inquiry = inquire(sqlite_into)
    set_to(inquiry, *(f"{name}={action}" for name in STATED))
    sold_to_a_person(inquiry)
    inquiry.busy(tmp_path)
    before = inquiry.everything()
    done = inquiry.renormalize()
    assert (done.changes.rows, done.failed, done.purged) == (0, 0, 0)
    assert inquiry.everything() == before
    assert PERSON not in str([before[f"fapiao_{name}"] for name in ("observation", "verification", "invoice")])


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "keep"])
def test_a_policy_that_came_later_is_kept_to(inquire: Inquiries, url: str, tmp_path: Path, action: str) -> None:
    inquiry = inquire(url)
    set_to(inquiry, "identity=keep")
    sold_to_a_person(inquiry)
    BUREAU.mistake("seller")
    inquiry.ask(claims(2, layouts=KINDS))
    inquiry.fetch(tmp_path)
    set_to(inquiry, *(f"{name}={action}" for name in STATED))
    done = inquiry.renormalize()
    assert (done.purged, done.failed, done.changes.checks) == (0, 0, 0)
    assert not [text for text in inquiry.of("observation", "content") if "别的测试有限公司" in text]
    everything = inquiry.everything()
    assert PERSON not in str([everything[f"fapiao_{name}"] for name in ("observation", "verification", "invoice")])
    assert inquiry.renormalize().changes.rows == 0


def test_encrypted_answers_are_whole_and_give_back_what_a_weaker_policy_keeps(
    inquire: Inquiries, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, Fernet.generate_key().decode())
    inquiry = inquire(url)
    set_to(inquiry, "name=drop", "identity=drop")
    sold_to_a_person(inquiry)
    inquiry.ask(claims(2, layouts=("xml",)))
    inquiry.ask([claims(3)[2]])
    inquiry.fetch(tmp_path)
    assert set(inquiry.of("invoice", "drawer")) == {None}
    set_to(inquiry, "name=keep", "identity=keep")
    assert inquiry.renormalize().changes.fields["drawer"] == 3
    assert sorted(inquiry.of("invoice", "drawer")) == ["张三丰", "测试员", "测试员"]
    assert PERSON in inquiry.of("invoice", "buyer_tax_no")


def test_without_the_key_the_run_stops_and_names_what_was_asked(
    inquire: Inquiries, sqlite_into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, Fernet.generate_key().decode())
    inquiry = inquire(sqlite_into)
    inquiry.ask(claims(1))
    before = inquiry.everything()
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(StoreError, match=r"page 1 \(source bureau, verification of 24990000000000000001\)"):
        inquiry.renormalize("seller")
    assert inquiry.everything() == before


def test_a_difference_of_which_the_policy_has_left_nothing_to_compare_stays(inquire: Inquiries, url: str) -> None:
    inquiry = inquire(url)
    set_to(inquiry, "identity=keep")
    inquiry.collect(shelved(1))
    inquiry.bureau.more = inquiry.bureau.more | {"buyer_no": PERSON}
    BUREAU.mistake("seller")
    inquiry.ask(claims(1))
    set_to(inquiry, "identity=drop", "name=drop")
    (before,) = inquiry.of("verification", "differences")
    inquiry.renormalize()
    (text,) = inquiry.of("verification", "differences")
    assert [part["field"] for part in msgspec.json.decode(before)] == ["buyer_tax_no", "seller_name"]
    assert msgspec.json.decode(text) == [{"field": "buyer_tax_no", "stored": HOLDER, "stated": ""}]
    assert inquiry.renormalize().changes.rows == 0


def test_answers_that_were_never_stored_are_counted_as_purged(
    inquire: Inquiries, sqlite_into: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = BOTH.get("bureau")
    inquiry = inquire(sqlite_into)
    monkeypatch.setattr(inquiry.bureau, "source", lambda: source)
    monkeypatch.setattr(source, "descriptor", msgspec.structs.replace(source.descriptor, personal=None))
    inquiry.ask(claims(2, layouts=("xml",)))
    inquiry.fetch(tmp_path)
    done = inquiry.renormalize("seller")
    assert (done.purged_kinds, done.failed) == ({"verify": 2, "files": 2}, 0)
    assert done.changes.pages == 2, "what is read by the framework itself, the XML files, is stored"
    assert done.changes.rows == 0
