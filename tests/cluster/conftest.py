"""What clusters of several processes need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis


@pytest.fixture
def broker(redis_url: str) -> Iterator[str]:
    """URL of the last database of the Redis server that is empty, emptied again afterwards."""
    for number in range(15, 0, -1):
        url = f"{redis_url.rpartition('/')[0]}/{number}"
        with redis.Redis.from_url(url) as client:
            if client.dbsize() == 0 and client.set("fapiao_test", "taken", nx=True):
                yield url
                client.flushdb()
                return
    pytest.skip("every database of the Redis server holds something")
