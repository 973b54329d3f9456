"""Checking requests against the vendor's contract, to the type of every field."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from fapiao_qixiangyun.simulator.document import COLLECT_TYPES, DIRECTIONS
from fapiao_qixiangyun.simulator.tokens import md5

__all__ = ["body_of", "check_problem", "login_problem", "problems"]

_MONTH = re.compile(r"\d{4}(0[1-9]|1[0-2])").fullmatch
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}").fullmatch
_AMOUNT = re.compile(r"-?\d+(\.\d{1,2})?").fullmatch
_TAX_NUMBER = re.compile(r"[0-9A-Z]{15,20}").fullmatch
_LAYOUT_TYPES = ("0910", "0920", "61", "83")
_LAYOUTS = ("XML", "OFD", "PDF")


def body_of(body: bytes) -> dict[str, Any] | None:
    """The body's JSON object, None where it is none."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return document if isinstance(document, dict) else None


def login_problem(body: dict[str, Any], app_key: str, app_secret: str) -> str | None:
    """What is wrong with the credentials; "" for what the vendor calls a wrong secret."""
    if set(body) != {"grant_type", "client_appkey", "client_secret"}:
        return "the login has other fields than grant_type, client_appkey, client_secret"
    if body["grant_type"] != "client_credentials":
        return "grant_type is not client_credentials"
    right = (app_key, md5(app_secret.encode()))
    return None if (body["client_appkey"], body["client_secret"]) == right else ""


def check_problem(body: dict[str, Any]) -> tuple[str, str] | None:
    """(code, sentence) of the first thing wrong with a customizedCheck request."""
    known = ("invoiceNumber", "billingDate", "totalAmount", "nsrsbh", "bswjFplx", "bswjLx")
    for name, value in body.items():
        if name not in known:
            return "IllegalParameter", f"{name} is not a field of this call"
        if not isinstance(value, str):
            return "IllegalParameter", f"{name} is not text"
    missing = [name for name in known[:5] if name not in body]
    if missing:
        return "IllegalParameter", f"{missing[0]} is missing"
    if not (len(body["invoiceNumber"]) == 20 and body["invoiceNumber"].isdigit()):
        return "IllegalParameter.IllegalInvoiceNumber", "invoiceNumber is not 20 digits"
    if not _DAY(body["billingDate"]):
        return "IllegalParameter.IllegalBillingDate", "billingDate is not yyyy-MM-dd"
    if not _AMOUNT(body["totalAmount"]):
        return "IllegalParameter.IllegalTotalAmountIincludingTax", "totalAmount is not an amount"
    if not _TAX_NUMBER(body["nsrsbh"]):
        return "IllegalParameter", "nsrsbh is not a tax number"
    for name, allowed in (("bswjFplx", _LAYOUT_TYPES), ("bswjLx", _LAYOUTS)):
        given = body.get(name) or ""
        if given and not set(given.split(",")) <= set(allowed):
            return "IllegalParameter", f"{name} holds what the document does not list"
    return None


def problems(operation: str, body: dict[str, Any]) -> list[str]:
    """What is wrong with a request about tasks, one sentence each."""
    required, optional = _FIELDS[operation]
    found = [f"{name} is missing" for name in required if body.get(name) in (None, "", [], {})]
    found += [f"{name} is not a field of this call" for name in body if name not in required + optional]
    for name, value in body.items():
        if name != "page" and not isinstance(value, str):
            found.append(f"{name} is not text")
    if found:
        return found
    if operation == "start":
        for name, known in (("fplx", COLLECT_TYPES), ("jxxbz", DIRECTIONS)):
            parts = body.get(name, "").split(",")
            if body.get(name) and (not set(parts) <= set(known) or len(set(parts)) < len(parts)):
                found.append(f"{name} holds what the document does not list, or one code twice")
        found += [f"{name} is not yyyyMM" for name in ("kpyfq", "kpyfz") if not _MONTH(body[name])]
    if operation == "read":
        page = body["page"]
        if not isinstance(page, dict) or set(page) != {"pageSize", "currentPage"}:
            found.append("page is not an object of pageSize and currentPage")
        elif not all(type(value) is int and value > 0 for value in page.values()):
            found.append("page holds something else than positive whole numbers")
    return found


_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "start": (("nsrsbh", "kpyfq", "kpyfz"), ("fplx", "jxxbz", "aggOrgId", "accountId")),
    "status": (("taskId", "nsrsbh"), ()),
    "read": (("taskId", "nsrsbh", "page"), ()),
    "result": (("taskId",), ()),
}
