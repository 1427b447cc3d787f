"""Tokens to pipelines: ``$x := .a | f "b"`` and everything inside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fenghuo.template import literals, nodes
from fenghuo.template.errors import TemplateError, place, shown
from fenghuo.template.lexer import Kind, Token, tokens

NESTING_MAX = 100
"""Actions and parentheses inside one another. People nest five deep; the parser recurses, Python's stack does not."""

KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"})
_CONSTANTS = (nodes.Literal, nodes.Dot, nodes.Nil)


class PipelineParser:
    """Reads tokens; knows pipelines, and which functions and variables there are."""

    def __init__(self, text: str, name: str, functions: Collection[str], variables: Iterable[str]) -> None:
        self._text = text
        self._name = name
        self._functions = functions
        self._tokens = list(tokens(text, name))
        self._at = 0
        self._variables = ["$", *variables]
        self._depth = 0

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
        if token.text in KEYWORDS:
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
