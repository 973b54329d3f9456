"""The personal data policy of a database: what it is now, who may write under it, how it is changed.

Every load is one transaction that holds the policy's row shared, so a change waits for the loads under way, and no load under the
old policy is committed after it: what applies a change to everything stored meets all that there is.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import ConfigurationError, StoreError
from fapiao.invoices.personal_data import CLASSES, DEFAULT, Policy
from fapiao.invoices.withholding import Withholding, fingerprint
from fapiao.store.access.database import Database
from fapiao.store.access.hash_keys import HASH_FILE_VARIABLE, HASH_VARIABLE, MAKE, HashKey
from fapiao.store.tables.policies import policies

__all__ = ["Done", "PolicyState", "StoredPolicy", "change_policy", "guard", "read_policy", "ready", "record_done"]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How far a change has been applied to what is stored."""

    invoice_key: int = 0
    page_id: int = 0
    verification_id: int = 0


class StoredPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy as the database has it."""

    policy: Policy = DEFAULT
    version: int = 0
    applied_version: int = 0
    key_fingerprint: str | None = None
    done: Done = Done()
    changed_at: float | None = None
    """Epoch seconds, UTC; None: it is the default one."""

    def is_applied(self) -> bool:
        """Whether everything that is stored is as the policy wants it."""
        return self.version == self.applied_version


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """A policy ready for work, and which version of it this is."""

    withholding: Withholding
    version: int


def read_policy(database: Database) -> StoredPolicy:
    """The policy now."""
    return database.read(_stored)


def ready(database: Database) -> PolicyState:
    """What every process that writes invoices works under.

    :raises ConfigurationError: a class is hashed, and there is no key, or another one than the database's hashes were made with.
    """
    stored = read_policy(database)
    key = _key_for(database, stored.policy, stored.key_fingerprint)
    return PolicyState(withholding=Withholding(stored.policy, key.secret), version=stored.version)


def guard(connection: Connection, version: int) -> None:
    """Hold the policy until the transaction ends.

    :raises StoreError: it is another one by now than the one that the data was made under.
    """
    query = sa.select(policies.c.version).where(policies.c.policy_id == 1).with_for_update(read=True)
    now = connection.execute(query).scalar()
    if (now or 0) != version:
        raise StoreError(
            "The personal data policy of the database was changed while this run was under way.",
            advice="Run it again: it continues where it stopped, under the new policy.",
        )


def change_policy(database: Database, policy: Policy, now: float) -> StoredPolicy:
    """Write the policy down. Whatever is loaded from now on follows it; what is stored has still to be brought to it.

    :raises ConfigurationError: as :func:`ready`, for the new policy.
    """
    before = read_policy(database)
    key = _key_for(database, policy, before.key_fingerprint)

    def work(connection: Connection) -> StoredPolicy:
        was = _stored(connection, lock=True)
        if was.key_fingerprint != before.key_fingerprint:
            _fits(key, was.key_fingerprint)
        if was.policy == policy and was.version:
            return was
        values: dict[str, Any] = {
            **dict(policy.items()),
            "version": was.version + 1,
            "applied_version": was.applied_version,
            "key_fingerprint": fingerprint(key.secret) if key else was.key_fingerprint,
            "done_invoice_key": 0,
            "done_page_id": 0,
            "done_verification_id": 0,
            "changed_at": now,
        }
        if was.version:
            connection.execute(policies.update().where(policies.c.policy_id == 1).values(**values))
        else:
            connection.execute(policies.insert().values(policy_id=1, **values))
        return _stored(connection)

    return database.transact(work)


def record_done(connection: Connection, version: int, done: Done) -> None:
    """Note how far the change has been applied."""
    connection.execute(
        policies.update()
        .where(policies.c.policy_id == 1, policies.c.version == version)
        .values(done_invoice_key=done.invoice_key, done_page_id=done.page_id, done_verification_id=done.verification_id)
    )


def record_applied(connection: Connection, stored: StoredPolicy) -> None:
    """Everything that is stored is as the policy wants it. Where nothing is hashed any more, another key may come."""
    values: dict[str, Any] = {"applied_version": stored.version}
    if not stored.policy.needs_key():
        values["key_fingerprint"] = None
    connection.execute(
        policies.update().where(policies.c.policy_id == 1, policies.c.version == stored.version).values(**values)
    )


def _stored(connection: Connection, *, lock: bool = False) -> StoredPolicy:
    query = sa.select(policies).where(policies.c.policy_id == 1)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        return StoredPolicy()
    return StoredPolicy(
        policy=Policy(**{name: row[name] for name in CLASSES}),
        version=row["version"],
        applied_version=row["applied_version"],
        key_fingerprint=row["key_fingerprint"],
        done=Done(
            invoice_key=row["done_invoice_key"],
            page_id=row["done_page_id"],
            verification_id=row["done_verification_id"],
        ),
        changed_at=row["changed_at"],
    )


def _key_for(database: Database, policy: Policy, known: str | None) -> HashKey:
    if not policy.needs_key():
        return HashKey()
    key = database.hash_key()
    if not key:
        hashed = ", ".join(name for name, action in policy.items() if action == "hash")
        raise ConfigurationError(
            f"The policy of {database.place} hashes personal data ({hashed}), and there is no key for it.",
            advice=f"Set {HASH_VARIABLE} or {HASH_FILE_VARIABLE}; a new key is made with {MAKE}.",
        )
    _fits(key, known)
    return key


def _fits(key: HashKey, known: str | None) -> None:
    if key and known is not None and fingerprint(key.secret) != known:
        raise ConfigurationError(
            f"The key in {key.origin} is not the one that the hashes in the database were made with.",
            advice="Give the key of before. A new one can come only after no class is hashed any more: set them to mask or drop first.",
        )
