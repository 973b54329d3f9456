"""How long to wait between two looks at one job. Pure; all values in seconds."""

from __future__ import annotations

__all__ = ["LONGEST", "SHORTEST", "after_failures", "without_news"]

LONGEST = 10
"""No interval is longer than so many poll intervals."""
PATIENCE = 5
"""A job that has been without news for a while is looked at again after a fifth of that while."""
SHORTEST = 0.01
"""No vendor is asked again without any pause, whatever a plugin or a user says."""


def without_news(interval: float, quiet: float) -> float:
    """The poll interval at first, then longer: news is never seen later than a fifth of the time waited for it.

    :param quiet: since the job's state was last seen to change.
    """
    return max(SHORTEST, min(max(interval, quiet / PATIENCE), interval * LONGEST))


def after_failures(interval: float, failures: int) -> float:
    """Doubled with every look in a row that brought no answer."""
    return max(SHORTEST, min(interval * 2.0 ** (failures - 1), interval * LONGEST))
