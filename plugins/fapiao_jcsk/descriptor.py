"""What is known about the source without any call: connection fields, quotas, the lists and code tables."""

from __future__ import annotations

from fapiao.spec import SPEC_VERSION, Capability, Descriptor, Field, Quota
from fapiao_jcsk import codes
from fapiao_jcsk.lists import DATE_MEANINGS, PROFILE
from fapiao_jcsk.normalize import ROW_KEYS
from fapiao_jcsk.payload import Limits
from fapiao_jcsk.settings import DEFAULT_PATH, LARGEST_PAGE

__all__ = ["DESCRIPTOR"]

_LIMITS = Limits()
_ENVELOPE = frozenset(
    (
        "uuid",
        "code",
        "msg",
        "sfjf",
        "jf_num",
        "content",
        "iszip",
        "count",
        "InvoiceList",
        "skssq",
        "FP",
        "HGJKS",
        "period",
        "family",
        "row",
    )
)

DESCRIPTOR = Descriptor(
    name="jcsk",
    title="金财数科 (JCSK)",
    spec=SPEC_VERSION,
    capabilities=frozenset({Capability.SYNC}),
    fields=(
        Field(
            name="host",
            title="Host",
            place="host",
            required=True,
            help="Scheme, host and port that the vendor gave you (接口 ip:port); every deployment has its own.",
        ),
        Field(name="appid", title="App id", place="login", required=True, help="appid, given by the vendor."),
        Field(
            name="appsecret",
            title="App secret",
            kind="secret",
            place="password",
            required=True,
            help="The secret that requests are signed with; it is never sent.",
        ),
        Field(
            name="group_tax_no",
            title="Group tax number",
            required=True,
            help="集团税号 (jtnsrsbh) that the vendor opened the service for.",
        ),
        Field(
            name="path",
            title="Path",
            default=DEFAULT_PATH,
            help=f"{DEFAULT_PATH} where the service has a path of its own; / or its path where one gateway serves all services.",
        ),
        Field(
            name="sign_type",
            title="Signature type",
            default="0",
            help="signType: 0 = HMAC-SHA256, 1 = MD5.",
        ),
        Field(
            name="sign_prefix",
            title="Signature prefix",
            default="?",
            help="Text before the signed fields of type 0: ? (or true), or false for none.",
        ),
        Field(name="body_format", title="Body format", default="form", help="form or json."),
        Field(
            name="rzzt_profile",
            title="List profile",
            help='Corrections to the lists as JSON text: {"12": {"label": "…", "dates": "issued", "filters": ["znxpz"]}}.',
        ),
        Field(
            name="page_size",
            title="Rows per page",
            kind="integer",
            default=100,
            help=f"pageSize, 1 to {LARGEST_PAGE}; the vendor advises 100. Every page is billed.",
        ),
        Field(
            name="count_grouped",
            title="Count grouped lists",
            kind="boolean",
            default=True,
            help="A list with adapter=1 says no count: ask for it without adapter too, one more billed call. Off: it is not counted.",
        ),
        Field(
            name="max_inflated_bytes",
            title="Largest page (bytes)",
            kind="integer",
            default=_LIMITS.inflated,
            help="A page that is larger once it is decoded and decompressed is refused.",
        ),
        Field(
            name="max_inflation_ratio",
            title="Largest compression ratio",
            kind="integer",
            default=_LIMITS.ratio,
            help="An archive that grows more than this many times is refused as a zip bomb.",
        ),
        Field(
            name="max_archive_entries",
            title="Most archive entries",
            kind="integer",
            default=_LIMITS.entries,
            help="An archive with more files than this is refused; the vendor sends one.",
        ),
    ),
    account_field="appid",
    # The vendor has no public host (its document says ip:port): a name that never resolves, and `host` is required.
    default_host="https://jcsk.invalid",
    # Neither is published. The service passes each call on to the tax bureau, so it is asked slowly unless told otherwise.
    quotas=(Quota(path="", requests_per_second=1.0),),
    max_concurrency=2,
    lists={code: f"{kind.label} ({kind.confidence})" for code, kind in PROFILE.items()},
    personal={
        "salesTaxNo": "seller_tax_no",
        "salesTaxName": "seller_name",
        "purchaserTaxNo": "buyer_tax_no",
        "purchaserName": "buyer_name",
    },
    known_fields=ROW_KEYS | _ENVELOPE,
    encoded_fields=("content",),
    codes={
        "rzzt dates": {code: DATE_MEANINGS[kind.dates] for code, kind in PROFILE.items()},
        "rzzt filters": {code: ", ".join(kind.filters) for code, kind in PROFILE.items()},
        "invoiceType": {code: meaning.title for code, meaning in codes.INVOICE_TYPES.items()},
        "state": {code: meaning.title for code, meaning in codes.STATES.items()},
        "deductibleMode": {code: meaning.title for code, meaning in codes.USES.items()},
        "managementStatus": {code: meaning.title for code, meaning in codes.MANAGEMENT.items()},
        "deductibleType": codes.DEDUCTION_METHODS,
        "abnormalType": codes.ABNORMAL_KINDS,
        "fxdjdm": codes.RISK_LEVELS,
    },
)
