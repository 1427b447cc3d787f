"""The parser: trees, places and refusals that the shared table of cases does not spell out."""

from __future__ import annotations

import pytest

from fenghuo.metrics.promql import ParseError, parse_expr, parse_matchers
from fenghuo.metrics.promql.syntax.ast import Aggregate, Binary, Call, Number, Subquery, Unary, VectorSelector
from fenghuo.model.matcher import Matcher, MatchOp


def shape(text: str) -> object:
    """The tree of an expression of operators and single letters, as nested tuples."""

    def walk(node: object) -> object:
        match node:
            case Binary(op=op, lhs=lhs, rhs=rhs):
                return (walk(lhs), op, walk(rhs))
            case Unary(op=op, operand=operand):
                return (op, walk(operand))
            case Number(value=value):
                return value
            case VectorSelector(name=name):
                return name
        raise AssertionError(node)

    return walk(parse_expr(text))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", ("a", "+", ("b", "*", "c"))),
        ("a - b - c", (("a", "-", "b"), "-", "c")),
        ("a ^ b ^ c", ("a", "^", ("b", "^", "c"))),
        ("-a ^ 2", ("-", ("a", "^", 2.0))),
        ("-a * b", (("-", "a"), "*", "b")),
        ("a or b and c unless d", ("a", "or", (("b", "and", "c"), "unless", "d"))),
        ("a > b + 1", ("a", ">", ("b", "+", 1.0))),
        ("a atan2 b % c", (("a", "atan2", "b"), "%", "c")),
        ("5m + 0x10 + 1_000", ((300.0, "+", 16.0), "+", 1000.0)),
    ],
)
def test_precedence(text: str, tree: object) -> None:
    assert shape(text) == tree


def test_places() -> None:
    """Every node knows where it stands."""
    text = "sum by (job) (\n  rate(x[5m])\n)"
    tree = parse_expr(text)
    assert isinstance(tree, Aggregate)
    assert isinstance(tree.expr, Call)
    assert text[tree.expr.start : tree.expr.end] == "rate(x[5m])"
    assert text[tree.start : tree.end] == text


def test_modifiers_belong_to_what_they_follow() -> None:
    tree = parse_expr("max_over_time(x[5m] offset 1m)[1h:5m] @ end()")
    assert isinstance(tree, Subquery)
    assert tree.at is not None
    assert tree.at.at == "end"
    assert tree.offset is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sum(up", "1:7: parse error: unclosed left parenthesis"),
        ("a\n  + ) b", "2:6: parse error: unexpected right parenthesis ')'"),
        ("rate(x)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'),
        ('x{a=~"("}', "1:6: parse error: error parsing regexp"),
        ("nope(x)", '1:1: parse error: unknown function with name "nope"'),
        ("(" * 300 + "1" + ")" * 300, "nested deeper"),
        ("x" + "[1m:]" * 300, "more than 250 levels"),
        ("-" * 5000 + "1", "nested deeper"),
        ("abs(" * 300 + "x" + ")" * 300, "nested deeper"),
        ("2" + "^2" * 5000, "nested deeper"),
        ("x[" + "-" * 5000 + "1m]", "nested deeper"),
        ("x[" + "(" * 5000 + "1m" + ")" * 5000 + "]", "nested deeper"),
        ("x[1h:0s]", "1:6: parse error: duration must be greater than 0"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_expr(text)
    assert message in str(caught.value)


def test_matchers() -> None:
    assert parse_matchers('up{job=~"n.*", a!="b"}') == [
        Matcher("job", MatchOp.REGEX, "n.*"),
        Matcher("a", MatchOp.NOT_EQUAL, "b"),
        Matcher("__name__", MatchOp.EQUAL, "up"),
    ]
    assert parse_matchers('{"http.requests", "le.x"="1"}')[0] == Matcher("le.x", MatchOp.EQUAL, "1")


@pytest.mark.parametrize("text", ["", "up[5m]", "up + 1", "5", "sum(up)", "up{"])
def test_no_matchers(text: str) -> None:
    with pytest.raises(ParseError):
        parse_matchers(text)


def test_long_queries() -> None:
    """What is long without being deep has no limit of its own."""
    tree = parse_expr("label_join(x, " + ", ".join(['"a"'] * 5000) + ")")
    assert isinstance(tree, Call)
    assert len(tree.args) == 5001
    parse_expr(" or ".join(["x"] * 10_000))
