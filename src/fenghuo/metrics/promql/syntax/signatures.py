"""The functions of the language: what they take and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fenghuo.metrics.promql.syntax.ast import ValueType

_S, _V, _M, _T = ValueType.SCALAR, ValueType.VECTOR, ValueType.MATRIX, ValueType.STRING


@dataclass(frozen=True, slots=True)
class Signature:
    """``args`` are the types in order. The last ``optional`` of them may be left out; ``repeats`` lets the last
    one stand any number of times."""

    args: tuple[ValueType, ...]
    result: ValueType = _V
    optional: int = 0
    repeats: bool = False

    @property
    def args_min(self) -> int:
        return len(self.args) - self.optional


def _all(names: str, signature: Signature) -> dict[str, Signature]:
    return dict.fromkeys(names.split(), signature)


SIGNATURES: Final[dict[str, Signature]] = {
    **_all(
        "abs absent ceil exp floor ln log2 log10 sgn sqrt sort sort_desc timestamp "
        "acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad "
        "histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar start_timestamp",
        Signature((_V,)),
    ),
    **_all(
        "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time "
        "first_over_time mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time "
        "stdvar_over_time sum_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time "
        "ts_of_min_over_time",
        Signature((_M,)),
    ),
    **_all("day_of_month day_of_week day_of_year days_in_month hour minute month year", Signature((_V,), optional=1)),
    **_all("time pi start end range step", Signature((), _S)),
    **_all("min_of max_of", Signature((_S, _S), _S)),
    **_all("clamp_max clamp_min", Signature((_V, _S))),
    "clamp": Signature((_V, _S, _S)),
    "round": Signature((_V, _S), optional=1),
    "predict_linear": Signature((_M, _S)),
    "quantile_over_time": Signature((_S, _M)),
    **_all("double_exponential_smoothing holt_winters", Signature((_M, _S, _S))),
    "histogram_fraction": Signature((_S, _S, _V)),
    "histogram_quantile": Signature((_S, _V)),
    "histogram_quantiles": Signature((_V, _T, _S, _S), optional=1, repeats=True),
    "label_replace": Signature((_V, _T, _T, _T, _T)),
    "label_join": Signature((_V, _T, _T, _T), optional=1, repeats=True),
    **_all("sort_by_label sort_by_label_desc", Signature((_V, _T), optional=1, repeats=True)),
    "info": Signature((_V, _V), optional=1),
    "scalar": Signature((_V,), _S),
    "vector": Signature((_S,)),
}
