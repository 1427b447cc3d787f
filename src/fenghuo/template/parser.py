"""Tokens to syntax trees, with Go's grammar and Go's complaints.

Functions and variables are checked by name while parsing, so that a template that parses can only fail on data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from fenghuo.template import literals, nodes
from fenghuo.template.errors import TemplateError, place, shown
from fenghuo.template.lexer import Kind, Token, tokens

NESTING_MAX = 100
"""Actions and parentheses inside one another. People nest five deep; the parser recurses, Python's stack does not."""

_CONTROLS: dict[str, type[nodes.If] | type[nodes.With] | type[nodes.Range]] = {
    "if": nodes.If,
    "with": nodes.With,
    "range": nodes.Range,
}
_KEYWORDS = _CONTROLS.keys() | {"block", "break", "continue", "define", "else", "end", "nil", "template"}
_CONSTANTS = (nodes.Literal, nodes.Dot, nodes.Nil)


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


class _Parser:
    def __init__(self, text: str, name: str, functions: Collection[str], variables: Iterable[str]) -> None:
        self._text = text
        self._name = name
        self._functions = functions
        self._tokens = list(tokens(text, name))
        self._at = 0
        self._variables = ["$", *variables]
        self._defines: dict[str, nodes.Body] = {}
        self._depth = 0
        self._loops = 0

    def parse(self) -> Parsed:
        body, _ = self._body(top=True)
        return Parsed(body, self._defines)

    # Tokens

    def _peek(self) -> Token:
        """The next token, spaces included."""
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _peek_word(self) -> Token:
        if self._peek().kind is Kind.SPACE:
            self._at += 1
        return self._peek()

    def _next_word(self) -> Token:
        self._peek_word()
        return self._next()

    def _expect(self, kind: Kind, context: str) -> Token:
        token = self._next_word()
        if token.kind is not kind:
            raise self._unexpected(token, context)
        return token

    def _error(self, position: int, message: str, remedy: str = "") -> TemplateError:
        return TemplateError(message, place=place(self._name, self._text, position), remedy=remedy)

    def _unexpected(self, token: Token, context: str) -> TemplateError:
        if token.kind is Kind.END:
            return self._error(token.position, f"unexpected end of the text in {context}")
        return self._error(token.position, f"unexpected {shown(token.text)!r} in {context}")

    # Bodies

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

    def _enter(self, token: Token) -> None:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise self._error(token.position, f"nested deeper than {NESTING_MAX} levels")

    # Pipelines

    def _pipe(self, context: str, end: Kind) -> nodes.Pipe:
        position = self._peek_word().position
        names, assigns = self._targets(context)
        commands: list[nodes.Command] = []
        while (token := self._peek_word()).kind is not end:
            if token.kind in (Kind.CLOSE, Kind.RIGHT):
                raise self._unexpected(token, context)
            commands.append(self._command(context))
        self._next()
        if not commands:
            raise self._error(position, f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.args[0], _CONSTANTS):
                raise self._error(command.position, f"non executable command {command} in pipeline stage {stage}")
        if assigns:
            for name in names:
                self._known(name, position)
        else:
            self._variables += names
        return nodes.Pipe(position, tuple(names), assigns, tuple(commands))

    def _targets(self, context: str) -> tuple[list[str], bool]:
        """The variables before ``:=`` or ``=``, or none, with nothing consumed."""
        start = self._at
        names: list[str] = []
        while self._peek_word().kind is Kind.VARIABLE:
            names.append(self._next().text)
            sign = self._peek_word()
            if sign.kind in (Kind.DECLARE, Kind.ASSIGN):
                self._next()
                return names, sign.kind is Kind.ASSIGN
            if sign.kind is not Kind.COMMA:
                break
            if context != "range" or len(names) > 1:
                raise self._error(sign.position, f"too many declarations in {context}")
            self._next()
            if self._peek_word().kind is not Kind.VARIABLE:
                raise self._error(sign.position, "range can only initialize variables")
        self._at = start
        return [], False

    def _command(self, context: str) -> nodes.Command:
        position = self._peek_word().position
        args: list[nodes.Operand] = []
        while True:
            self._peek_word()
            operand = self._operand(context)
            if operand is not None:
                args.append(operand)
            token = self._peek()
            if token.kind is Kind.SPACE:
                self._next()
                continue
            if token.kind is Kind.PIPE:
                self._next()
                if self._peek_word().kind in (Kind.CLOSE, Kind.RIGHT):
                    raise self._error(token.position, f"missing command after | in {context}")
            elif token.kind not in (Kind.CLOSE, Kind.RIGHT):
                raise self._unexpected(token, "operand" if args else context)
            break
        if not args:
            raise self._error(position, "empty command")
        return nodes.Command(position, tuple(args))

    def _operand(self, context: str) -> nodes.Operand | None:
        node = self._term(context)
        if node is None or self._peek().kind is not Kind.FIELD:
            return node
        position = self._peek().position
        names: list[str] = []
        while self._peek().kind is Kind.FIELD:
            names.append(self._next().text[1:])
        if isinstance(node, nodes.Field):
            return nodes.Field(node.position, (*node.names, *names))
        if isinstance(node, nodes.Variable):
            return nodes.Variable(node.position, node.name, (*node.names, *names))
        if isinstance(node, nodes.Pipe | nodes.Identifier):
            return nodes.Chain(position, node, tuple(names))
        raise self._error(position, f"unexpected . after {node}")

    def _term(self, context: str) -> nodes.Operand | None:
        token = self._peek()
        match token.kind:
            case Kind.CLOSE | Kind.RIGHT | Kind.PIPE | Kind.SPACE:
                return None
            case Kind.LEFT:
                self._next()
                self._enter(token)
                pipe = self._pipe("parenthesized pipeline", Kind.RIGHT)
                self._depth -= 1
                return pipe
            case Kind.DOT:
                self._next()
                return nodes.Dot(token.position)
            case Kind.FIELD:
                self._next()
                return nodes.Field(token.position, (token.text[1:],))
            case Kind.VARIABLE:
                self._next()
                self._known(token.text, token.position)
                return nodes.Variable(token.position, token.text, ())
            case Kind.WORD:
                return self._word(self._next(), context)
            case Kind.STRING | Kind.CHAR | Kind.NUMBER:
                return self._literal(self._next())
        raise self._unexpected(token, context)

    def _word(self, token: Token, context: str) -> nodes.Operand:
        if token.text in ("true", "false"):
            return nodes.Literal(token.position, token.text == "true", token.text)
        if token.text == "nil":
            return nodes.Nil(token.position)
        if token.text in _KEYWORDS:
            raise self._unexpected(token, context)
        if token.text not in self._functions:
            raise self._error(token.position, f"function {token.text!r} is not defined")
        return nodes.Identifier(token.position, token.text)

    def _literal(self, token: Token) -> nodes.Literal:
        if token.kind is Kind.STRING:
            return nodes.Literal(token.position, self._unquote(token), token.text)
        if token.kind is Kind.CHAR:
            value = self._unquote(token)
            if len(value) != 1:
                raise self._error(token.position, f"malformed character constant {token.text}")
            return nodes.Literal(token.position, ord(value), token.text)
        try:
            return nodes.Literal(token.position, literals.number(token.text), token.text)
        except (ValueError, OverflowError) as error:
            raise self._error(token.position, str(error)) from error

    def _unquote(self, token: Token) -> str:
        try:
            return literals.unquote(token.text)
        except ValueError as error:
            raise self._error(token.position, str(error)) from error

    def _known(self, name: str, position: int) -> None:
        if name not in self._variables:
            raise self._error(position, f"undefined variable {name!r}")


def is_empty(body: nodes.Body) -> bool:
    """Whether a body is nothing but white space: such a definition never replaces another."""
    return all(isinstance(node, nodes.Text) and not node.text.strip() for node in body)
