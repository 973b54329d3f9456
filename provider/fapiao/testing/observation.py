"""What a simulated vendor saw of its clients: the evidence that tests and the demo end with."""

from __future__ import annotations

import threading
from collections import Counter, deque

import msgspec

__all__ = ["Observer", "Report"]

_MOST_VIOLATIONS = 200


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of everything observed since the simulator began (or was given another scenario)."""

    requests: dict[str, int]
    """Requests per path."""
    operations: dict[str, int]
    """Requests per operation (``login``, ``start``, ``status``, ``read`` …)."""
    total: int
    answers: dict[str, int]
    """Answers per HTTP status; ``lost`` for those that were never sent whole."""
    codes: dict[str, int]
    """Answers per business code of the vendor."""
    faults: dict[str, int]
    """Injected faults per kind."""
    logins: int
    """Tokens given out."""
    starts: dict[str, int]
    """Jobs started, per ``taxpayer month``."""
    refused_starts: dict[str, int]
    """Starts refused because a job was running, per ``taxpayer month``."""
    reads: dict[str, dict[str, int]]
    """Answered reads, per ``taxpayer month type direction`` and page."""
    peak_concurrency: int
    """Most requests under way at once: from the moment one is read until its answer is about to be sent."""
    peak_concurrency_by_account: dict[str, int]
    peak_requests_per_second: int
    """Most requests that arrived within any one second."""
    over_concurrency: int
    """Requests over the scenario's concurrency cap."""
    over_rate: int
    """Requests over the scenario's rate cap."""
    violations: tuple[str, ...]
    """One sentence per protocol violation; the first two hundred."""
    bytes_sent: int

    def pages_read_again(self) -> int:
        """Reads beyond one per page."""
        return sum(count - 1 for pages in self.reads.values() for count in pages.values())


class Observer:
    """Collects a :class:`Report`; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._operations: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._starts: Counter[str] = Counter()
        self._refused_starts: Counter[str] = Counter()
        self._reads: dict[str, Counter[str]] = {}
        self._under_way: Counter[str] = Counter()
        self._peaks: Counter[str] = Counter()
        self._all_under_way = 0
        self._peak = 0
        self._arrivals: deque[float] = deque()
        self._peak_rate = 0
        self._due: dict[tuple[str, str], float] = {}
        self._logins = 0
        self._over_concurrency = 0
        self._over_rate = 0
        self._violations: list[str] = []
        self._bytes = 0

    def arrived(self, path: str, operation: str, account: str, now: float) -> tuple[int, int]:
        """Counts a request as under way; its ordinal, and how many of the account are under way with it."""
        with self._lock:
            self._requests[path] += 1
            self._operations[operation] += 1
            self._under_way[account] += 1
            self._all_under_way += 1
            self._peak = max(self._peak, self._all_under_way)
            self._peaks[account] = max(self._peaks[account], self._under_way[account])
            self._arrivals.append(now)
            while self._arrivals[0] <= now - 1.0:
                self._arrivals.popleft()
            self._peak_rate = max(self._peak_rate, len(self._arrivals))
            return sum(self._requests.values()), self._under_way[account]

    def leaving(self, account: str) -> None:
        """The answer is about to be sent: from then on the client may send its next request."""
        with self._lock:
            self._under_way[account] -= 1
            self._all_under_way -= 1

    def too_fast(self, account: str, operation: str, rate: float, tolerance: float, now: float) -> bool:
        """Whether this request comes before its turn at ``rate`` per second; one that does books no turn."""
        with self._lock:
            due = self._due.get((account, operation), now)
            if now < due - tolerance:
                self._over_rate += 1
                return True
            self._due[account, operation] = max(due, now) + 1.0 / rate
            return False

    def answered(self, status: str, size: int) -> None:
        with self._lock:
            self._answers[status] += 1
            self._bytes += size

    def code(self, code: str) -> None:
        with self._lock:
            self._codes[code] += 1

    def fault(self, kind: str) -> None:
        with self._lock:
            self._faults[kind] += 1

    def login(self) -> int:
        """Counts a token given out; its ordinal."""
        with self._lock:
            self._logins += 1
            return self._logins

    def start(self, taxpayer_no: str, invoice_month: str, *, refused: bool = False) -> None:
        with self._lock:
            (self._refused_starts if refused else self._starts)[f"{taxpayer_no} {invoice_month}"] += 1

    def read(self, taxpayer_no: str, invoice_month: str, type: str, direction: str, page: int) -> None:
        key = f"{taxpayer_no} {invoice_month} {type} {direction}"
        with self._lock:
            self._reads.setdefault(key, Counter())[str(page)] += 1

    def over_concurrency(self) -> None:
        with self._lock:
            self._over_concurrency += 1

    def violation(self, sentence: str) -> None:
        """One sentence on what the client did against the vendor's document."""
        with self._lock:
            if len(self._violations) < _MOST_VIOLATIONS:
                self._violations.append(sentence)

    def report(self) -> Report:
        with self._lock:
            return Report(
                requests=dict(self._requests),
                operations=dict(self._operations),
                total=sum(self._requests.values()),
                answers=dict(self._answers),
                codes=dict(self._codes),
                faults=dict(self._faults),
                logins=self._logins,
                starts=dict(self._starts),
                refused_starts=dict(self._refused_starts),
                reads={key: dict(pages) for key, pages in self._reads.items()},
                peak_concurrency=self._peak,
                peak_concurrency_by_account={name: peak for name, peak in self._peaks.items() if name},
                peak_requests_per_second=self._peak_rate,
                over_concurrency=self._over_concurrency,
                over_rate=self._over_rate,
                violations=tuple(self._violations),
                bytes_sent=self._bytes,
            )
