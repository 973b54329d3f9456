"""The signature of a request, and the fields it covers.

Both kinds sign exactly five fields, raw (not percent-encoded), and neither clock nor nonce: the same request has the
same signature on every attempt. The document names the fields ``signature`` and ``signType`` without explaining them;
the two recipes are those of the vendor's working clients.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

__all__ = ["SIGNED_FIELDS", "signature"]

SIGNED_FIELDS = ("appid", "content", "jtnsrsbh", "nsrsbh", "serviceid")
"""In ASCII order, as signType 0 wants them."""


def signature(fields: Mapping[str, str], secret: str, *, sign_type: str, prefix: str) -> str:
    """Base64 of HMAC-SHA256 (``sign_type`` "0") or upper-case hexadecimal MD5 ("1").

    ``prefix`` is the literal text in front of the HMAC's text, ``?`` in every working client; MD5 has none.
    """
    if sign_type == "1":
        text = (
            fields["appid"] + secret + fields["content"] + fields["jtnsrsbh"] + fields["nsrsbh"] + fields["serviceid"]
        )
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
    text = prefix + "&".join(f"{name}={fields[name]}" for name in SIGNED_FIELDS)
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()
