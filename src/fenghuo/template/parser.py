"""Tokens to syntax trees, with Go's grammar and Go's complaints.

Functions and variables are checked by name while parsing, so that a template that parses can only fail on data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from fenghuo.template import nodes
from fenghuo.template.lexer import Kind, Token
from fenghuo.template.pipelines import PipelineParser

_CONTROLS: dict[str, type[nodes.If] | type[nodes.With] | type[nodes.Range]] = {
    "if": nodes.If,
    "with": nodes.With,
    "range": nodes.Range,
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text's own body and the templates that it defines, by name."""

    body: nodes.Body
    defines: dict[str, nodes.Body] = field(default_factory=dict)


def parse(text: str, name: str, functions: Collection[str], variables: Iterable[str] = ()) -> Parsed:
    """Parse ``text``. ``variables`` (``$labels`` …) are known to the body, not inside ``define``.

    Raises TemplateError at the first thing that is wrong.
    """
    return _Parser(text, name, functions, variables).parse()


@dataclass(slots=True)
class _Stop:
    """What ended a body: ``end``, or ``else`` with the word that follows it, if any."""

    word: str
    then: Token | None = None


class _Parser(PipelineParser):
    def __init__(self, text: str, name: str, functions: Collection[str], variables: Iterable[str]) -> None:
        super().__init__(text, name, functions, variables)
        self._defines: dict[str, nodes.Body] = {}
        self._loops = 0

    def parse(self) -> Parsed:
        body, _ = self._body(top=True)
        return Parsed(body, self._defines)

    def _body(self, *, top: bool = False) -> tuple[nodes.Body, _Stop]:
        """Nodes up to ``{{end}}`` or ``{{else}}``, which is consumed; at the top up to the end of the text."""
        found: list[nodes.Node] = []
        while True:
            token = self._next()
            match token.kind:
                case Kind.TEXT:
                    found.append(nodes.Text(token.position, token.text))
                case Kind.END:
                    if top:
                        return tuple(found), _Stop("")
                    raise self._error(token.position, "unexpected end of the text", "an {{end}} is missing")
                case _:
                    word = self._peek_word()
                    if word.kind is Kind.WORD and word.text in ("end", "else"):
                        if top:
                            raise self._error(word.position, f"unexpected {{{{{word.text}}}}}")
                        return tuple(found), self._stop()
                    node = self._action(top=top)
                    if node is not None:
                        found.append(node)

    def _stop(self) -> _Stop:
        word = self._next_word()
        if word.text == "end":
            self._expect(Kind.CLOSE, "end")
            return _Stop("end")
        then = self._peek_word()
        if then.kind is Kind.WORD and then.text in ("if", "with"):
            return _Stop("else", self._next())
        self._expect(Kind.CLOSE, "else")
        return _Stop("else")

    def _action(self, *, top: bool) -> nodes.Node | None:
        word = self._peek_word()
        keyword = word.text if word.kind is Kind.WORD else ""
        match keyword:
            case "if" | "with" | "range":
                return self._control(self._next())
            case "define":
                self._define(self._next(), top=top)
                return None
            case "template":
                return self._call(self._next())
            case "block":
                return self._block(self._next())
            case "break" | "continue":
                return self._jump(self._next())
        return nodes.Action(word.position, self._pipe("command", Kind.CLOSE))

    def _control(self, word: Token) -> nodes.If | nodes.With | nodes.Range:
        known = len(self._variables)
        self._enter(word)
        self._loops += word.text == "range"
        pipe = self._pipe(word.text, Kind.CLOSE)
        body, stop = self._body()
        self._loops -= word.text == "range"
        otherwise: nodes.Body = ()
        if stop.then is not None:
            if stop.then.text != word.text:
                raise self._error(stop.then.position, f"unexpected {{{{else {stop.then.text}}}}} in {word.text}")
            otherwise = (self._control(stop.then),)
        elif stop.word == "else":
            otherwise, stop = self._body()
            if stop.word != "end":
                raise self._error(
                    self._peek().position, f"expected {{{{end}}}}, found another {{{{else}}}} in {word.text}"
                )
        self._depth -= 1
        del self._variables[known:]
        return _CONTROLS[word.text](word.position, pipe, body, otherwise)

    def _jump(self, word: Token) -> nodes.Break | nodes.Continue:
        self._expect(Kind.CLOSE, word.text)
        if not self._loops:
            raise self._error(word.position, f"{{{{{word.text}}}}} outside {{{{range}}}}")
        return nodes.Break(word.position) if word.text == "break" else nodes.Continue(word.position)

    def _call(self, word: Token) -> nodes.Call:
        name = self._template_name("template")
        pipe = None
        if self._peek_word().kind is Kind.CLOSE:
            self._next()
        else:
            pipe = self._pipe("template", Kind.CLOSE)
        return nodes.Call(word.position, name, pipe)

    def _block(self, word: Token) -> nodes.Call:
        name = self._template_name("block")
        pipe = self._pipe("block", Kind.CLOSE)
        self._definition(word, name)
        return nodes.Call(word.position, name, pipe)

    def _define(self, word: Token, *, top: bool) -> None:
        if not top:
            raise self._error(word.position, "{{define}} stands inside another action")
        name = self._template_name("define")
        self._expect(Kind.CLOSE, "define")
        self._definition(word, name)

    def _definition(self, word: Token, name: str) -> None:
        outer, loops = self._variables, self._loops
        self._variables, self._loops = ["$"], 0
        self._enter(word)
        body, stop = self._body()
        if stop.word != "end":
            raise self._error(self._peek().position, f"unexpected {{{{else}}}} in {word.text}")
        self._depth -= 1
        self._variables, self._loops = outer, loops
        if not is_empty(body) or name not in self._defines:
            if not is_empty(self._defines.get(name, ())):
                raise self._error(word.position, f"template {name!r} is defined twice")
            self._defines[name] = body

    def _template_name(self, context: str) -> str:
        token = self._next_word()
        if token.kind is not Kind.STRING:
            raise self._unexpected(token, f"{context} clause, where a template's name in quotes belongs")
        return self._unquote(token)


def is_empty(body: nodes.Body) -> bool:
    """Whether a body is nothing but white space: such a definition never replaces another."""
    return all(isinstance(node, nodes.Text) and not node.text.strip() for node in body)
