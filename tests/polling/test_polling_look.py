"""What an answer says to those who wait."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    PluginError,
    QuotaExhausted,
    TaxpayerRefused,
    VendorBroken,
    VendorBusy,
    VendorUnreachable,
)
from fapiao.polling import LookKind
from fapiao.polling.look import concerns_account, look_of, look_of_error
from fapiao.wire import CollectionStatus, Pending, SliceKey, SliceState, SliceStatus

ONE, TWO = SliceKey("01", "input"), SliceKey("81", "input")


def status(*states: SliceState, nothing_found: bool = False) -> CollectionStatus:
    parts = tuple(SliceStatus(key=key, state=state) for key, state in zip((ONE, TWO), states, strict=False))
    return CollectionStatus(slices=parts, nothing_found=nothing_found)


@pytest.mark.parametrize(
    ("answer", "kind", "state"),
    [
        (status(SliceState.READY, SliceState.FAILED), LookKind.SETTLED, "every slice is settled."),
        (status(nothing_found=True), LookKind.SETTLED, "every slice is settled."),
        (status(SliceState.READY, SliceState.RUNNING), LookKind.RUNNING, "1 running, 1 ready"),
        (status(SliceState.READY), LookKind.RUNNING, "1 ready, 1 not yet known"),
        (status(), LookKind.RUNNING, "2 not yet known"),
        (Pending(reason="the bureau is busy"), LookKind.RUNNING, "waits: the bureau is busy"),
    ],
)
def test_a_job_is_settled_when_every_slice_is_known_and_none_runs(
    answer: CollectionStatus | Pending, kind: LookKind, state: str
) -> None:
    look = look_of(answer, (ONE, TWO), asked_at=5.0, now=6.0)
    assert (look.kind, look.state, look.asked_at) == (kind, state, 5.0)


@pytest.mark.parametrize(
    ("pending", "wish"),
    [
        (Pending(reason="later"), None),
        (Pending(reason="later", after=900.0), 1900.0),
        (Pending(reason="later", not_before=datetime.fromtimestamp(5000, timezone.utc)), 5000.0),
        (Pending(reason="later", not_before=datetime.fromtimestamp(10, timezone.utc)), None),
    ],
)
def test_the_vendors_wish_is_kept_unless_it_has_passed(pending: Pending, wish: float | None) -> None:
    assert look_of(pending, (ONE,), asked_at=0.0, now=1000.0).not_before == wish


@pytest.mark.parametrize(
    ("error", "kind", "for_all"),
    [
        (VendorUnreachable("x"), LookKind.LOST, False),
        (VendorBroken("x"), LookKind.LOST, False),
        (VendorBusy("x", retry_after=7.0), LookKind.LOST, False),
        (TaxpayerRefused("x"), LookKind.REFUSED, False),
        (PluginError("x"), LookKind.REFUSED, False),
        (ConfigurationError("x"), LookKind.FAILED, False),
        (CredentialError("x"), LookKind.FAILED, True),
        (QuotaExhausted("x"), LookKind.FAILED, True),
        (ZeroDivisionError("x"), LookKind.FAILED, False),
    ],
)
def test_an_error_is_what_may_pass_or_the_taxpayers_or_everybodys(
    error: Exception, kind: LookKind, for_all: bool
) -> None:
    look = look_of_error(error, asked_at=1.0, now=2.0)
    assert (look.kind, look.error, concerns_account(error)) == (kind, error, for_all)


def test_a_pause_that_the_vendor_asks_for_holds_the_account() -> None:
    look = look_of_error(VendorBusy("x", retry_after=7.0), asked_at=1.0, now=2.0)
    assert (look.not_before, look.hold) == (9.0, 7.0)
