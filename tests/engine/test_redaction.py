"""What is masked, in which spellings, and what stays readable."""

from __future__ import annotations

import json
import logging
import sys
import threading
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao import redaction
from fapiao.redaction import RedactingFilter, excerpt, is_clean, on_register, redact, register


@pytest.mark.parametrize(
    "spelling",
    [
        str,
        quote,
        quote_plus,
        lambda value: quote(value, safe=""),
        lambda value: quote(value, safe="").lower(),
        lambda value: quote(quote(value, safe=""), safe=""),
        lambda value: json.dumps(value)[1:-1],
        lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
        lambda value: repr(value)[1:-1],
    ],
)
def test_a_registered_value_is_masked_in_every_spelling(spelling: object) -> None:
    value = 'a:b$c/d+e="f"\\密 g'
    register(value)
    text = f"before {spelling(value)} after"  # type: ignore[operator] # one of the functions above
    assert redact(text) == "before *** after"


@given(value=st.text(min_size=5, max_size=30))
def test_no_registered_value_survives_in_a_text_or_url(value: str) -> None:
    register(value, passing=True)
    for form in (value, quote(value, safe=""), json.dumps(value)):
        masked = redact(f"x{form}y")
        assert value not in masked or value in "x***y" or set(value) <= {"*"}


def test_short_values_are_left_alone() -> None:
    register("1234")
    assert redact("invoice 1234") == "invoice 1234"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /x?accessToken=abc%3Adef&page=2", "GET /x?accessToken=***&page=2"),
        ('{"access_token": "abc", "page": 2}', '{"access_token": "***", "page": 2}'),
        ("appSecurity=s3cret", "appSecurity=***"),
        ("password: hunter2, next", "password: ***, next"),
        ("http://user:pass@proxy:3128/", "http://***@proxy:3128/"),
        ("a token expired; page=3", "a token expired; page=3"),
        ("the password is wrong", "the password is wrong"),
        ("accessToken=***&page=2", "accessToken=***&page=2"),
    ],
)
def test_names_that_speak_of_secrets_are_masked_without_registration(text: str, masked: str) -> None:
    assert redact(text) == masked
    assert redact(masked) == masked
    assert is_clean(text) == (text == masked)


def test_of_passing_values_only_the_newest_are_kept_and_what_is_used_stays_young() -> None:
    register("passing-value-in-use", passing=True)
    for number in range(3 * redaction.PASSING):
        register(f"passing-value-{number:09}", passing=True)
        if number % 100 == 0:
            register("passing-value-in-use", passing=True)
    assert redact("passing-value-in-use") == "***"
    assert redact("passing-value-000000000") == "passing-value-000000000"
    assert len(redaction._passing) == redaction.PASSING


def test_a_callback_hears_every_lasting_value_once() -> None:
    heard: list[str] = []
    register("known-before-the-callback")
    on_register(heard.append)
    try:
        assert "known-before-the-callback" in heard
        register("a-lasting-new-value")
        register("a-lasting-new-value")
        register("a-passing-new-value", passing=True)
        assert heard.count("a-lasting-new-value") == 1
        assert "a-passing-new-value" not in heard
    finally:
        redaction._callbacks.remove(heard.append)


def test_threads_may_register_while_others_redact() -> None:
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for number in range(50):
                value = f"threaded-{name}-{number:05}"
                register(value, passing=True)
                assert redact(value) == "***"
        except BaseException as problem:  # noqa: BLE001 - an assertion of another thread, told below
            failures.append(problem)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"  \n\t<html>\x00\x1b[31m  <b>x</b>", "<html> [31m <b>x</b>"),
        ("<title>系统维护中</title>".encode(), "<title>系统维护中</title>"),
        ("<title>系统维护中</title>".encode("gb18030"), "<title>系统维护中</title>"),
        ('{"lkxm":"测试旅客001","sfzh":"11010119900307"'.encode(), '{"lkxm":"…","sfzh":"***"'),
        ('{"name":"测试旅'.encode(), '{"name":"…"'),
        (rb'{"name":"\u6d4b\u8bd5","code":1', '{"name":"…","code":1'),
        (b'{"content":"' + b"5rWL6K+V5peF5a6i" * 4 + b'"', '{"content":"…"'),
        (b"phone 13800138000, id 11010119900307123X, code 4001", "phone ***, id ***, code 4001"),
        (b"accessToken=abcdef&x=1", "accessToken=***&x=1"),
    ],
)
def test_an_excerpt_is_readable_and_shows_no_person(body: bytes, shown: str) -> None:
    assert excerpt(body) == shown


def test_an_excerpt_is_short_and_may_cut_a_character() -> None:
    text = excerpt("发".encode() * 10_000, 50)
    assert text == "发" * 49 + "…"


def test_the_filter_masks_message_arguments_and_traceback() -> None:
    register("canary-in-a-log-record")
    try:
        raise ValueError("about canary-in-a-log-record")
    except ValueError:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "failed: %s", ("canary-in-a-log-record",), sys.exc_info()
        )
    assert RedactingFilter().filter(record)
    shown = logging.Formatter().format(record)
    assert "canary" not in shown
    assert "failed: ***" in shown
    assert "ValueError: about ***" in shown


def test_the_filter_survives_a_record_that_cannot_be_formatted() -> None:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "%d", ("password=abcdefg",), None)
    assert RedactingFilter().filter(record)
    assert "abcdefg" not in record.getMessage()
