"""Checking requests against the vendor's document, to the type of every field; and the signature, made here a second time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from fapiao.testing.loopback import Call
from fapiao_jcsk.simulator.scenario import JcskScenario

__all__ = ["FIELDS", "Problem", "content_of", "content_problems", "expected_signature", "fields_of", "is_form"]

FIELDS = ("appid", "serviceid", "jtnsrsbh", "nsrsbh", "content", "signature", "signType")
"""请求数据格式: all seven are sent."""

_LISTS_OF = {
    "adapter": ("40",),
    "fpdm": ("10", "11"),
    "fphm": ("10", "11"),
    "fplxdm": ("10", "11"),
    "fpztdm": ("10", "11"),
    "fxdjdm": ("10", "11"),
    "gxrq_q": ("11",),
    "gxrq_z": ("11",),
    "qdfphm": ("10", "11"),
    "znxpz": ("12",),
}
"""参数说明: fields that only some lists know."""
_WORDS = {"iszip": ("0", "1"), "adapter": ("0", "1"), "znxpz": ("N", "Y")}
_DATES = ("rq_q", "rq_z", "gxrq_q", "gxrq_z")
_TEXTS = ("fpdm", "fphm", "fplxdm", "fpztdm", "fxdjdm", "qdfphm", "skssq", *_WORDS, *_DATES)
_WHOLE = ("page", "pageSize")
_CODES = re.compile(r"[0-9]+(,[0-9]+)*").fullmatch
_MONTH = re.compile(r"\d{4}(0[1-9]|1[0-2])").fullmatch


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a request: the answer's message, and the sentence for the report."""

    message: str
    sentence: str


def is_form(call: Call) -> bool:
    return call.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")


def fields_of(call: Call) -> tuple[dict[str, str], list[Problem]]:
    """The seven fields, and what is wrong with them. The first of a field that comes twice counts."""
    pairs: list[tuple[str, Any]]
    if is_form(call):
        try:
            pairs = list(
                parse_qsl(call.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
            )
        except (ValueError, UnicodeDecodeError):
            return {}, [Problem("请求格式错误", "the body is not a percent-encoded form")]
    else:
        try:
            body = msgspec.json.decode(call.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = None
        if not isinstance(body, dict):
            return {}, [Problem("请求格式错误", "the body is not a JSON object")]
        pairs = list(body.items())
    problems, fields = [], {}
    for name, value in pairs:
        if name not in FIELDS:
            problems.append(Problem("参数错误", f"{name} is not a field of this service"))
        elif name in fields:
            problems.append(Problem("参数错误", f"{name} comes twice"))
        elif not isinstance(value, str) or not value:
            problems.append(Problem("参数错误", f"{name} is not a text, or empty"))
        else:
            fields[name] = value
    problems += [Problem("必填项为空", f"{name} is missing") for name in FIELDS if name not in dict(pairs)]
    if fields.get("serviceid", "S000621") != "S000621":
        problems.append(Problem("服务不存在", "serviceid is not S000621"))
    if fields.get("signType", "0") not in ("0", "1"):
        problems.append(Problem("签名类型错误", "signType is neither 0 nor 1"))
    return fields, problems


def expected_signature(scenario: JcskScenario, fields: dict[str, str]) -> str:
    """Base64 of HMAC-SHA256 over five fields (signType 0), upper-case MD5 of secret and values (signType 1)."""
    names = ("appid", "content", "jtnsrsbh", "nsrsbh", "serviceid")
    if fields["signType"] == "0":
        text = scenario.sign_prefix + "&".join(f"{name}={fields[name]}" for name in names)
        made = hmac.new(scenario.app_secret.encode(), text.encode(), hashlib.sha256).digest()
        return base64.standard_b64encode(made).decode()
    values = [fields[name] for name in names]
    plain = "".join([values[0], scenario.app_secret, *values[1:]])
    return hashlib.new("md5", plain.encode(), usedforsecurity=False).hexdigest().upper()


def content_of(text: str) -> dict[str, Any] | None:
    """The JSON object inside ``content``, None where it is none."""
    try:
        document = msgspec.json.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    return document if isinstance(document, dict) else None


def content_problems(content: dict[str, Any], scenario: JcskScenario, lists: tuple[str, ...]) -> list[Problem]:
    """参数说明: kinds, formats, and which field goes with which list."""
    problems = []
    code = content.get("rzzt")
    if not isinstance(code, str) or code not in lists:
        problems.append(Problem("rzzt不正确", "rzzt is missing, or not one of the lists"))
        code = ""
    for name, value in content.items():
        if name == "rzzt":
            continue
        if name in _WHOLE:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                problems.append(Problem(f"{name}格式错误", f"{name} is not a whole number from 1"))
        elif name not in _TEXTS:
            problems.append(Problem("参数错误", f"{name} is not a field of content"))
        elif not isinstance(value, str):
            problems.append(Problem(f"{name}格式错误", f"{name} is not a text"))
        else:
            problems += _text_problems(name, value)
            if name in _LISTS_OF and code and code not in _LISTS_OF[name]:
                problems.append(Problem(f"{name}不支持", f"{name} does not go with rzzt {code}"))
    for first, last in (("rq_q", "rq_z"), ("gxrq_q", "gxrq_z")):
        one, other = content.get(first), content.get(last)
        if isinstance(one, str) and isinstance(other, str) and one > other:
            problems.append(Problem("日期范围错误", f"{first} is after {last}"))
    return problems


def _text_problems(name: str, value: str) -> list[Problem]:
    if name in _WORDS:
        wrong = value not in _WORDS[name]
    elif name in _DATES:
        wrong = not _is_date(value)
    elif name == "skssq":
        wrong = not _MONTH(value)
    else:
        wrong = not _CODES(value)
    return [Problem(f"{name}格式错误", f"{name} is not as documented")] if wrong else []


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
