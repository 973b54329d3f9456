"""Checking requests against the vendor's documents, to the type of every field."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from fapiao_ekuaibao.simulator.document import DIRECTIONS, TYPES

__all__ = ["Problem", "apply_problems", "body_of", "login_problems", "read_problems"]

_MONTH = re.compile(r"\d{4}(0[1-9]|1[0-2])").fullmatch
_TAX_NUMBER = re.compile(r"[0-9A-Z]{15,20}").fullmatch

_EMPTY: tuple[Any, ...] = (None, "", [], {})
"""Reported as missing, not as wrong."""

_APPLY_FIELDS = ("corpId", "nsrsbh", "fplxs", "kpyf", "jxxbzs", "addJob")
_READ_FIELDS = ("corpId", "nsrsbh", "fplx", "kpyf", "jxxbz", "page")


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with a request: the code and message of the answer, and the sentence for the report."""

    code: str
    message: str
    sentence: str


def body_of(body: bytes) -> dict[str, Any] | None:
    """The body's JSON object, None where it is none."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return document if isinstance(document, dict) else None


def login_problems(body: dict[str, Any]) -> list[Problem]:
    """``getAccessToken``: appKey and appSecurity are texts."""
    return [
        Problem("500", "参数错误", f"{name} is {_kind(body.get(name))} instead of text")
        for name in ("appKey", "appSecurity")
        if not isinstance(body.get(name), str) or not body[name]
    ]


def apply_problems(body: dict[str, Any], corp_id: str) -> list[Problem]:
    """``applyInvoiceCollectionTask``: all six fields are required (是否必填: 必填)."""
    problems = _shared(body, _APPLY_FIELDS, corp_id)
    problems += _codes(body, "fplxs", TYPES, "发票类型格式错误")
    problems += _codes(body, "jxxbzs", DIRECTIONS, "进销项标志格式错误")
    if not isinstance(body.get("addJob"), bool | None):
        problems.append(
            Problem("500", "addJob格式错误", f"addJob is {_kind(body['addJob'])} instead of a JSON boolean")
        )
    return problems


def read_problems(body: dict[str, Any], corp_id: str) -> list[Problem]:
    """``getInvoiceCollectionData``: one type, one direction, a page of 1 to 100 rows counted from 1."""
    problems = _shared(body, _READ_FIELDS, corp_id)
    for name, known, message in (("fplx", TYPES, "发票类型格式错误"), ("jxxbz", DIRECTIONS, "进销项标志格式错误")):
        if body.get(name) not in _EMPTY and (not isinstance(body[name], str) or body[name] not in known):
            problems.append(Problem("500", message, f"{name} is {body[name]!r}, which the document does not list"))
    if body.get("page") not in _EMPTY:
        problems += _page(body["page"])
    return problems


def _shared(body: dict[str, Any], fields: tuple[str, ...], corp_id: str) -> list[Problem]:
    problems = [Problem("4006", "必填项为空", f"{name} is missing") for name in fields if body.get(name) in _EMPTY]
    problems += [
        Problem("500", "传参错误", f"{name} is not a field of this call") for name in body if name not in fields
    ]
    if body.get("corpId") not in (None, "", corp_id):
        problems.append(Problem("500", "企业ID错误", "corpId is not the corporation that the token belongs to"))
    taxpayer = body.get("nsrsbh")
    if taxpayer not in (None, "") and (not isinstance(taxpayer, str) or not _TAX_NUMBER(taxpayer)):
        problems.append(
            Problem("500", "纳税人识别号格式错误", f"nsrsbh is {_kind(taxpayer)}, not 15 to 20 digits or letters")
        )
    month = body.get("kpyf")
    if month not in (None, "") and (not isinstance(month, str) or not _MONTH(month)):
        problems.append(Problem("500", "开票月份格式错误", f"kpyf is {month!r} instead of text yyyyMM"))
    return problems


def _codes(body: dict[str, Any], name: str, known: dict[str, str], message: str) -> list[Problem]:
    value = body.get(name)
    if value in _EMPTY:
        return []
    if not isinstance(value, list):
        return [Problem("500", message, f"{name} is {_kind(value)} instead of an array")]
    wrong = [item for item in value if not isinstance(item, str) or item not in known]
    problems = [Problem("500", message, f"{name} holds {item!r}, which the document does not list") for item in wrong]
    if not wrong and len(set(value)) < len(value):
        problems.append(Problem("500", message, f"{name} names a code twice"))
    return problems


def _page(page: Any) -> list[Problem]:
    if not isinstance(page, dict):
        return [Problem("500", "分页信息格式错误", f"page is {_kind(page)} instead of an object")]
    problems = [
        Problem("500", "分页信息格式错误", f"page.{name} is not a field of this call")
        for name in page
        if name not in ("currentPage", "pageSize")
    ]
    for name, largest in (("currentPage", None), ("pageSize", 100)):
        value = page.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            problems.append(
                Problem("500", "分页信息格式错误", f"page.{name} is {_kind(value)} instead of a whole number")
            )
        elif value < 1 or (largest is not None and value > largest):
            limits = "at least 1" if largest is None else f"1 to {largest}"
            problems.append(Problem("500", "分页信息格式错误", f"page.{name} is {value}, allowed is {limits}"))
    return problems


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return "missing" if value is None else names[type(value)]
