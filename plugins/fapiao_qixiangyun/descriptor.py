"""What is known about 企享云 without a call: connection fields, quotas, invoice types, code tables."""

from __future__ import annotations

from collections.abc import Mapping

from fapiao.invoices import codes as canonical
from fapiao.spec import SPEC_VERSION, Capability, Descriptor, Field, Quota
from fapiao_collected.personal import KNOWN_FIELDS, PERSONAL
from fapiao_qixiangyun import types as collected
from fapiao_qixiangyun.codes import COLLECTION_CODES, COMMON_CODES, FAULT_PAUSE, TASK_STATUSES, VERIFICATION_CODES
from fapiao_qixiangyun.handling import Code
from fapiao_qixiangyun.paths import (
    DEFAULT_HOST,
    DEFAULT_RESULT_PATH,
    LOGIN_PATH,
    PAGES_PATH,
    START_PATH,
    STATUS_PATH,
    VERIFY_PATH,
)
from fapiao_qixiangyun.settings import DEFAULT_PAGE, LARGEST_PAGE, LAYOUT_PAUSE
from fapiao_qixiangyun.verified import types as verified
from fapiao_qixiangyun.verified.heads import VERIFIED_KEYS
from fapiao_qixiangyun.verified.items import ITEM_KEYS

__all__ = ["DESCRIPTOR"]


_ENVELOPE = frozenset(
    (
        "reqId", "requestId", "code", "success", "message", "data", "list", "total", "page", "pageSize", "currentPage", "totalPage",
        "taskId", "nsrsbh", "jsonUrl", "url", "fileUrl", "downloadLink", "downloadUrl", "zt", "qdfphm", "pdfUrl", "ofdUrl", "xmlUrl",
    )
)  # fmt: skip
_VERIFIED = {
    "salesTaxNo": "seller_tax_no",
    "salesName": "seller_name",
    "salesAddressPhone": "seller_address_phone",
    "salesBank": "seller_bank_account",
    "purchaserTaxNo": "buyer_tax_no",
    "purchaserName": "buyer_name",
    "purchaserAddressPhone": "buyer_address_phone",
    "purchaserBank": "buyer_bank_account",
    "remarks": "remark",
}
"""Personal data in the answer of customizedCheck."""


def _texts(table: Mapping[str, Code]) -> dict[str, str]:
    return {code: row.text for code, row in table.items()}


def _meanings(states: Mapping[str, str]) -> dict[str, str]:
    return {code: canonical.STATES[name] for code, name in states.items()}


DESCRIPTOR = Descriptor(
    name="qixiangyun",
    title="企享云 (Qixiangyun)",
    spec=SPEC_VERSION,
    capabilities=frozenset({Capability.COLLECT, Capability.VERIFY, Capability.FILES}),
    fields=(
        Field(
            name="host",
            title="Host",
            place="host",
            default=DEFAULT_HOST,
            help="Resellers offer the same interface at hosts of their own.",
        ),
        Field(name="login", title="App key", place="login", required=True, help="appKey of the application."),
        Field(
            name="password",
            title="App secret",
            kind="secret",
            place="password",
            required=True,
            help="appSecret of the application; it is sent as its MD5 and signs every request.",
        ),
        Field(
            name="result_path",
            title="Path of layout file results",
            default=DEFAULT_RESULT_PATH,
            help="发票查验版式文件下载结果查询; editions differ.",
        ),
        Field(
            name="allowed_file_hosts",
            title="Allowed file hosts",
            help="Hosts from which files may be fetched, separated by commas; *.example.com stands for all below it.",
        ),
        Field(
            name="allow_private_hosts",
            title="Allow private file hosts",
            kind="boolean",
            default=False,
            help="Files may lie in private networks and on this machine; for gateways in the own network and for tests.",
        ),
        Field(
            name="allow_http_files",
            title="Allow unencrypted files",
            kind="boolean",
            default=False,
            help="Files may be fetched over http.",
        ),
        Field(
            name="file_proxy",
            title="Proxy for files",
            help="http://host:port where files are reached through a proxy only; the proxy then looks up their hosts' names.",
        ),
        Field(
            name="page_size",
            title="Page size",
            kind="integer",
            default=DEFAULT_PAGE,
            help=f"Invoices per request of a collection, 1 to {LARGEST_PAGE}.",
        ),
        Field(
            name="fault_pause",
            title="Pause after a bureau fault (seconds)",
            kind="number",
            default=FAULT_PAUSE,
            help="How long an invoice waits when the tax bureau could not verify it; the vendor advises 15 to 20 minutes.",
        ),
        Field(
            name="layout_pause",
            title="Pause between looks at layout files (seconds)",
            kind="number",
            default=LAYOUT_PAUSE,
            help="How long a layout task that still runs is left alone; the vendor takes minutes for one.",
        ),
        Field(name="agg_org_id", title="Organisation id", help="aggOrgId of collections, where the vendor gave one."),
        Field(
            name="account_id",
            title="Account id",
            help="accountId of collections, where a taxpayer has several accounts.",
        ),
    ),
    account_field="login",
    default_host=DEFAULT_HOST,
    # None is published; logins are known to be restricted.
    quotas=(
        Quota(path=LOGIN_PATH, requests_per_second=0.2),
        Quota(path=VERIFY_PATH, requests_per_second=5.0),
        Quota(path=START_PATH, requests_per_second=1.0),
        Quota(path=STATUS_PATH, requests_per_second=1.0),
        Quota(path=PAGES_PATH, requests_per_second=5.0),
        Quota(path="", requests_per_second=5.0),
    ),
    max_concurrency=4,
    types=collected.INVOICE_TYPES,
    poll_interval=30.0,
    personal={**PERSONAL, **_VERIFIED},
    known_fields=KNOWN_FIELDS | VERIFIED_KEYS | ITEM_KEYS | _ENVELOPE,
    codes={
        "code": _texts(COMMON_CODES),
        "customizedCheck": _texts(VERIFICATION_CODES),
        "collectTask": _texts(COLLECTION_CODES),
        "status": dict(TASK_STATUSES),
        "fplx": {kind.code: kind.title for kind in collected.INVOICE_TYPES},
        "jxxbz": {"jx": "进项", "xx": "销项"},
        "fpztDm": _meanings(collected.STATES),
        "invoiceType": {code: canonical.DOC_TYPES[name].title for code, name in verified.DOC_TYPES.items()},
        "state": _meanings(verified.STATES),
    },
)
