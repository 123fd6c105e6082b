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


def _cohort() -> Benchmark:
    from tests.benchmarks.cohort.benchmark import cohort

    return cohort


def _secure_aggregation() -> Benchmark:
    from tests.benchmarks.secure_aggregation.benchmark import secure_aggregation

    return secure_aggregation


def _private_training() -> Benchmark:
    from tests.benchmarks.private_training.benchmark import private_training

    return private_training


def _update_formats() -> Benchmark:
    from tests.benchmarks.update_formats.benchmark import update_formats

    return update_formats


def _training() -> Benchmark:
    from tests.benchmarks.training.benchmark import training

    return training


def _radiomics() -> Benchmark:
    from tests.benchmarks.radiomics.benchmark import radiomics

    return radiomics


def _growth() -> Benchmark:
    from tests.benchmarks.growth.benchmark import growth

    return growth


BENCHMARKS: dict[str, Callable[[], Benchmark]] = {
    "exchange": _exchange,
    "cohort": _cohort,
    "update-formats": _update_formats,
    "secure-aggregation": _secure_aggregation,
    "training": _training,
    "private-training": _private_training,
    "radiomics": _radiomics,
    "growth": _growth,
}
