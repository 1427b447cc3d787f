"""How Aliyun and Tencent Cloud have requests signed.

Sources: Aliyun, "V3 request structure and signature"; Tencent Cloud, "Signature method v3".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

ACS3: Final = "ACS3-HMAC-SHA256"
TC3: Final = "TC3-HMAC-SHA256"
NOTHING: Final = hashlib.sha256(b"").hexdigest()


def aliyun_query(params: Mapping[str, str]) -> str:
    """The query as it is both sent and signed."""
    return "&".join(f"{quote(name, safe='~')}={quote(params[name], safe='~')}" for name in sorted(params))


def aliyun_headers(
    key: str, secret: str, host: str, action: str, version: str, query: str, nonce: str, at_ms: int
) -> dict[str, str]:
    """The headers of a POST without a body whose parameters stand in the query."""
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": NOTHING,
        "x-acs-date": datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{NOTHING}"
    text = f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(secret.encode(), text.encode(), hashlib.sha256).hex()
    headers["Authorization"] = f"{ACS3} Credential={key},SignedHeaders={names},Signature={signature}"
    return headers


def tencent_authorization(
    key: str, secret: str, service: str, host: str, content_type: str, body: bytes, at_ms: int
) -> str:
    """The header ``Authorization`` of a POST; content type and host are signed with the body."""
    names = "content-type;host"
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\ncontent-type:{content_type}\nhost:{host}\n\n{names}\n{digest}"
    day = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    text = f"{TC3}\n{at_ms // 1000}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signer = f"TC3{secret}".encode()
    for part in (day, service, "tc3_request"):
        signer = hmac.digest(signer, part.encode(), hashlib.sha256)
    signature = hmac.digest(signer, text.encode(), hashlib.sha256).hex()
    return f"{TC3} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
