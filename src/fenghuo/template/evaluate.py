"""Walking the syntax tree: one rendering of one template over one value.

A rendering reads nothing but the data, variables and functions it is given, and stops at its limits.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from fenghuo.base.errors import InputError
from fenghuo.template import nodes
from fenghuo.template.builtins import BUILTINS
from fenghuo.template.calls import call
from fenghuo.template.errors import TemplateError, place, shown
from fenghuo.template.formatting import ordered, show
from fenghuo.template.program import MissingKey, Program, Sink, Unit
from fenghuo.template.values import MISSING, Exposed, is_true, missing_of, type_name

_NO_FINAL: Any = object()


class _Flow(Enum):
    NEXT = auto()
    BREAK = auto()
    CONTINUE = auto()


class Rendering:
    """One rendering. Use once."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._unit = Unit("", "", ())
        self._node: Any = None
        self._sink: Sink = program.sink()
        self._variables: list[tuple[str, Any]] = []
        self._chars = 0
        self._depth = 0
        self._iterations = 0
        self._deadline_s = program.monotonic_s() + program.limits.time_s_max

    def run(self, unit: Unit, data: Any, variables: Mapping[str, Any]) -> str:
        """The text that ``unit`` makes of ``data``. Raises TemplateError."""
        try:
            self._enter(unit, data, variables)
        except TemplateError:
            raise
        except InputError as error:  # A value that has no text.
            raise self._failure(error.message) from error
        return self._sink.finish()

    def include(self, name: str, data: Any) -> str:
        unit = self._program.units.get(name)
        if unit is None:
            raise InputError(f"template {name!r} is not defined")
        return self._captured(unit, data)

    def expand(self, text: str, data: Any) -> str:
        return self._captured(self._program.parse(text), data)

    def _captured(self, unit: Unit, data: Any) -> str:
        outer, node = self._sink, self._node
        self._sink = self._program.sink()
        try:
            self._enter(unit, data, {})
            return self._sink.finish()
        finally:
            self._sink, self._node = outer, node

    def _enter(self, unit: Unit, data: Any, variables: Mapping[str, Any]) -> None:
        if self._depth >= self._program.limits.depth_max:
            raise self._failure(f"exceeded the maximum template depth ({self._program.limits.depth_max})")
        outer, outer_variables = self._unit, self._variables
        self._unit, self._variables = unit, [("$", data), *variables.items()]
        self._depth += 1
        self._body(data, unit.body)
        self._depth -= 1
        self._unit, self._variables = outer, outer_variables

    # Failing and limits

    def _failure(self, message: str) -> TemplateError:
        if self._node is None:
            return TemplateError(message, place=self._unit.name)
        where = place(self._unit.name, self._unit.text, self._node.position)
        return TemplateError(f"at <{shown(str(self._node))}>: {message}", place=where)

    def _write(self, value: Any) -> None:
        self._count_chars(self._sink.value(value))

    def _count_chars(self, count: int) -> None:
        self._chars += count
        if self._chars > self._program.limits.output_chars_max:
            raise self._failure(f"output exceeds {self._program.limits.output_chars_max} characters")

    def _check_time(self) -> None:
        if self._program.monotonic_s() > self._deadline_s:
            raise self._failure(f"took longer than {self._program.limits.time_s_max:g} s")

    # Statements

    def _body(self, dot: Any, body: nodes.Body) -> _Flow:
        for node in body:
            flow = self._statement(dot, node)
            if flow is not _Flow.NEXT:
                return flow
        return _Flow.NEXT

    def _statement(self, dot: Any, node: nodes.Node) -> _Flow:
        match node:
            case nodes.Text():
                self._sink.text(node.text)
                self._count_chars(len(node.text))
            case nodes.Action():
                value = self._pipe(dot, node.pipe)
                if not node.pipe.variables:
                    self._node = node.pipe
                    self._write(value)
            case nodes.If() | nodes.With():
                return self._choice(dot, node)
            case nodes.Range():
                self._range(dot, node)
            case nodes.Call():
                self._call(dot, node)
            case nodes.Break():
                return _Flow.BREAK
            case nodes.Continue():
                return _Flow.CONTINUE
        return _Flow.NEXT

    def _choice(self, dot: Any, node: nodes.If | nodes.With) -> _Flow:
        known = len(self._variables)
        value = self._pipe(dot, node.pipe)
        if not is_true(value):
            flow = self._body(dot, node.otherwise)
        else:
            flow = self._body(value if isinstance(node, nodes.With) else dot, node.body)
        del self._variables[known:]
        return flow

    def _call(self, dot: Any, node: nodes.Call) -> None:
        self._node = node
        unit = self._program.units.get(node.name)
        if unit is None:
            raise self._failure(f"template {node.name!r} is not defined")
        data = MISSING if node.pipe is None else self._pipe(dot, node.pipe)
        self._node = node
        self._check_time()
        self._enter(unit, data, {})

    def _range(self, dot: Any, node: nodes.Range) -> None:
        known = len(self._variables)
        value = self._pipe(dot, node.pipe, bind=False)
        self._node = node.pipe
        names = node.pipe.variables
        empty = True
        for key, item in self._items(value):
            empty = False
            self._iterations += 1
            if self._iterations > self._program.limits.iterations_max:
                raise self._failure(f"more than {self._program.limits.iterations_max} loop iterations")
            self._check_time()
            pairs = zip(names, (key, item) if len(names) > 1 else (item,), strict=False)
            for name, bound in pairs:
                self._bind(name, bound, assigns=node.pipe.assigns)
            flow = self._body(item, node.body)
            del self._variables[known:]
            if flow is _Flow.BREAK:
                break
        if empty:
            self._body(dot, node.otherwise)
        del self._variables[known:]

    def _items(self, value: Any) -> Iterable[tuple[Any, Any]]:
        if value is None or value is MISSING:
            return ()
        if isinstance(value, Mapping):
            return ordered(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return enumerate(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return ((number, number) for number in range(value))
        raise self._failure(f"range can't iterate over {shown(show(value))} of type {type_name(value)}")

    # Pipelines

    def _pipe(self, dot: Any, pipe: nodes.Pipe, *, bind: bool = True) -> Any:
        value: Any = _NO_FINAL
        for command in pipe.commands:
            value = self._command(dot, command, value)
        if bind:
            for name in pipe.variables:
                self._bind(name, value, assigns=pipe.assigns)
        return value

    def _bind(self, name: str, value: Any, *, assigns: bool) -> None:
        if not assigns:
            self._variables.append((name, value))
            return
        for at in range(len(self._variables) - 1, -1, -1):
            if self._variables[at][0] == name:
                self._variables[at] = (name, value)
                return
        raise self._failure(f"undefined variable {name!r}")

    def _lookup(self, name: str) -> Any:
        for known, value in reversed(self._variables):
            if known == name:
                return value
        raise self._failure(f"undefined variable {name!r}")

    def _command(self, dot: Any, command: nodes.Command, final: Any) -> Any:
        first = command.args[0]
        args = command.args[1:]
        self._node = command
        match first:
            case nodes.Identifier():
                return self._function(dot, first, args, final)
            case nodes.Field():
                return self._fields(dot, dot, first.names, args, final)
            case nodes.Variable() if first.names:
                return self._fields(dot, self._lookup(first.name), first.names, args, final)
            case nodes.Chain():
                receiver = self._argument(dot, first.node)
                self._node = command
                return self._fields(dot, receiver, first.names, args, final)
        if args or final is not _NO_FINAL:
            raise self._failure(f"can't give argument to non-function {first}")
        if isinstance(first, nodes.Nil):
            raise self._failure("nil is not a command")
        return self._argument(dot, first)

    def _argument(self, dot: Any, node: nodes.Operand) -> Any:
        match node:
            case nodes.Literal():
                return node.value
            case nodes.Nil():
                return None
            case nodes.Dot():
                return dot
            case nodes.Pipe():
                return self._parenthesised(dot, node)
            case nodes.Variable():
                return self._fields(dot, self._lookup(node.name), node.names, (), _NO_FINAL)
            case nodes.Field():
                return self._fields(dot, dot, node.names, (), _NO_FINAL)
            case nodes.Identifier():
                return self._function(dot, node, (), _NO_FINAL)
            case nodes.Chain():
                return self._fields(dot, self._argument(dot, node.node), node.names, (), _NO_FINAL)

    def _parenthesised(self, dot: Any, pipe: nodes.Pipe) -> Any:
        known = len(self._variables)
        value = self._pipe(dot, pipe)
        if not pipe.assigns:
            del self._variables[known:]
        return value

    def _arguments(self, dot: Any, nodes_: Sequence[nodes.Operand], final: Any) -> list[Any]:
        node = self._node
        given = [self._argument(dot, arg) for arg in nodes_]
        self._node = node
        return given if final is _NO_FINAL else [*given, final]

    # Functions

    def _function(self, dot: Any, node: nodes.Identifier, args: Sequence[nodes.Operand], final: Any) -> Any:
        if node.name in ("and", "or"):
            return self._logic(dot, node.name, args, final)
        given = self._arguments(dot, args, final)
        if node.name == "call":
            return self._call_value(given)
        function = self._program.functions.get(node.name) or BUILTINS[node.name]
        return self._invoke(node.name, function, given)

    def _logic(self, dot: Any, name: str, args: Sequence[nodes.Operand], final: Any) -> Any:
        """``and`` and ``or``: the first argument that decides; those behind it are not evaluated."""
        value: Any = _NO_FINAL
        for arg in args:
            value = self._argument(dot, arg)
            if is_true(value) == (name == "or"):
                return value
        if final is not _NO_FINAL:
            return final
        if value is _NO_FINAL:
            raise self._failure(f"wrong number of args for {name}: want at least 1 got 0")
        return value

    def _call_value(self, given: Sequence[Any]) -> Any:
        if not given:
            raise self._failure("wrong number of args for call: want at least 1 got 0")
        function = given[0]
        if not isinstance(function, types.FunctionType | types.MethodType):
            raise self._failure(f"error calling call: non-function of type {type_name(function)}")
        return self._invoke("call", function, given[1:])

    def _invoke(self, name: str, function: Callable[..., Any], given: Sequence[Any]) -> Any:
        self._check_time()
        try:
            result = call(name, function, given, self)
        except TemplateError:
            raise
        except InputError as error:
            raise self._failure(f"error calling {name}: {error.message}") from error
        if isinstance(result, str) and len(result) > self._program.limits.output_chars_max:
            raise self._failure(
                f"error calling {name}: result exceeds {self._program.limits.output_chars_max} characters"
            )
        return result

    # Fields and methods

    def _fields(self, dot: Any, receiver: Any, names: Sequence[str], args: Sequence[nodes.Operand], final: Any) -> Any:
        if not names:
            return receiver
        for name in names[:-1]:
            receiver = self._field(receiver, name, None)
        has_arguments = bool(args) or final is not _NO_FINAL
        return self._field(receiver, names[-1], self._arguments(dot, args, final) if has_arguments else None)

    def _field(self, receiver: Any, name: str, given: list[Any] | None) -> Any:
        if receiver is None or receiver is MISSING:
            if self._program.missing is MissingKey.ERROR:
                raise self._failure(f"nil data; no entry for key {name!r}")
            return MISSING
        if isinstance(receiver, Exposed) and name in receiver.template_names:
            value = getattr(receiver, receiver.template_names[name])
            if callable(value):
                return self._invoke(name, value, given or ())
            if given is not None:
                raise self._failure(f"{name} has arguments but cannot be invoked as function")
            return value
        if isinstance(receiver, Mapping):
            if given is not None:
                raise self._failure(f"{name} is not a method but has arguments")
            return receiver[name] if name in receiver else self._missing_key(receiver, name)
        raise self._failure(f"can't evaluate field {name} in type {type_name(receiver)}")

    def _missing_key(self, receiver: Mapping[Any, Any], name: str) -> Any:
        match self._program.missing:
            case MissingKey.ERROR:
                raise self._failure(f"map has no entry for key {name!r}")
            case MissingKey.ZERO:
                return missing_of(receiver)
        return MISSING
