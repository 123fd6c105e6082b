"""The site's policy against every kind of answer, whoever built it and however."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from client.outgoing import kept_to_policy, withheld_or_refused
from client.outgoing_rules import RULES
from client.policy import Policy
from common.errors import PolicyError
from common.messages import (
    CATALOGUE,
    AloneReply,
    ColumnScaling,
    CorrelationReply,
    DescribeReply,
    EvaluationReply,
    Letter,
    Preparation,
    RanksReply,
    Reply,
    StatisticsReply,
    SurvivalReply,
    TrainingReply,
)
from common.messages.judgements import Scores, SiteAuc, SiteEffect, SurvivalBins, Validation
from common.messages.record import Part
from common.messages.shared import CoMomentColumns, DivisionCounts, MomentColumns, RankColumns
from common.study_errors import _models_in

SHA = "a" * 64
FROM: dict[str, Any] = {"study_sha256": SHA, "site": "site-1"}
POLICY = Policy()
SCALING = ColumnScaling(mean=(0.1, 0.2), deviation=(1.0, 2.0))
PREPARATION = Preparation(
    radiomic_features=("first", "second"),
    radiomics=SCALING,
    clinical=ColumnScaling(mean=(60.0, 0.5, 1.0, 0.2), deviation=(8.0, 0.5, 0.8, 0.4)),
)


def moments(n: int) -> MomentColumns:
    return MomentColumns(n=(20, n), mean=(1.0, 2.0), m2=(3.0, 4.0), mean_rest=(0.0, 0.0))


def statistics(n: int) -> StatisticsReply:
    return StatisticsReply(**FROM, radiomic_features=("first", "second"), radiomics=moments(n), clinical=moments(20))


def ranks(*pairs: tuple[int, int]) -> RanksReply:
    positive, negative = zip(*pairs, strict=True)
    sums = tuple(one * other / 2.0 for one, other in pairs)
    columns = RankColumns(
        n_positive=positive,
        n_negative=negative,
        u=sums,
        tie_term=(0.0,) * len(pairs),
        noise_variance=(0.0,) * len(pairs),
    )
    return RanksReply(**FROM, ranks=columns)


def correlation(n: int) -> CorrelationReply:
    products = CoMomentColumns(n=n, known=(n, n), mean=(0.0, 0.0), cross=(1.0, 0.5, 0.5, 1.0))
    return CorrelationReply(**FROM, products=products)


def training(patients: int, validation: Validation | None = None) -> TrainingReply:
    return TrainingReply(**FROM, round=0, patients=patients, loss=0.5, validation=validation)


def judged(patients: int, positive: int) -> Validation:
    pairs = positive * (patients - positive)
    return Validation(patients=patients, slices=3 * patients, loss_sum=9.0, concordant_pairs=pairs / 2, pairs=pairs)


def evaluation(n: int, positive: int) -> EvaluationReply:
    area = SiteAuc(auc=0.7, ci_low=0.5, ci_high=0.9, n=n, n_positive=positive)
    return EvaluationReply(**FROM, test=area, test_scores=None, validation_scores=None)


def scored(*bins: tuple[int, int]) -> EvaluationReply:
    positive, negative = (tuple(part) for part in zip(*bins, strict=True))
    scores = Scores(
        n_positive=sum(positive),
        n_negative=sum(negative),
        u=1.0,
        variance_positive=0.1,
        variance_negative=0.1,
        edges=tuple(float(place) for place in range(len(bins) - 1)),
        positive=positive,
        negative=negative,
        ends=None,
    )
    return EvaluationReply(**FROM, test=None, test_scores=scores, validation_scores=None)


def survival(patients: int | None = 20, events: int = 9, leaving: tuple[float, ...] = (10.0, 10.0)) -> SurvivalReply:
    edges = (0.0, 300.0, 3600.0)[-len(leaving) - 1 :] if len(leaving) > 1 else (0.0, 3600.0)
    bins = SurvivalBins(edges=edges, events=leaving, censored=(0.0,) * len(leaving), n=20)
    effect = SiteEffect(log_hazard_ratio=0.3, standard_error=0.2, n=20, events=events)
    return SurvivalReply(
        **FROM, patients=patients, median_score=0.4, by_score=effect, by_group=None, high=bins, low=bins
    )


def checked(reply: Reply, policy: Policy = POLICY, *, epsilon: float = math.inf) -> Reply:
    return withheld_or_refused(reply, policy, epsilon=epsilon)


ENOUGH: tuple[Reply, ...] = (
    statistics(10),
    statistics(0).model_copy(update={"radiomics": MomentColumns(n=(0,), mean=(0.0,), m2=(0.0,), mean_rest=(0.0,))}),
    ranks((8, 2), (5, 5)),
    correlation(10),
    training(10, judged(10, 2)),
    AloneReply(**FROM, preparation=PREPARATION),
    evaluation(10, 8),
    scored((8, 2), (2, 8)),
    survival(),
)


@pytest.mark.parametrize("reply", ENOUGH, ids=lambda reply: reply.kind)
def test_what_is_over_enough_patients_leaves_as_it_is(reply: Reply) -> None:
    assert checked(reply) == reply


FEW: dict[str, Callable[[], Reply]] = {
    "a mean of nine": lambda: statistics(9),
    "a mean of nobody": lambda: statistics(0),
    "products of nine": lambda: correlation(9),
    "training of nine": lambda: training(9),
    "validation of nine": lambda: training(20, judged(9, 4)),
    "validation with a positive of one": lambda: training(20, judged(20, 1)),
    "an area over nine": lambda: evaluation(9, 4),
    "one group of two": lambda: survival().model_copy(update={"low": None}),
    "an area with a class of one": lambda: evaluation(20, 19),
    "a bin of nine": lambda: scored((8, 2), (2, 7)),
    "scores with a class of one": lambda: scored((1, 19)),
    "one progression": lambda: survival(events=1),
    "an interval of nine": lambda: survival(leaving=(11.0, 9.0)),
    "survival of an unknown number": lambda: survival(patients=None),
    "survival of nine": lambda: survival(patients=9),
}


@pytest.mark.parametrize("what", FEW)
def test_what_is_over_too_few_is_kept_back(what: str) -> None:
    with pytest.raises(PolicyError, match="is kept back"):
        checked(FEW[what]())


def test_a_smaller_minimum_of_the_site_lets_more_through() -> None:
    assert checked(statistics(9), Policy(minimum_count=9)) == statistics(9)


def test_small_divisions_are_not_told() -> None:
    sizes = {"training": (40, 20), "validation": (9, 4), "test": (0, None), "immunotherapy": (3, None)}
    divisions: Any = {name: DivisionCounts(patients=n, positives=some) for name, (n, some) in sizes.items()}
    told = {"code_sha256": SHA, "settings_sha256": SHA, "versions": {}, "excluded": 12, "quarantined": 1}
    reply = checked(DescribeReply(**FROM, **told, divisions=divisions))
    assert isinstance(reply, DescribeReply)
    assert {name: one.patients for name, one in reply.divisions.items()} == {
        "training": 40,
        "validation": None,
        "test": 0,
        "immunotherapy": None,
    }
    assert reply.divisions["validation"].positives is None
    assert (reply.excluded, reply.quarantined) == (12, None)
    assert set(reply.withheld) == {
        f"{name}: fewer than 10 patients" for name in ("validation", "immunotherapy", "quarantined")
    }


def test_positives_that_are_all_or_one_are_kept_back() -> None:
    for positives in (1, 19, 20):
        names: tuple[Any, ...] = ("training", "validation", "test", "immunotherapy")
        divisions = dict.fromkeys(names, DivisionCounts(patients=20, positives=positives))
        told = {"code_sha256": SHA, "settings_sha256": SHA, "versions": {}, "excluded": 0, "quarantined": 0}
        with pytest.raises(PolicyError, match="patients of a class"):
            checked(DescribeReply(**FROM, **told, divisions=divisions))


def test_ranks_of_a_class_of_one_are_emptied_and_said() -> None:
    reply = checked(ranks((1, 19), (10, 10), (4, 5), (0, 0)))
    assert isinstance(reply, RanksReply)
    assert reply.ranks == ranks((0, 0), (10, 10), (0, 0), (0, 0)).ranks
    assert reply.withheld == ("rank sums of 2 features: fewer than 2 patients of a class",)


def test_metrics_stay_where_the_site_says_so() -> None:
    policy = Policy(share_site_metrics=False)
    trained, tested = checked(training(20, judged(20, 10)), policy), checked(evaluation(20, 10), policy)
    survived = checked(survival(), policy)
    assert isinstance(trained, TrainingReply)
    assert (trained.loss, trained.validation, trained.patients) == (None, None, 20)
    assert trained.withheld == tuple(f"{name}: the site's policy does not share it" for name in ("loss", "validation"))
    assert isinstance(tested, EvaluationReply)
    assert tested.test is None
    assert isinstance(survived, SurvivalReply)
    assert survived.by_score is None
    assert survived.median_score is None
    assert "median_score: the site's policy does not share it" in survived.withheld
    assert survived.high is not None


def test_curves_stay_where_the_site_says_so() -> None:
    reply = checked(survival(), Policy(share_survival_curves=False))
    assert isinstance(reply, SurvivalReply)
    assert reply.high is None
    assert reply.by_score is not None
    assert reply.withheld == tuple(f"{name}: the site's policy does not share it" for name in ("high", "low"))


def test_a_phase_that_is_not_allowed() -> None:
    policy = Policy(allowed_phases=("describe", "statistics"))
    assert checked(statistics(20), policy)
    with pytest.raises(PolicyError, match=r"training: policy\.allowed_phases"):
        checked(training(20), policy)


def test_weights_need_the_privacy_that_the_site_asks_for() -> None:
    policy = Policy(maximum_epsilon=8.0)
    alone = AloneReply(**FROM, preparation=PREPARATION)
    for reply in (training(20), alone):
        with pytest.raises(PolicyError, match="has no differential privacy"):
            checked(reply, policy)
        with pytest.raises(PolicyError, match="spends epsilon 9"):
            checked(reply, policy, epsilon=9.0)
        assert checked(reply, policy, epsilon=8.0) == reply
    assert checked(statistics(20), policy)


def test_arrays_are_as_long_as_those_that_came() -> None:
    came, longer = {"parameters": np.ones(7)}, {"parameters": np.ones(8)}
    assert kept_to_policy(Letter(training(20), came), POLICY, epsilon=math.inf, came=came).arrays is came
    with pytest.raises(PolicyError, match="as long as"):
        kept_to_policy(Letter(training(20), longer), POLICY, epsilon=math.inf, came=came)


class Surprise(Part):
    """A record that nobody wrote a rule for."""

    ages: tuple[float, ...]


class SurpriseReply(Reply):
    phase = "statistics"
    kind = "surprise"
    surprise: Surprise


def test_a_record_without_a_rule_does_not_leave() -> None:
    with pytest.raises(PolicyError, match=r"no rule for a SurpriseReply.*no rule for a Surprise"):
        checked(SurpriseReply(**FROM, surprise=Surprise(ages=(61.0,))))


def test_a_record_that_was_built_around_its_checks_does_not_leave() -> None:
    broken = training(20).model_copy(update={"ages": [61.0, 72.0]})
    with pytest.raises(ValidationError):
        checked(broken)


def reachable(model: type[Part]) -> Iterator[type[Part]]:
    yield model
    for field in model.model_fields.values():
        for inner in _models_in(field.annotation):
            yield from reachable(inner)  # type: ignore[arg-type]


def test_every_record_of_the_catalogue_has_a_rule() -> None:
    assert {part for reply in CATALOGUE.values() for part in reachable(reply)} <= set(RULES)


def test_the_policy_is_strict() -> None:
    assert Policy().sha256 != Policy(minimum_count=9).sha256
    for wrong in ({"allowed_phases": []}, {"maximum_epsilon": math.inf}, {"allowed_servers": ["abc"]}, {"minimum": 5}):
        with pytest.raises(ValidationError):
            Policy.model_validate(wrong)
