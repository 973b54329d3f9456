"""The loop that a data engineer writes by hand today, as the rival of the benchmarks.

requests page by page, ``json``, SQLAlchemy executemany upserts of header, lines and the raw record; no retry, no proof,
no resume. Written the way it is usually written, with the fast parts of both libraries (one session, one transaction
and one multi-row upsert per page and table).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

metadata = sa.MetaData()
headers = sa.Table(
    "hand_invoice",
    metadata,
    sa.Column("number", sa.String(40), primary_key=True),
    sa.Column("taxpayer_no", sa.String(20)),
    sa.Column("direction", sa.String(2)),
    sa.Column("type", sa.String(8)),
    sa.Column("issued_at", sa.String(20)),
    sa.Column("seller_tax_no", sa.String(30)),
    sa.Column("seller_name", sa.String(300)),
    sa.Column("buyer_tax_no", sa.String(30)),
    sa.Column("buyer_name", sa.String(300)),
    sa.Column("amount", sa.Numeric(18, 2)),
    sa.Column("tax", sa.Numeric(18, 2)),
    sa.Column("total", sa.Numeric(18, 2)),
    sa.Column("state", sa.String(4)),
    sa.Column("check_code", sa.String(40)),
    sa.Column("drawer", sa.String(100)),
    sa.Column("remark", sa.Text),
)
lines = sa.Table(
    "hand_line",
    metadata,
    sa.Column("number", sa.String(40), primary_key=True),
    sa.Column("line_no", sa.Integer, primary_key=True),
    sa.Column("item", sa.String(600)),
    sa.Column("tax_class_code", sa.String(19)),
    sa.Column("spec", sa.String(200)),
    sa.Column("unit", sa.String(60)),
    sa.Column("quantity", sa.String(64)),
    sa.Column("unit_price", sa.String(64)),
    sa.Column("amount", sa.Numeric(18, 2)),
    sa.Column("rate", sa.String(16)),
    sa.Column("tax", sa.Numeric(18, 2)),
)
raw = sa.Table("hand_raw", metadata, sa.Column("number", sa.String(40), primary_key=True), sa.Column("record", JSONB))


def collect(base_url: str, login: dict[str, str], corp_id: str, job: dict[str, Any], database_url: str) -> int:
    """Read every page of the given slices one after the other and upsert it; returns the number of invoices."""
    engine = sa.create_engine(database_url)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    session = requests.Session()
    answer = session.post(f"{base_url}/api/openapi/v1/auth/getAccessToken", json=login, timeout=60)
    token = {"accessToken": answer.json()["value"]["accessToken"]}
    count = 0
    for kind in job["types"]:
        for direction in job["directions"]:
            page, pages = 1, 1
            while page <= pages:
                body = {
                    "corpId": corp_id,
                    "nsrsbh": job["taxpayer_no"],
                    "fplx": kind,
                    "kpyf": job["month"],
                    "jxxbz": direction,
                    "page": {"currentPage": page, "pageSize": 100},
                }
                answer = session.post(
                    f"{base_url}/api/openapi/v2/invoice/v2/getInvoiceCollectionData",
                    params=token,
                    json=body,
                    timeout=60,
                )
                value = json.loads(answer.text, parse_float=Decimal)["value"]
                if value["code"] == "4000":
                    break
                pages = value["data"]["page"]["totalPage"]
                records = value["data"]["list"]
                with engine.begin() as connection:
                    _store(connection, records, job["taxpayer_no"], direction, kind)
                count += len(records)
                page += 1
    engine.dispose()
    return count


def _store(
    connection: sa.Connection, records: list[dict[str, Any]], taxpayer_no: str, direction: str, kind: str
) -> None:
    head_rows, line_rows, raw_rows = [], [], []
    for record in records:
        number = f"{record.get('fpdm') or ''}{record['fphm']}"
        head_rows.append(
            {
                "number": number,
                "taxpayer_no": taxpayer_no,
                "direction": direction,
                "type": kind,
                "issued_at": record.get("kprq"),
                "seller_tax_no": record.get("xfsbh"),
                "seller_name": record.get("xfmc"),
                "buyer_tax_no": record.get("gfsbh"),
                "buyer_name": record.get("gfmc"),
                "amount": record.get("je"),
                "tax": record.get("se"),
                "total": record.get("jshj"),
                "state": record.get("fpztDm"),
                "check_code": record.get("jym"),
                "drawer": record.get("kpr"),
                "remark": record.get("bz"),
            }
        )
        for line_no, line in enumerate(record.get("hwxx") or [], 1):
            line_rows.append(
                {
                    "number": number,
                    "line_no": line_no,
                    "item": line.get("mc"),
                    "tax_class_code": line.get("spbm"),
                    "spec": line.get("ggxh"),
                    "unit": line.get("jldw"),
                    "quantity": line.get("sl"),
                    "unit_price": line.get("dj"),
                    "amount": line.get("je"),
                    "rate": None if line.get("slv") is None else str(line["slv"]),
                    "tax": line.get("se"),
                }
            )
        raw_rows.append({"number": number, "record": json.loads(json.dumps(record, default=str))})
    for table, rows in ((headers, head_rows), (lines, line_rows), (raw, raw_rows)):
        if rows:
            statement = upsert(table)
            keys = [column.name for column in table.primary_key]
            values = {
                column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys
            }
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)
