"""The functions that rules and notices share."""

from __future__ import annotations

import pytest

from fenghuo.template import Template, TemplateError
from fenghuo.template.functions import DATA_FUNCTIONS, TEXT_FUNCTIONS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ toUpper `straße 中` }} {{ toLower `ÄB` }}", "STRAßE 中 äb"),
        ("{{ title `what's o_k über-all` }}", "What's O_k Über-All"),
        ("{{ trimSpace ` a ` }}|{{ join `-` (stringSlice `a` `b`) }}", "a|a-b"),
        ("{{ match `^a.c$` `abc` }} {{ match `b` `abc` }} {{ match `^b` `abc` }}", "true true false"),
        ("{{ reReplaceAll `(.*):(.*)` `$2-${1}` `host:90` }}", "90-host"),
        ("{{ reReplaceAll `(a)` `$1x` `a` }}|{{ reReplaceAll `(a)` `${1}x$$` `a` }}", "|ax$"),
        ("{{ reReplaceAll `x*` `-` `abxc` }}", "-a-b-c-"),
        ("{{ reReplaceAll `文` `x` `中文字` }} {{ reReplaceAll `` `-` `中文` }}", "中x字 -中-文-"),
        ("{{ urlQueryEscape `a b&c` }} {{ urlUnescape `a+b%20c` }}", "a+b%26c a b c"),
        ("{{ toJson (dict `b` 1 `a` (list 1.5 true nil `<`)) }}", '{"a":[1.5,true,null,"\\u003c"],"b":1}'),
        ("{{ base64decode (base64encode `中`) }}", "中"),
        ("{{ humanizeDuration 3661 }}", "1h 1m 1s"),
    ],
)
def test_values(text: str, expected: str) -> None:
    assert Template.parse(text, {**TEXT_FUNCTIONS, **DATA_FUNCTIONS}).render() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ match `(` `a` }}", "bad regular expression"),
        ("{{ join `,` (list 1) }}", "expected string; got int"),
        ("{{ urlUnescape `%zz` }}", 'invalid URL escape "%zz"'),
        ("{{ base64decode `!` }}", "illegal base64 data"),
        ("{{ dict `a` }}", "even number"),
        ("{{ date `2006` 1 }}", "expected time.Time; got int"),
        ("{{ toUpper 1 }}", "expected string; got int"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse(text, {**TEXT_FUNCTIONS, **DATA_FUNCTIONS}).render()
    assert message in str(caught.value)
