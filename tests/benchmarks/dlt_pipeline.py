"""The same month with dlt, as the rival of the benchmarks. Runs in an environment of its own (requirements/bench.txt).

    python dlt_pipeline.py ORDER

``ORDER`` is JSON: base_url, login, corp_id, taxpayer_no, month, types, directions, url, folder. Written the way its
documentation suggests: a resource that lists pages, a transformer that reads them in parallel, ``merge`` on the invoice
number so that running again is safe, child tables for the lines, CSV files that PostgreSQL copies in, and as many workers
as the vendor permits connections and the machine has processors. Prints seconds and rows as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__WORKERS": "8",  # connections that the vendor permits
    "NORMALIZE__WORKERS": str(os.cpu_count() or 1),
}

# Imported here, for its settings are read then.
import dlt  # type: ignore[import-not-found]  # in an environment of its own only
from dlt.sources.helpers import requests  # type: ignore[import-not-found]  # the same

PAGE_SIZE = 100


def reader(order: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    """A function that reads one page: the answer's ``value``."""
    session = requests.Client(request_timeout=60).session
    base = order["base_url"]
    answer = session.post(f"{base}/api/openapi/v1/auth/getAccessToken", json=order["login"])
    token = {"accessToken": answer.json()["value"]["accessToken"]}
    common = {"corpId": order["corp_id"], "nsrsbh": order["taxpayer_no"], "kpyf": order["month"]}

    def read(place: dict[str, Any]) -> Any:
        body = {
            **common, "fplx": place["type"], "jxxbz": place["direction"],
            "page": {"currentPage": place["page"], "pageSize": PAGE_SIZE},
        }  # fmt: skip
        path = f"{base}/api/openapi/v2/invoice/v2/getInvoiceCollectionData"
        return session.post(path, params=token, json=body).json()["value"]

    return read


def invoices(order: dict[str, Any]) -> Any:
    """The resource: every invoice of the slices."""
    read = reader(order)

    @dlt.resource  # type: ignore[untyped-decorator]  # there is no dlt to look at here
    def places() -> Iterator[Any]:
        for kind in order["types"]:
            for direction in order["directions"]:
                place = {"type": kind, "direction": direction, "page": 1}
                first = read(place)
                if first["code"] == "4000":
                    continue
                yield {**place, "read": first}
                for page in range(2, first["data"]["page"]["totalPage"] + 1):
                    yield {**place, "page": page}

    @dlt.transformer(  # type: ignore[untyped-decorator]  # there is no dlt to look at here
        data_from=places, name="dlt_invoice", primary_key="fphm", write_disposition="merge", parallelized=True
    )
    def pages(place: dict[str, Any]) -> Any:
        value = place.get("read") or read(place)
        yield [
            {**record, "taxpayer_no": order["taxpayer_no"], "direction": place["direction"], "type": place["type"]}
            for record in value["data"]["list"]
        ]

    return pages


def main() -> None:
    order = json.loads(sys.argv[1])
    began = time.perf_counter()
    pipeline = dlt.pipeline(
        "invoices", pipelines_dir=order["folder"], dataset_name="rival",
        destination=dlt.destinations.postgres(order["url"]),
    )  # fmt: skip
    pipeline.run(invoices(order), loader_file_format=order.get("format", "csv"))
    seconds = time.perf_counter() - began
    with pipeline.sql_client() as client:
        ((count,),) = client.execute_sql("SELECT count(*) FROM dlt_invoice") or [(0,)]
    print(json.dumps({"seconds": seconds, "invoices": count}))


if __name__ == "__main__":
    main()
