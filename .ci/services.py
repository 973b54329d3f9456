"""Prints an ``export`` line for every server on this machine that lets the tests in.

What the environment already names is kept. Without a PostgreSQL here the tests start their own.
"""

from __future__ import annotations

import os

import redis
import sqlalchemy as sa

DATABASES = {
    "FAPIAO_TEST_POSTGRES_URL": "postgresql://postgres@127.0.0.1:5432/postgres",
    "FAPIAO_TEST_MYSQL_URL": "mysql+pymysql://root@127.0.0.1:3306/mysql",
}
REDIS = "redis://127.0.0.1:6379/0"


def database_answers(url: str) -> bool:
    try:
        with sa.create_engine(url).connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return False
    return True


def redis_answers(url: str) -> bool:
    try:
        return bool(redis.Redis.from_url(url, socket_connect_timeout=2).ping())
    except redis.RedisError:
        return False


found = {variable: url for variable, url in DATABASES.items() if variable not in os.environ and database_answers(url)}
if "FAPIAO_TEST_REDIS_URL" not in os.environ and redis_answers(REDIS):
    found["FAPIAO_TEST_REDIS_URL"] = REDIS
for variable, url in found.items():
    print(f"export {variable}='{url}'")
