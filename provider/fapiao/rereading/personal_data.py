"""The personal data policy of a database: shown, changed, and applied to everything that is stored.

A change is written down first, so that every load from then on follows it; then the stored rows are brought to it, a batch in a
transaction. A run that is killed is continued by the next one, and what is right already is not written again. Nothing that was
masked, hashed or dropped comes back by this: ``fapiao renormalize`` brings it back where the raw is encrypted, and so whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from fapiao.engine import Exchange
from fapiao.engine.encoded import DECODER, ENCODER
from fapiao.engine.host_rules import Refused
from fapiao.engine.transcript import NewerTranscript, pack, unpack_told
from fapiao.engine.withheld_answers import Answers, RawRules
from fapiao.errors import ConfigurationError, SourceUnavailable, StoreError
from fapiao.invoices.personal_data import Policy, policy_of
from fapiao.invoices.withholding import Withholding
from fapiao.layouts.einvoice_xml import API as FILES
from fapiao.layouts.einvoice_xml import RULES, stored_raw_of, without_personal_data
from fapiao.registry import Registry, registry
from fapiao.store import Database
from fapiao.store.documents.policies import (
    Done,
    StoredPolicy,
    change_policy,
    guard,
    read_policy,
    ready,
    record_applied,
    record_done,
)
from fapiao.store.rereading.applying import (
    Remade,
    StoredAnswer,
    apply_to_answers,
    apply_to_checks,
    apply_to_documents,
    next_keys,
)
from fapiao.store.tables.invoices import invoices
from fapiao.store.tables.ledger import pages
from fapiao.store.tables.verifications import verifications

__all__ = ["Applied", "PolicyReport", "apply_policy", "set_policy", "show_policy"]

_DOCUMENTS = 500
_ANSWERS = 50
"""Pages in one transaction: each may be a megabyte in plain."""


class Applied(msgspec.Struct, kw_only=True):
    """What a run changed, or would change."""

    documents: int = 0
    """Documents of which an observation held something that is not kept."""
    answers: int = 0
    """Raw answers, stored in plain."""
    emptied: int = 0
    """Those of them of which nothing is kept: damaged, or of a plugin that does not tell its personal data."""
    rejected: int = 0
    """Raw JSON of quarantined records, stored in plain."""
    checks: int = 0
    """Verifications that told a difference."""
    seconds: float = 0.0


class PolicyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of a database and what was done for it."""

    policy: Policy
    version: int
    is_applied: bool
    """Whether everything that is stored is as the policy wants it."""
    is_default: bool
    """Nobody has set it."""
    applied: Applied | None = None
    dry_run: bool = False

    def to_json(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """For people."""
        lines = [f"{name:<9} {action}" for name, action in self.policy.items()]
        if self.applied is not None:
            done = self.applied
            verb = "would be changed" if self.dry_run else "were changed"
            lines.append(
                f"{done.documents} documents, {done.answers} raw answers, {done.rejected} rejected records and {done.checks} "
                f"checks {verb} in {done.seconds:.1f} s."
            )
            if done.emptied:
                kept = "would be" if self.dry_run else "is"
                lines.append(
                    f"Of {done.emptied} of the raw answers nothing {kept} kept, for what is personal in them cannot be told: they are "
                    "damaged, or their plugin is not installed or does not declare its personal data."
                )
        if not self.is_applied and not self.dry_run:
            lines.append("What was stored before is not brought to this policy yet: give --apply.")
        return "\n".join(lines)


def show_policy(database: Database) -> PolicyReport:
    """The policy now."""
    return _report(read_policy(database))


def set_policy(
    database: Database,
    settings: Sequence[str],
    *,
    dry_run: bool = False,
    sources: Registry = registry,
    clock: Callable[[], float] = time.time,
    progress: Callable[[Applied], None] | None = None,
) -> PolicyReport:
    """Change the policy by settings such as ``identity=hash`` and apply it to everything stored.

    :param dry_run: only count what would be changed.
    :raises ConfigurationError: a setting is wrong; a class is to be hashed, and the key is missing or another one.
    """
    before = read_policy(database)
    policy = policy_of(settings, before.policy)
    if dry_run:
        key = database.hash_key()
        if policy.needs_key() and not key:
            raise ConfigurationError("Hashing needs a key, also to count.", advice="See 'fapiao personal-data --help'.")
        applied = _Application(database, Withholding(policy, key.secret), None, sources, clock, progress).run(Done())
        return _report(msgspec.structs.replace(before, policy=policy), applied, dry_run=True)
    change_policy(database, policy, clock())
    return apply_policy(database, sources=sources, clock=clock, progress=progress)


def apply_policy(
    database: Database,
    *,
    sources: Registry = registry,
    clock: Callable[[], float] = time.time,
    progress: Callable[[Applied], None] | None = None,
    again: bool = False,
) -> PolicyReport:
    """Bring everything that is stored to the policy, from where an earlier run stopped.

    :param again: look at everything once more where that has been done: a newer version may find more.

    :raises StoreError: the database does not work, the policy was changed meanwhile, or a newer version has stored raw answers.
    :raises ConfigurationError: a class is hashed, and the key is missing or another one.
    """
    stored = read_policy(database)
    applied = Applied()
    if again or not stored.is_applied():
        state = ready(database)
        application = _Application(database, state.withholding, state.version, sources, clock, progress)
        applied = application.run(Done() if stored.is_applied() else stored.done)
        database.transact(lambda connection: record_applied(connection, stored))
    return _report(read_policy(database), applied)


def _report(stored: StoredPolicy, applied: Applied | None = None, *, dry_run: bool = False) -> PolicyReport:
    return PolicyReport(
        policy=stored.policy,
        version=stored.version,
        is_applied=stored.is_applied(),
        is_default=stored.changed_at is None,
        applied=applied,
        dry_run=dry_run,
    )


class _Application:
    """One run over everything that is stored. ``version`` None: nothing is written."""

    def __init__(
        self,
        database: Database,
        withholding: Withholding,
        version: int | None,
        sources: Registry,
        clock: Callable[[], float],
        progress: Callable[[Applied], None] | None,
    ) -> None:
        self._database = database
        self._withholding = withholding
        self._version = version
        self._sources = sources
        self._clock = clock
        self._progress = progress
        self._answers: dict[str, Answers] = {}
        self._files = Answers(RULES, withholding)
        self._applied = Applied()

    def run(self, done: Done) -> Applied:
        """Checks first: whether a difference is about a natural person is told by the document as it was."""
        began = time.monotonic()
        for name, column, count, work in (
            ("verification_id", verifications.c.verification_id, _DOCUMENTS, self._checks),
            ("invoice_key", invoices.c.invoice_key, _DOCUMENTS, self._documents),
            ("page_id", pages.c.page_id, _ANSWERS, self._pages),
        ):
            after: int = getattr(done, name)
            while True:
                last = self._batch(column, after, count, work)
                if last is None:
                    break
                after = last
                done = msgspec.structs.replace(done, **{name: after})
                self._record(done)
                if self._progress is not None:
                    self._progress(self._applied)
        self._applied.seconds = round(time.monotonic() - began, 3)
        return self._applied

    def _batch(
        self, column: Any, after: int, count: int, work: Callable[[Connection, list[int]], Applied]
    ) -> int | None:
        """The last key of the next batch; None: there is none."""

        def transaction(connection: Connection) -> tuple[int | None, Applied]:
            if self._version is not None:
                guard(connection, self._version)
            keys = next_keys(connection, column, after, count)
            return (keys[-1], work(connection, keys)) if keys else (None, Applied())

        run = self._database.read if self._version is None else self._database.transact
        last, changed = run(transaction)
        for name in ("documents", "answers", "emptied", "rejected", "checks"):
            setattr(self._applied, name, getattr(self._applied, name) + getattr(changed, name))
        return last

    def _record(self, done: Done) -> None:
        """In a transaction of its own: batches hold the policy shared, with loads of other processes."""
        version = self._version
        if version is not None:
            self._database.transact(lambda connection: record_done(connection, version, done))

    def _documents(self, connection: Connection, keys: list[int]) -> Applied:
        schema, now, write = self._database.schema, self._clock(), self._version is not None
        return Applied(documents=apply_to_documents(connection, schema, self._withholding, keys, now, write=write))

    def _pages(self, connection: Connection, keys: list[int]) -> Applied:
        write = self._version is not None
        done = apply_to_answers(connection, keys, self._remade, self._remade_record, write=write)
        return Applied(answers=done.answers, emptied=done.emptied, rejected=done.rejected)

    def _checks(self, connection: Connection, keys: list[int]) -> Applied:
        return Applied(checks=apply_to_checks(connection, self._withholding, keys, write=self._version is not None))

    def _remade(self, page: StoredAnswer) -> Remade | None:
        """The page's answers without what the policy does not keep; none of them where that cannot be told."""
        if self._withholding.is_idle:
            return None
        try:
            exchanges, told = unpack_told(page.transcript)
            if _is_file(page):
                body, whole = self._file(exchanges[0].response.body)
                left: tuple[Exchange, ...] = (
                    msgspec.structs.replace(
                        exchanges[0], response=msgspec.structs.replace(exchanges[0].response, body=body)
                    ),
                )
            else:
                discretion = self._of(page.source).discretion(page.taxpayer_no)
                left = discretion.transcript(exchanges)
                whole = discretion.is_whole
        except NewerTranscript:
            raise
        except (StoreError, IndexError):
            return Remade(b"", page.transcript_sha256)  # damaged: whatever is in it cannot be interpreted again
        if not whole:
            return Remade(b"", page.transcript_sha256)
        if all(one.response.body == other.response.body for one, other in zip(left, exchanges, strict=True)):
            return None
        return Remade(*pack(left, told))

    def _remade_record(self, page: StoredAnswer, raw: str) -> Any:
        if self._withholding.is_idle:
            return DECODER.decode(raw)
        value = DECODER.decode(raw)
        if _is_file(page):
            return self._files.document(value)[0]
        answers = self._of(page.source)
        return answers.record(value, page.taxpayer_no) if answers.can_tell else None

    def _file(self, body: bytes) -> tuple[bytes, bool]:
        try:
            if body[:1] != b"{":
                return without_personal_data(body, self._files)[1], True
            left, changed = self._files.document(stored_raw_of(body))
        except Refused:
            return b"", False
        return ENCODER.encode(left) if changed else body, True

    def _of(self, source: str) -> Answers:
        """What the source's plugin tells of its answers; nothing where it is not there any more."""
        if source not in self._answers:
            try:
                rules = RawRules.of(self._sources.get(source).descriptor)
            except SourceUnavailable:
                rules = None
            self._answers[source] = Answers(rules, self._withholding)
        return self._answers[source]


def _is_file(page: StoredAnswer) -> bool:
    """Whether it is a layout file's content, which the framework reads itself."""
    return page.api == FILES and page.cursor.startswith("file ")
