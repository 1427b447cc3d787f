"""Go's text/template over Python values: the language of Prometheus' annotations and Alertmanager's notices.

In comes a text with ``{{ actions }}``, a mapping of functions, and data made of None, bool, int, float, str,
sequences, mappings and :class:`Exposed` objects. Out goes text, or a :class:`TemplateError` (an InputError) with
line and column: while parsing for whatever can be known without data (syntax, functions and variables that do not
exist), while rendering for the rest. Output size, depth, loop iterations and time are limited.

With ``html=True`` values are escaped for the place in the page where they land.

Deliberately absent: input and output of any kind, complex numbers, channels, and a way to reach any attribute that
an object does not list.
"""

from fenghuo.template.calls import Scope
from fenghuo.template.errors import TemplateError
from fenghuo.template.program import MissingKey, RenderLimits
from fenghuo.template.template import Functions, Template, TemplateOptions, TemplateSet
from fenghuo.template.values import MISSING, Exposed, SafeHtml, SafeUrl

__all__ = [
    "MISSING",
    "Exposed",
    "Functions",
    "MissingKey",
    "RenderLimits",
    "SafeHtml",
    "SafeUrl",
    "Scope",
    "Template",
    "TemplateError",
    "TemplateOptions",
    "TemplateSet",
]
