"""What each part of an answer must keep to before it may leave, judged from the part alone.

These rules know nothing of how an answer was computed: a mistake in a phase does not pass them as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from client.policy import Policy
from common.messages import (
    AloneReply,
    ColumnScaling,
    CorrelationReply,
    DescribeReply,
    EvaluationReply,
    Preparation,
    RanksReply,
    StatisticsReply,
    SurvivalReply,
    TrainingReply,
    masking,
)
from common.messages.judgements import Scores, SiteAuc, SiteEffect, SurvivalBins, Validation
from common.messages.record import Part
from common.messages.shared import CoMomentColumns, DivisionCounts, MomentColumns, RankColumns

Rule = Callable[[Any, Policy], Iterator[str]]
PATIENTS_A_COLUMN = 2
"""With fewer, products of columns give the table away but for a rotation."""


def parts_of(value: object, path: str = "") -> Iterator[tuple[str, Part]]:
    """Every record in a record, itself first, with its dotted place."""
    if isinstance(value, Part):
        yield path, value
        children: Iterable[tuple[object, object]] = iter(value)
    elif isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list | tuple) and value and not isinstance(value[0], int | float | str):
        children = enumerate(value)
    else:
        return
    for name, child in children:
        yield from parts_of(child, f"{path}.{name}".lstrip("."))


def broken_rules(record: Part, policy: Policy) -> Iterator[str]:
    """What in a record may not leave, each a place and a reason that names no number; a part without rule is one."""
    for path, part in parts_of(record):
        place = path or type(part).__name__
        if (rule := RULES.get(type(part))) is None:
            yield f"{place}: there is no rule for a {type(part).__name__}"
        else:
            yield from (f"{place}: {reason}" for reason in rule(part, policy))


def _free(_: Part, __: Policy) -> Iterator[str]:
    """Nothing is counted in it; its parts have rules of their own."""
    return iter(())


def _enough(patients: float | None, policy: Policy) -> Iterator[str]:
    if patients is not None and patients < policy.minimum_count:
        yield f"fewer than {policy.minimum_count} patients"


def _none_or_enough(patients: float | None, policy: Policy) -> Iterator[str]:
    return _enough(patients or None, policy)


def _classes(one: float, other: float, policy: Policy) -> Iterator[str]:
    yield from _enough(one + other, policy)
    if min(one, other) < policy.least_of_class:
        yield f"fewer than {policy.least_of_class} patients of a class"


def _describe(reply: DescribeReply, policy: Policy) -> Iterator[str]:
    for patients in (reply.excluded, reply.quarantined):
        yield from _none_or_enough(patients, policy)


def _division(part: DivisionCounts, policy: Policy) -> Iterator[str]:
    yield from _none_or_enough(part.patients, policy)
    if part.positives is not None:
        yield from _classes(part.positives, (part.patients or 0) - part.positives, policy)


def _moments(part: MomentColumns, policy: Policy) -> Iterator[str]:
    yield from _none_or_enough(min((n for n in part.n if n), default=0), policy)
    sums = zip(part.n, part.mean, part.m2, part.mean_rest, strict=True)
    if any(not n and any(rest) for n, *rest in sums):
        yield "a sum over no patients"


def _ranks(part: RankColumns, policy: Policy) -> Iterator[str]:
    for positive, negative in {pair for pair in zip(part.n_positive, part.n_negative, strict=True) if any(pair)}:
        yield from _classes(positive, negative, policy)


def _products(part: CoMomentColumns, policy: Policy) -> Iterator[str]:
    yield from _enough(part.n, policy)
    if part.n <= PATIENTS_A_COLUMN * len(part.mean):
        yield f"fewer than {PATIENTS_A_COLUMN} patients a column"
    if any(known not in (0, part.n) for known in part.known):
        yield "columns of other patients"


def _training(reply: TrainingReply, policy: Policy) -> Iterator[str]:
    return _enough(reply.patients, policy)


def _validation(part: Validation, policy: Policy) -> Iterator[str]:
    yield from _enough(part.patients, policy)
    least = policy.least_of_class
    if part.pairs < least * (part.patients - least):
        yield f"fewer than {least} patients of a class"


def _auc(part: SiteAuc, policy: Policy) -> Iterator[str]:
    return _classes(part.n_positive, part.n - part.n_positive, policy)


def _scores(part: Scores, policy: Policy) -> Iterator[str]:
    yield from _classes(part.n_positive, part.n_negative, policy)
    for positive, negative in zip(part.positive, part.negative, strict=True):
        yield from _enough(positive + negative, policy)


def _effect(part: SiteEffect, policy: Policy) -> Iterator[str]:
    yield from _enough(part.n, policy)
    if part.events < policy.least_of_class:
        yield f"fewer than {policy.least_of_class} progressions"


def _bins(part: SurvivalBins, policy: Policy) -> Iterator[str]:
    for events, censored in zip(part.events, part.censored, strict=True):
        yield from _enough(events + censored, policy)


def _survival(reply: SurvivalReply, policy: Policy) -> Iterator[str]:
    yield from _none_or_enough(reply.patients, policy)
    told = (reply.median_score, reply.by_score, reply.by_group, reply.high, reply.low)
    if not reply.patients and any(part is not None for part in told):
        yield "a statistic over an unknown number of patients"
    if (reply.high is None) != (reply.low is None):
        yield "one group of two, which tells the number of the other"


RULES: dict[type[Part], Rule] = {
    DescribeReply: _describe,
    DivisionCounts: _division,
    StatisticsReply: _free,
    MomentColumns: _moments,
    RanksReply: _free,
    RankColumns: _ranks,
    CorrelationReply: _free,
    CoMomentColumns: _products,
    TrainingReply: _training,
    Validation: _validation,
    AloneReply: _free,
    Preparation: _free,
    ColumnScaling: _free,
    EvaluationReply: _free,
    SiteAuc: _auc,
    Scores: _scores,
    SurvivalReply: _survival,
    SiteEffect: _effect,
    SurvivalBins: _bins,
    # keys and shares are random, and what is masked looks random
    masking.KeysReply: _free,
    masking.Participant: _free,
    masking.SharesReply: _free,
    masking.Dealt: _free,
    masking.MaskedReply: _free,
    masking.ConfirmReply: _free,
    masking.Confirmation: _free,
    masking.UncoverReply: _free,
    masking.Revealed: _free,
}
"""Every record that an answer may hold; a new one cannot leave before it has its rule."""
