"""What is known about 易快报 without a call: connection fields, quotas, invoice types, code tables."""

from __future__ import annotations

from fapiao.invoices import codes as canonical
from fapiao.spec import SPEC_VERSION, Capability, Descriptor, Field, Quota
from fapiao_collected.personal import KNOWN_FIELDS, PERSONAL
from fapiao_ekuaibao.codes import JOB_CODES, SLICE_STATUSES
from fapiao_ekuaibao.paging import LARGEST_PAGE
from fapiao_ekuaibao.paths import APPLY_PATH, DATA_PATH, DEFAULT_HOST, HOST_HELP
from fapiao_ekuaibao.types import INVOICE_TYPES, SPECIAL_BUSINESS, STATES

__all__ = ["DESCRIPTOR"]

_QUOTA_HELP = (
    "The vendor publishes no quota; without a setting 1 request per second is sent to start and follow jobs "
    "and 5 per second to read data."
)

_ENVELOPE = frozenset(
    (
        "value", "code", "success", "message", "errorMessage", "corpId", "reqId", "data", "list", "page", "pageSize", "currentPage",
        "totalCount", "totalPage", "nsrsbh",
    )
)  # fmt: skip

DESCRIPTOR = Descriptor(
    name="ekuaibao",
    title="易快报 / 合思 (ekuaibao)",
    spec=SPEC_VERSION,
    capabilities=frozenset({Capability.COLLECT}),
    fields=(
        Field(name="host", title="Host", place="host", default=DEFAULT_HOST, help=HOST_HELP),
        Field(
            name="login",
            title="App key",
            place="login",
            required=True,
            help="appKey (接入账号): 应用中心, 开放接口(新), 商品配置.",
        ),
        Field(
            name="password",
            title="App security",
            kind="secret",
            place="password",
            required=True,
            help="appSecurity (接入密码), shown beside the app key.",
        ),
        Field(
            name="corp_id",
            title="Corporation id",
            required=True,
            help="corpId (企业ID) of the corporation that has 增值税发票全量 enabled.",
        ),
        Field(
            name="page_size",
            title="Page size",
            kind="integer",
            default=LARGEST_PAGE,
            help=f"Invoices per request, 1 to {LARGEST_PAGE}. {_QUOTA_HELP}",
        ),
    ),
    console_url="{host}",  # each of the vendor's platforms has its web application at the host of its interface
    account_field="corp_id",
    default_host=DEFAULT_HOST,
    quotas=(Quota(path=APPLY_PATH, requests_per_second=1.0), Quota(path=DATA_PATH, requests_per_second=5.0)),
    max_concurrency=8,
    types=INVOICE_TYPES,
    poll_interval=30.0,
    personal=PERSONAL,
    known_fields=KNOWN_FIELDS | _ENVELOPE,
    codes={
        "fplx": {kind.code: kind.title for kind in INVOICE_TYPES},
        "jxxbz": {"jx": "进项", "xx": "销项"},
        "code": {code: row.text for code, row in JOB_CODES.items()},
        "status": {word: row.text for word, row in SLICE_STATUSES.items()},
        "fpztDm": {code: canonical.STATES[state] for code, state in STATES.items()},
        "tdywlx": {code: canonical.SPECIAL_BUSINESS[name].title for code, name in SPECIAL_BUSINESS.items()},
    },
)
