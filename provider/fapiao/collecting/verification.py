"""Verify claims (发票查验): ask the bureau about thousands of invoices, pay for none of them twice, keep every answer.

A :class:`Verifier` is a sequence of steps over the database, as :class:`fapiao.collecting.collection.Collector` is: each step does all
that can be done now and says what must be waited for. A bounded pool asks; the calling thread writes. What is asked is
committed before, what is answered right after, so a killed run loses at most the answers that were under way.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from fapiao.arguments import CHINA
from fapiao.collecting.outcomes import Waiting
from fapiao.engine import BlockingDriver
from fapiao.engine.transcript import told
from fapiao.engine.withheld_answers import Answers, RawRules, kept_raw
from fapiao.errors import (
    ConfigurationError,
    FapiaoError,
    IncompleteError,
    PluginError,
    QuotaExhausted,
    StoreError,
    VendorBusy,
    VendorRefused,
)
from fapiao.invoices.intake import examine
from fapiao.invoices.model import NormalizeContext
from fapiao.registry import Source
from fapiao.store import Database, SharedAccountState
from fapiao.store.verification.checks import API, FINAL, Answer, CheckRecord, Verifications
from fapiao.wire import Account, Claim, Outcome, Pending, Verification

__all__ = ["VerificationProgress", "VerificationSummary", "Verifier", "is_settled"]

log = logging.getLogger(__name__)

_BLOCK = 500
"""Claims that are looked up in one transaction."""
_DAY = 86400.0
_RIVAL_POLL = 5.0
"""Seconds after which a check that another process is asking is looked at again."""


class VerificationProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is; given to the caller after every commit."""

    claims: int
    done: int


class VerificationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run reports: counts, no personal data; also the value in Airflow's XCom."""

    source: str
    claims: int
    """Distinct claims."""
    asked: int
    """Checks that this run answered; the others were answered before."""
    outcomes: dict[str, int]
    """Outcome → claims."""
    refused: int
    """Claims that the vendor does not take; their messages are in the table."""
    unanswered: int
    different: int
    """Genuine invoices of which the database, from other sources, states something else."""
    requests: int


def is_settled(check: CheckRecord, now: float) -> bool:
    """Whether asking again, however long ago it was, could only bring the same answer.

    Two outcomes can turn: *not_found* is asked again once a day has passed if it was given less than two days after the
    day of issue (a new digital invoice may appear at the bureau a day later), *not_yet* once the day of issue has come.
    """
    if check.state != "answered" or check.verified_at is None:
        return False
    issued = datetime.combine(check.claim.issued_on, datetime.min.time(), CHINA).timestamp()
    if check.outcome is Outcome.NOT_FOUND:
        return check.verified_at >= issued + 3 * _DAY or now < check.verified_at + _DAY
    if check.outcome is Outcome.NOT_YET:
        return now < issued
    return True


class Verifier:
    """Verifies claims with one account. Create it again after a kill or in another process: the database remembers.

    :param max_age: seconds; an answer older than this is asked (and paid) for again. None: never.
    :param since: epoch seconds; answers and refusals after it are of this run, however old ``max_age`` lets them be. A run
        that continues another one gives that one's beginning.
    :raises FapiaoError: from :meth:`advance`, after everything that was under way is committed.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        database: Database,
        claims: Iterable[Claim],
        *,
        max_age: float | None = None,
        since: float | None = None,
        driver: BlockingDriver | None = None,
        clock: Callable[[], float] = time.time,
        progress: Callable[[VerificationProgress], None] | None = None,
    ) -> None:
        if "verify" not in source.descriptor.capabilities:
            raise ConfigurationError(
                f"The source {source.name} cannot verify invoices.", source=source.name, advice="Use another source."
            )
        self._source = source
        self._account = account
        self._claims: Iterable[Claim] | None = claims
        self._max_age = max_age
        self._clock = clock
        self._since = clock() if since is None else since
        self._progress = progress
        self._checks: dict[int, CheckRecord] = {}
        self._store = Verifications(database, source.name, account.name)
        self._owns_driver = driver is None
        self._driver = driver or BlockingDriver(
            source, account, state=SharedAccountState(database, account), clock=clock
        )
        self._requests_before = self._driver.requests
        self._normalize = source.normalizer()
        self._withheld = Answers(RawRules.of(source.descriptor), self._store.withholding)
        self._asked = 0

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the account shares with other processes."""
        if self._owns_driver:
            self._driver.close()

    def advance(self) -> Waiting | None:
        """Ask about everything that can be asked now. None: every claim has its answer, or its refusal.

        :raises QuotaExhausted: the paid quota is used up; a later run goes on with the claims that are left.
        """
        self._enrol()
        unfinished = [check for check in self._checks.values() if not self._is_done(check)]
        due = [check for check in unfinished if check.state != "waiting" or (check.not_before or 0.0) <= self._clock()]
        if due:
            _Asking(self).run(due)
            unfinished = [check for check in self._checks.values() if not self._is_done(check)]
        return self._waiting(unfinished)

    def checks(self) -> list[CheckRecord]:
        """The check of each claim, in the order of the claims."""
        return list(self._checks.values())

    def summary(self) -> VerificationSummary:
        """Where the run stands."""
        checks = self.checks()
        outcomes = Counter(check.outcome.value for check in checks if check.state == "answered" and check.outcome)
        refused = sum(check.state == "refused" for check in checks)
        return VerificationSummary(
            source=self._source.name,
            claims=len(checks),
            asked=self._asked,
            outcomes={outcome.value: outcomes[outcome.value] for outcome in Outcome if outcomes[outcome.value]},
            refused=refused,
            unanswered=len(checks) - refused - sum(outcomes.values()),
            different=sum(bool(check.differences) for check in checks),
            requests=self._driver.requests - self._requests_before,
        )

    def verdict(self, *, require_genuine: bool = True) -> None:
        """Say whether every claim has an answer, and (unless told not to) whether every invoice is as it is booked.

        :raises IncompleteError: the first claims that are not; numbers only, no names.
        """
        wrong = [text for check in self.checks() if (text := _trouble(check, require_genuine)) is not None]
        if wrong:
            more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
            raise IncompleteError(
                f"{len(wrong)} of {len(self._checks)} claims are not verified as genuine: {'; '.join(wrong[:10])}{more}.",
                source=self._source.name,
                advice="See fapiao_verification for the vendor's messages and the differences.",
            )

    def _enrol(self) -> None:
        if self._claims is None:
            return
        claims = iter(self._claims)
        now = self._clock()
        while block := list(islice(claims, _BLOCK)):
            for check in self._store.enrol(block, now, self._answers):
                self._checks[check.verification_id] = check
        self._claims = None

    def _answers(self, check: CheckRecord, claim: Claim) -> bool:
        """Whether a final check of an earlier run answers the claim now."""
        now = self._clock()
        if check.verified_at is not None and check.verified_at >= self._since:
            return set(claim.layouts) <= set(check.claim.layouts)
        if not is_settled(check, now) or not set(claim.layouts) <= set(check.claim.layouts):
            return False
        return self._max_age is None or now - (check.verified_at or 0.0) < self._max_age

    def _is_done(self, check: CheckRecord) -> bool:
        return check.state in FINAL

    def _waiting(self, unfinished: Sequence[CheckRecord]) -> Waiting | None:
        if not unfinished:
            return None
        now = self._clock()
        first = min(unfinished, key=lambda check: self._due(check, now))
        reason = first.message if first.state == "waiting" and first.message else "another process is asking"
        return Waiting(
            not_before=self._due(first, now),
            reason=f"{len(unfinished)} claims have no answer yet; the next: {reason}",
            code=first.code,
        )

    def _due(self, check: CheckRecord, now: float) -> float:
        return (check.not_before or now) if check.state == "waiting" else now + _RIVAL_POLL

    # What the asking needs; one run of it is one call of advance().

    def fetch(self, check: CheckRecord) -> Answer | Pending:
        """In a pool's thread: one claim, from the vendor to an examined record."""
        claim = check.claim
        discretion = self._withheld.discretion(claim.taxpayer_no or "")
        completed = self._driver.run(discretion.flow(self._source.verify(self._account, claim)))
        said: Any = completed.value  # what the plugin returned is not known yet
        if isinstance(said, Pending):
            return said
        if not isinstance(said, Verification):
            raise PluginError(
                f"verify() returned {type(said).__name__} instead of a Verification.", source=self._source.name
            )
        raw = kept_raw(
            completed.transcript,
            discretion,
            told(self._source.descriptor, self._account, claim),
            sealed=self._store.seals_raw,
        )
        at = self._clock()
        examined = None
        if said.record is not None:
            context = NormalizeContext(
                source=self._source.name,
                api=API,
                taxpayer_no=claim.taxpayer_no or "",
                invoice_month="",
                type="",
                direction="",
            )
            in_china = datetime.fromtimestamp(at, CHINA).replace(tzinfo=None)
            examined = examine(said.record, 0, self._normalize(raw=said.record, context=context), context, in_china)
        return Answer(
            check=check,
            verification=said,
            examined=examined,
            raw=raw,
            answered_at=at,
        )

    def learn(self, ids: Sequence[int], *, answered: int = 0) -> None:
        """Read back what was committed."""
        self._checks.update(self._store.look(ids))
        self._asked += answered
        if self._progress is not None:
            done = sum(self._is_done(check) for check in self._checks.values())
            self._progress(VerificationProgress(claims=len(self._checks), done=done))


class _Asking:
    """One pass over checks that are due."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._store = verifier._store
        self._clock = verifier._clock
        self._readers = verifier._driver.max_concurrency
        self._stop: BaseException | None = None
        self._errors: list[FapiaoError] = []
        self._in_a_row = 0

    def run(self, checks: Sequence[CheckRecord]) -> None:
        """Ask about all of them that this process may.

        :raises FapiaoError: after what was under way is committed.
        """
        taken = self._taken(checks)
        under_way: dict[Future[Answer | Pending], CheckRecord] = {}
        with ThreadPoolExecutor(self._readers, thread_name_prefix="fapiao-verify") as pool:
            try:
                while True:
                    while self._stop is None and len(under_way) < self._readers:
                        check = next(taken, None)
                        if check is None:
                            break
                        under_way[pool.submit(self._verifier.fetch, check)] = check
                    if not under_way:
                        break
                    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                    self._commit([(future, under_way.pop(future)) for future in done])
            except BaseException as stop:
                # What is being asked is paid for: wait for it and keep it, whatever stops this run.
                for future in under_way:
                    future.cancel()
                if not isinstance(stop, StoreError):
                    self._commit([(future, check) for future, check in under_way.items() if not future.cancelled()])
                raise
            finally:
                taken.close()
        if self._stop is not None:
            raise self._stop
        if self._errors:
            raise self._errors[0]

    def _taken(self, checks: Sequence[CheckRecord]) -> Generator[CheckRecord, None, None]:
        """Checks committed as being asked, a few at a time: a killed process leaves only few behind."""
        waiting = iter(checks)
        while block := list(islice(waiting, 2 * self._readers)):
            mine = self._store.take(block, self._clock())
            missed = {check.verification_id for check in block} - {check.verification_id for check in mine}
            if missed:
                self._verifier.learn(sorted(missed))
            given = 0
            try:
                for check in mine:
                    yield check
                    given += 1
            finally:
                for check in mine[given + 1 :]:
                    self._store.give_back(check.verification_id, "not asked: the run was stopped")

    def _commit(self, finished: Sequence[tuple[Future[Answer | Pending], CheckRecord]]) -> None:
        answers: list[Answer] = []
        touched: list[int] = []
        for future, check in finished:
            touched.append(check.verification_id)
            try:
                said = future.result()
            except FapiaoError as error:
                self._failed(check, error)
                continue
            self._in_a_row = 0
            if isinstance(said, Pending):
                self._postpone(check, said)
            else:
                answers.append(said)
        if answers:
            self._store.answer(answers)
        self._verifier.learn(touched, answered=len(answers))

    def _postpone(self, check: CheckRecord, pending: Pending) -> None:
        due = pending.due(self._clock(), self._verifier._source.descriptor.poll_interval)
        self._store.give_back(check.verification_id, pending.reason, not_before=due, code=pending.code)

    def _failed(self, check: CheckRecord, error: FapiaoError) -> None:
        error.within(source=self._verifier._source.name, taxpayer_no=check.claim.taxpayer_no)
        if isinstance(error, ConfigurationError | QuotaExhausted | PluginError):
            # The account's trouble, or the plugin's: every further call would meet it again.
            self._stop = self._stop or error
            self._store.give_back(check.verification_id, error.what, code=error.code)
        elif isinstance(error, VendorBusy):
            self._postpone(check, Pending(reason=error.what, code=error.code, after=error.retry_after))
        elif isinstance(error, VendorRefused):
            log.error("The claim %s is refused: %s", check.claim.number, error)
            self._store.refuse(check.verification_id, error.code, error.what, self._clock())
        else:
            self._errors.append(error)
            self._in_a_row += 1
            self._store.give_back(check.verification_id, error.what, code=error.code)
            if self._in_a_row >= 2 * self._readers:
                self._stop = self._stop or error


def _trouble(check: CheckRecord, require_genuine: bool) -> str | None:
    number = check.claim.number
    if check.state not in FINAL:
        return f"{number} has no answer ({check.message or 'not asked'})"
    if check.state == "refused":
        return f"{number} is refused ({check.code or ''} {check.message or ''})".replace("( ", "(")
    if not require_genuine:
        return None
    if check.outcome is not Outcome.GENUINE:
        return f"{number} is {check.outcome.value if check.outcome else 'unknown'}"
    if check.differences:
        fields = ", ".join(part.field for part in check.differences[:3])
        return f"{number} differs from what is stored in {fields}"
    return None
