"""Which benchmarks there are; a name, and how to get the function that measures.

A benchmark takes `quick` and `say` (told what goes on) and returns its tables. It is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.table import Table

Benchmark = Callable[[bool, Callable[[str], None]], list[Table]]


def _exchange() -> Benchmark:
    from tests.benchmarks.exchange.benchmark import exchange

    return exchange


def _secure_aggregation() -> Benchmark:
    from tests.benchmarks.secure_aggregation.benchmark import secure_aggregation

    return secure_aggregation


def _training() -> Benchmark:
    from tests.benchmarks.training.benchmark import training

    return training


BENCHMARKS: dict[str, Callable[[], Benchmark]] = {
    "exchange": _exchange,
    "secure-aggregation": _secure_aggregation,
    "training": _training,
}
