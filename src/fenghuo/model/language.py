"""The language in which people are addressed."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """In which language people are addressed: in chat, in mails, on the panel before they choose."""

    CHINESE = "zh"
    ENGLISH = "en"
    BOTH = "both"
