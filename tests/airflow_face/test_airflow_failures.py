"""Which Airflow exception an error becomes, and what survives of it on its way through a trigger's event."""

from __future__ import annotations

import json

import pytest

from fapiao import errors
from fapiao.airflow.compat import AirflowException, AirflowFailException
from fapiao.airflow.events import Failure, Job, Wake
from fapiao.airflow.failures import as_airflow, concerns_all, translated

FINAL = [
    errors.ConfigurationError("x"),
    errors.SourceUnavailable("x"),
    errors.CredentialError("x"),
    errors.RequestRefused("x"),
    errors.TaxpayerRefused("x"),
    errors.QuotaExhausted("x"),
    errors.PluginError("x"),
    errors.IncompleteError("x"),
]
PASSING = [
    errors.VendorUnreachable("x"),
    errors.OutcomeUnknown("x"),
    errors.VendorBusy("x", retry_after=1.0),
    errors.VendorBroken("x"),
    errors.StoreError("x"),
]


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
def test_what_no_retry_can_mend_is_not_retried(error: errors.FapiaoError) -> None:
    assert isinstance(as_airflow(error), AirflowFailException)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_retried(error: errors.FapiaoError) -> None:
    assert not isinstance(as_airflow(error), AirflowFailException)


def test_every_error_of_the_tree_is_sorted_into_one_of_the_two() -> None:
    tree = {name for name in errors.__all__ if name != "Fault"}
    parents = {"FapiaoError", "VendorError", "VendorRefused"}
    assert {type(error).__name__ for error in FINAL + PASSING} == tree - parents


def test_a_credential_error_names_the_connection() -> None:
    assert "my_vendor" in str(as_airflow(errors.CredentialError("Refused."), "my_vendor"))


def test_the_refusal_of_one_taxpayer_does_not_concern_the_others() -> None:
    assert not concerns_all(errors.TaxpayerRefused("x"))
    assert concerns_all(errors.CredentialError("x"))
    assert concerns_all(errors.QuotaExhausted("x"))


def test_the_chain_below_an_error_is_cut_because_it_may_quote_a_url() -> None:
    def fail() -> None:
        try:
            raise OSError("https://vendor.example/?accessToken=canary")
        except OSError as problem:
            raise errors.VendorUnreachable("No answer.") from problem

    with pytest.raises(AirflowException) as caught, translated():
        fail()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_chain_below_a_plugins_fault_is_kept_for_its_author() -> None:
    with pytest.raises(AirflowFailException) as caught, translated():
        raise errors.PluginError("The hook sign raised KeyError.")
    assert isinstance(caught.value.__cause__, errors.PluginError)


@pytest.mark.parametrize("error", FINAL + PASSING, ids=lambda error: type(error).__name__)
def test_an_error_survives_the_way_through_an_event(error: errors.FapiaoError) -> None:
    sent = Wake(status="error", deadline=1.0, failure=Failure.of(error)).payload()
    received = Wake.read(json.loads(json.dumps(sent))).failure
    assert received is not None
    assert type(received.error()) is type(error)
    assert str(received.error()) == str(error)


def test_an_error_of_a_kind_that_is_not_known_here_is_retried() -> None:
    error = Failure(kind="FromTheFuture", what="Something new.").error()
    assert type(error) is errors.FapiaoError
    assert not isinstance(as_airflow(error), AirflowFailException)


def test_jobs_that_still_run_survive_the_way_through_an_event() -> None:
    wake = Wake(status="due", deadline=2.5, later={"T": Job(taxpayer_no="T", not_before=1.5, job_id="j")})
    assert Wake.read(json.loads(json.dumps(wake.payload()))) == wake


@pytest.mark.parametrize("payload", [None, {}, {"status": 1, "deadline": 2.0}, "done", {"deadline": 1.0}])
def test_an_event_that_is_not_understood_is_refused(payload: object) -> None:
    with pytest.raises(ValueError, match="not understood"):
        Wake.read(payload)  # type: ignore[arg-type]  # what a stranger may send
