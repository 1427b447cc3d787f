"""HELP, TYPE and UNIT lines, and the lines that say nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition.grammar import UnreadableError, expected, unescape
from fenghuo.wire.exposition.layout import Format

_NAME: Final = r'(?P<name>"(?:[^"\\]++|\\.)*+"|[a-zA-Z_:][a-zA-Z0-9_:]*+)'
_TEXT_WORD: Final = re.compile(r"[ \t]*#[ \t]+(?P<word>HELP|TYPE)[ \t]+")
_TEXT_NAME: Final = re.compile(_NAME + r"(?P<text>[^\n]*)", re.ASCII)
_OPENMETRICS_WORD: Final = re.compile(r"# (?P<word>HELP|TYPE|UNIT) ")
_OPENMETRICS_NAME: Final = re.compile(_NAME + r"(?P<text> [^\n]*)", re.ASCII)

_TEXT_TYPES: Final = {name: name for name in ("counter", "gauge", "histogram", "summary")} | {"untyped": "unknown"}
_OPENMETRICS_TYPES: Final = {
    name: name for name in ("counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown")
}


@dataclass(frozen=True, slots=True)
class MetadataLine:
    """One such line: ``word`` is HELP, TYPE or UNIT, ``name`` the family's."""

    word: str
    name: str
    text: str

    def added_to(self, known: Metadata) -> Metadata:
        """``known`` with what this line says."""
        match self.word:
            case "HELP":
                return replace(known, help=self.text)
            case "TYPE":
                return replace(known, type=self.text)
            case _:
                return replace(known, unit=self.text)


def read_comment(line: str, dialect: Format) -> MetadataLine | None:
    """What a line that begins with ``#`` says; None for a comment in text 0.0.4, where anything may stand.

    Raises UnreadableError.
    """
    lenient = dialect is Format.TEXT
    word = (_TEXT_WORD if lenient else _OPENMETRICS_WORD).match(line)
    if word is None:
        if lenient:
            return None
        raise expected("'# HELP', '# TYPE', '# UNIT' or '# EOF'", line, 0)
    found = (_TEXT_NAME if lenient else _OPENMETRICS_NAME).match(line, word.end())
    if found is None:
        raise expected(f"a metric name and a text after {word['word']}", line, word.end())
    quoted = found["name"][0] == '"'
    name = unescape(found["name"][1:-1]) if quoted else found["name"]
    text = found["text"][1:] if found["text"].strip(" \t") or not lenient else ""
    return _checked(MetadataLine(word["word"], name, text), lenient)


def _checked(said: MetadataLine, lenient: bool) -> MetadataLine:
    if not said.name.isascii() or not said.text.isascii():
        _refuse_bad_utf8(said)
    match said.word:
        case "TYPE":
            kind = (_TEXT_TYPES if lenient else _OPENMETRICS_TYPES).get(said.text)
            if kind is None:
                raise UnreadableError(f"invalid metric type {said.text!r}")
            return replace(said, text=kind)
        case "HELP":
            return replace(said, text=unescape(said.text) if not lenient else _unescape_help(said.text))
        case _:
            if said.text and not said.name.endswith("_" + said.text):
                raise UnreadableError(f"unit {said.text!r} is not the end of metric name {said.name!r}")
            return said


def _refuse_bad_utf8(said: MetadataLine) -> None:
    try:
        (said.name + said.text).encode()
    except UnicodeEncodeError as error:
        raise UnreadableError(f"{said.word} text is not valid UTF-8") from error


def _unescape_help(text: str) -> str:
    r"""Text 0.0.4 resolves ``\\`` and ``\n`` in help texts, and leaves ``\"``."""
    return re.sub(r"\\([\\n])", lambda found: "\n" if found[1] == "n" else "\\", text) if "\\" in text else text
