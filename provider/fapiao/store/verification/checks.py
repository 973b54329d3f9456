"""Verifications in the database: which claims were asked, which are to be asked, what the bureau answered.

A row is one check. Its states: ``open``, ``asking`` (committed before the vendor is asked), ``waiting`` (the bureau cannot
say now), and final ``answered`` or ``refused``. The answer itself is a page like those of a collection, so that transcript,
record, observation and quarantine are where they are for every other answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.engine.withheld_answers import KeptRaw
from fapiao.invoices.differences import Difference
from fapiao.invoices.intake import Examined
from fapiao.invoices.withholding import Withholding
from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.documents.grouping import PageLoad
from fapiao.store.ledger.accounts import is_dead
from fapiao.store.raw.questions import FACTORS, stored_claim
from fapiao.store.tables.ledger import pages
from fapiao.store.tables.verifications import verifications
from fapiao.store.verification.account_answers import AccountAnswers
from fapiao.store.verification.check_rows import Given, settled
from fapiao.store.verification.layout_rows import add_links, add_task
from fapiao.store.verification.said_before import VERIFY as API
from fapiao.wire import Claim, Outcome, Verification

__all__ = ["API", "Answer", "CheckRecord", "Verifications", "claim_hash"]

FINAL = frozenset({"answered", "refused"})
LEASE = 1800.0
"""Seconds after which a check that a process on another host was asking is taken over."""


class CheckRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a claim. Times are epoch seconds, UTC."""

    verification_id: int
    check_no: int
    claim: Claim
    state: str
    outcome: Outcome | None
    code: str | None
    message: str | None
    request_id: str | None
    verified_at: float | None
    not_before: float | None
    invoice_key: int | None
    differences: tuple[Difference, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer on its way into the database."""

    check: CheckRecord
    verification: Verification
    examined: Examined | None
    """The bureau's record after the gate; None where the answer has none."""
    raw: KeptRaw
    answered_at: float


def claim_hash(claim: Claim) -> str:
    """What makes two claims the same question: the factors, and on whose behalf it is asked."""
    amounts = [
        None if amount is None else format(amount, ".2f") for amount in (claim.amount_excl_tax, claim.amount_incl_tax)
    ]
    parts = (
        claim.number, claim.invoice_code, claim.issued_on.isoformat(), *amounts, (claim.check_code or "")[-6:] or None,
        claim.taxpayer_no,
    )  # fmt: skip
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


class Verifications(AccountAnswers):
    """One account's checks. Several processes may work on them at once: each check is asked by one of them."""

    def __init__(self, database: Database, source: str, account: str) -> None:
        super().__init__(database, source, account, API)

    def enrol(
        self, claims: Sequence[Claim], now: float, is_done: Callable[[CheckRecord, Claim], bool]
    ) -> list[CheckRecord]:
        """The check that stands for each claim: the newest where it is unfinished or ``is_done``, else a new one."""
        wanted = {claim_hash(claim): claim for claim in claims}

        def work(connection: Connection) -> list[CheckRecord]:
            newest: dict[str, CheckRecord] = {}
            for part in chunks(sorted(wanted)):
                for hash, record in self._select(connection, verifications.c.claim_hash.in_(part)):
                    if hash not in newest or record.check_no > newest[hash].check_no:
                        newest[hash] = record
            fresh: list[dict[str, Any]] = []
            for hash, claim in wanted.items():
                found = newest.get(hash)
                if found is not None and (found.state not in FINAL or is_done(found, claim)):
                    continue
                fresh.append(self._row(hash, claim, 1 if found is None else found.check_no + 1, now))
            if fresh:
                connection.execute(verifications.insert(), fresh)
                for part in chunks([row["claim_hash"] for row in fresh]):
                    for hash, record in self._select(connection, verifications.c.claim_hash.in_(part)):
                        if hash not in newest or record.check_no > newest[hash].check_no:
                            newest[hash] = record
            self._widen(connection, newest, wanted)
            return [newest[hash] for hash in wanted]

        return self._database.transact(work)

    def take(self, checks: Iterable[CheckRecord], now: float) -> list[CheckRecord]:
        """Those of the checks that this process may ask now; committed as *asking*.

        One that another living process is asking stays its; one whose process is gone is taken over.
        """
        wanted = sorted(check.verification_id for check in checks)

        def work(connection: Connection) -> list[CheckRecord]:
            table = verifications.c
            query = sa.select(table.verification_id, table.state, table.holder, table.not_before)
            rows = connection.execute(
                query.where(table.verification_id.in_(wanted)).order_by(table.verification_id).with_for_update()
            ).all()
            mine = [row.verification_id for row in rows if self._may_ask(row, now)]
            if not mine:
                return []
            connection.execute(
                verifications.update()
                .where(table.verification_id.in_(mine))
                .values(state="asking", holder=self._holder, not_before=now + LEASE)
            )
            return [record for _, record in self._select(connection, table.verification_id.in_(mine))]

        return self._database.transact(work) if wanted else []

    def look(self, ids: Sequence[int]) -> dict[int, CheckRecord]:
        """The checks as they are now."""

        def work(connection: Connection) -> dict[int, CheckRecord]:
            found: dict[int, CheckRecord] = {}
            for part in chunks(ids):
                for _, record in self._select(connection, verifications.c.verification_id.in_(part)):
                    found[record.verification_id] = record
            return found

        return self._database.read(work)

    def give_back(
        self, verification_id: int, message: str, *, not_before: float | None = None, code: str | None = None
    ) -> None:
        """There is no answer yet: to be asked again, at once or from ``not_before`` on."""
        self._close(
            verification_id,
            state="open" if not_before is None else "waiting",
            not_before=not_before,
            code=code,
            message=message,
        )

    def refuse(self, verification_id: int, code: str | None, message: str, now: float) -> None:
        """The vendor will not answer this claim; others it may."""
        self._close(verification_id, state="refused", code=code, message=message, verified_at=now, not_before=None)

    def answer(self, answers: Sequence[Answer]) -> None:
        """Commit answers with everything that came with them: page, record, task, links. One transaction."""
        answers = [_withheld(answer, self.withholding) for answer in answers]
        place = self._journal.slice(answers[0].answered_at)
        loads = [_page(answer, place.slice_id, place.collection_id, self._source) for answer in answers]
        self._loader.load(loads, lambda connection: self._settle(connection, answers, place.slice_id))

    def _settle(self, connection: Connection, answers: Sequence[Answer], slice_id: int) -> None:
        cursors = [str(answer.check.verification_id) for answer in answers]
        query = sa.select(pages.c.cursor, pages.c.page_id).where(
            pages.c.slice_id == slice_id, pages.c.read_no == 1, pages.c.cursor.in_(cursors)
        )
        places = {row.cursor: row.page_id for row in connection.execute(query)}
        given = [_given(answer, places[str(answer.check.verification_id)]) for answer in answers]
        rows = settled(connection, given)
        for answer, told in zip(answers, given, strict=True):
            said, check = answer.verification, answer.check
            connection.execute(
                verifications.update()
                .where(
                    verifications.c.verification_id == check.verification_id,
                    verifications.c.state.not_in(sorted(FINAL)),
                )
                .values(
                    state="answered",
                    verified_at=answer.answered_at,
                    not_before=None,
                    holder=None,
                    page_id=told.page_id,
                    **rows[check.verification_id],
                )
            )
            here = {"source": self._source, "account": self._account, "verification_id": check.verification_id}
            if said.task is not None:
                add_task(connection, said.task, answer.answered_at, here)
            add_links(connection, said.links, check.claim.number, answer.answered_at, here)

    def _select(self, connection: Connection, *wanted: Any) -> list[tuple[str, CheckRecord]]:
        table = verifications.c
        query = sa.select(verifications).where(table.source == self._source, table.account == self._account, *wanted)
        return [(row["claim_hash"], _record(dict(row))) for row in connection.execute(query).mappings()]

    def _row(self, hash: str, claim: Claim, check_no: int, now: float) -> dict[str, Any]:
        factors = {name: getattr(claim, name) for name in FACTORS}
        kinds = ",".join(claim.layouts)
        place = {"source": self._source, "account": self._account, "claim_hash": hash, "check_no": check_no}
        return place | factors | {"layouts": kinds, "state": "open", "opened_at": now}

    def _widen(self, connection: Connection, newest: dict[str, CheckRecord], wanted: Mapping[str, Claim]) -> None:
        """An unfinished check is asked with the layouts that are wanted now, too."""
        for hash, claim in wanted.items():
            record = newest[hash]
            kinds = tuple(dict.fromkeys((*record.claim.layouts, *claim.layouts)))
            if record.state not in ("open", "waiting") or kinds == record.claim.layouts:
                continue
            connection.execute(
                verifications.update()
                .where(verifications.c.verification_id == record.verification_id)
                .values(layouts=",".join(kinds))
            )
            widened = msgspec.structs.replace(record.claim, layouts=kinds)
            newest[hash] = msgspec.structs.replace(record, claim=widened)

    def _may_ask(self, row: Any, now: float) -> bool:
        if row.state == "asking":
            return row.holder == self._holder or is_dead(row.holder or "") or (row.not_before or 0.0) <= now
        return row.state == "open" or (row.state == "waiting" and (row.not_before or 0.0) <= now)

    def _close(self, verification_id: int, **values: Any) -> None:
        mine = sa.and_(
            verifications.c.verification_id == verification_id,
            verifications.c.state == "asking",
            verifications.c.holder == self._holder,
        )
        values |= {"holder": None}
        self._database.transact(
            lambda connection: connection.execute(verifications.update().where(mine).values(**values)).rowcount
        )


_DIFFERENCES: msgspec.json.Decoder[tuple[Difference, ...]] = msgspec.json.Decoder(tuple[Difference, ...])


def _record(row: Mapping[str, Any]) -> CheckRecord:
    return CheckRecord(
        verification_id=row["verification_id"],
        check_no=row["check_no"],
        claim=stored_claim(row),
        state=row["state"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        code=row["code"],
        message=row["message"],
        request_id=row["request_id"],
        verified_at=row["verified_at"],
        not_before=row["not_before"],
        invoice_key=row["invoice_key"],
        differences=() if row["differences"] is None else _DIFFERENCES.decode(row["differences"]),
    )


def _withheld(answer: Answer, withholding: Withholding) -> Answer:
    """The answer with what the policy leaves of its record: differences are told of that."""
    if answer.examined is None:
        return answer
    examined = withholding.examined(answer.examined, answer.check.claim.taxpayer_no or "")
    return msgspec.structs.replace(answer, examined=examined)


def _given(answer: Answer, page_id: int) -> Given:
    return Given(
        verification_id=answer.check.verification_id,
        claim=answer.check.claim,
        verification=answer.verification,
        invoice=None if answer.examined is None else answer.examined.invoice,
        page_id=page_id,
        at=round(answer.answered_at, 6),
    )


def _page(answer: Answer, slice_id: int, collection_id: int, source: str) -> PageLoad:
    records = () if answer.examined is None else (answer.examined,)
    return PageLoad(
        slice_id=slice_id,
        collection_id=collection_id,
        read_no=1,
        cursor=str(answer.check.verification_id),
        source=source,
        api=API,
        fetched_at=answer.answered_at,
        total=None,
        remaining=(),
        record_count=len(records),
        transcript=answer.raw.data,
        transcript_sha256=answer.raw.sha256,
        keeps_raw=answer.raw.is_whole,
        taxpayer_no=answer.check.claim.taxpayer_no or "",
        direction="",
        invoice_month="",
        type="",
        records=records,
    )
