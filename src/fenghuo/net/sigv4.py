"""Signing requests for Amazon: Signature Version 4.

Source: "Create a signed AWS API request" in the IAM user guide.
"""

from __future__ import annotations

import configparser
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsKey:
    """Who asks."""

    access_key: str
    secret_key: str
    session_token: str = ""


def signed_headers(
    key: AwsKey, region: str, service: str, method: str, url: str, headers: Mapping[str, str], body: bytes, at_ms: int
) -> dict[str, str]:
    """``headers`` with those that prove who asks. The URL has no query."""
    parts = urlsplit(url)
    moment = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "X-Amz-Date": moment}
    if key.session_token:
        sent["X-Amz-Security-Token"] = key.session_token
    covered = {name.lower(): " ".join(value.split()) for name, value in sent.items()} | {"host": parts.netloc}
    names = ";".join(sorted(covered))
    lines = [f"{name}:{covered[name]}" for name in sorted(covered)]
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, quote(parts.path or "/"), "", *lines, "", names, digest])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    secret = f"AWS4{key.secret_key}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        secret = hmac.digest(secret, part.encode(), hashlib.sha256)
    signature = hmac.digest(secret, text.encode(), hashlib.sha256).hex()
    credential = f"Credential={key.access_key}/{scope}"
    return {**sent, "Authorization": f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}


def key_from_surroundings(profile: str) -> AwsKey | None:
    """The key of ``profile`` in the shared credentials file, or without one that of the environment, else the file's
    default; None when there is none. Blocking: reads a file.
    """
    if not profile and (access := os.environ.get("AWS_ACCESS_KEY_ID")):
        return AwsKey(access, os.environ.get("AWS_SECRET_ACCESS_KEY", ""), os.environ.get("AWS_SESSION_TOKEN", ""))
    file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or str(Path("~/.aws/credentials").expanduser())
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    name = profile or os.environ.get("AWS_PROFILE") or "default"
    if not parser.has_section(name):
        return None
    section = parser[name]
    access, secret = section.get("aws_access_key_id", ""), section.get("aws_secret_access_key", "")
    return AwsKey(access, secret, section.get("aws_session_token", "")) if access and secret else None
