"""``sigv4``: by which key requests to Amazon are signed."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from fenghuo.base.document import RefusedError, Settings
from fenghuo.model.settings_types import Secret, Text


class SigV4Settings(Settings):
    """Without ``access_key`` the key is that of the surroundings: of the environment, or of the shared file."""

    region: Text = ""
    access_key: Text = ""
    secret_key: Secret = Secret("")
    profile: Text = ""
    role_arn: Text = ""
    external_id: Text = ""
    use_fips_sts_endpoint: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key):
            raise RefusedError("must provide an AWS SigV4 access key and secret key, or none of them")
        return self
