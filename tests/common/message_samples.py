"""A made-up record of every kind that may cross the wall."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from flwr.app import RecordDict

from common.messages import (
    AloneReply,
    AloneRequest,
    ColumnScaling,
    CorrelationReply,
    CorrelationRequest,
    DescribeReply,
    DescribeRequest,
    EvaluationReply,
    EvaluationRequest,
    Letter,
    Preparation,
    RanksReply,
    RanksRequest,
    StatisticsReply,
    StatisticsRequest,
    SurvivalReply,
    SurvivalRequest,
    TrainingReply,
    TrainingRequest,
    encode,
    masking,
)
from common.messages.judgements import Scores, SiteAuc, SiteEffect, SurvivalBins, Validation
from common.messages.shared import CoMomentColumns, DivisionCounts, MomentColumns, RankColumns
from common.pooling import bin_counts, co_moments, moments, rank_sums, score_summary

SHA = "a" * 64
RANDOM = np.random.default_rng(5)
TABLE = RANDOM.normal(size=(20, 3))
LABELS = np.arange(20) % 2
NAMES = ("first", "second", "third")
SCALING = ColumnScaling(mean=(0.1, 0.2, 0.3), deviation=(1.0, 2.0, 3.0))
CLINICAL = ColumnScaling(mean=(60.0, 0.5, 1.0, 0.2), deviation=(8.0, 0.5, 0.8, 0.4))
PREPARATION = Preparation(radiomic_features=NAMES, radiomics=SCALING, clinical=CLINICAL)
WEIGHTS = {"parameters": RANDOM.normal(size=7).astype(np.float32), "buffers": np.ones(3, dtype=np.float32)}
WORDS = {name: RANDOM.integers(0, 2**32, size=9, dtype=np.uint32) for name in ("changes", "numbers")}
SCORES = Scores.of(score_summary(LABELS, TABLE[:, 0], minimum_count=5))
BINS = SurvivalBins.of(bin_counts(np.arange(1, 21) * 50, LABELS, edges=range(0, 3601, 30)))
EFFECT = SiteEffect(log_hazard_ratio=-0.4, standard_error=0.2, n=20, events=12)
JUDGED = Validation(patients=20, slices=60, loss_sum=41.5, concordant_pairs=70.5, pairs=100)
COUNTS = {
    name: DivisionCounts(patients=20, positives=None) for name in ("training", "validation", "test", "immunotherapy")
}
ROUND = {"run": "0" * 32, "preparation": PREPARATION, "weights_round": -1}
TRAIN = {"best_round": -1, "stage": 0, "round": 0, "first_epoch": 0, "epochs": 1, "validate_weights": True}

SITTING = masking.Sitting(run="0" * 32, session="1" * 32, question_sha256=SHA, question_phase="statistics", round=-1)
STEP = {"study_sha256": SHA, "sitting": SITTING}
PARTICIPANT = masking.Participant(site="site-1", cipher_key="b" * 64, mask_key="c" * 64, signature=None)
DEALT = masking.Dealt(
    sender="site-1", addressee="site-2", sealed="d" * 184, seed_share_sha256=SHA, key_share_sha256="e" * 64
)
CONFIRMATION = masking.Confirmation(sender="site-1", addressee="site-2", code="f" * 64)
SITES = ("site-1", "site-2", "site-3")
QUESTION = StatisticsRequest(study_sha256=SHA).model_dump_json()

REQUESTS = (
    Letter(DescribeRequest(study_sha256=SHA, code_sha256=SHA, settings_sha256=SHA)),
    Letter(StatisticsRequest(study_sha256=SHA)),
    Letter(RanksRequest(study_sha256=SHA)),
    Letter(CorrelationRequest(study_sha256=SHA, radiomic_features=NAMES, radiomics=SCALING)),
    Letter(TrainingRequest(study_sha256=SHA, **ROUND, **TRAIN), WEIGHTS),
    Letter(AloneRequest(study_sha256=SHA)),
    Letter(EvaluationRequest(study_sha256=SHA, **ROUND, model="federated"), WEIGHTS),
    Letter(SurvivalRequest(study_sha256=SHA, **ROUND, cutoff=0.5), WEIGHTS),
    Letter(masking.KeysRequest(**STEP)),
    Letter(masking.SharesRequest(**STEP, participants=(PARTICIPANT,))),
    Letter(
        masking.MaskedRequest(**STEP, dealt=(DEALT,), question_kind="statistics", question=QUESTION, patients=20),
        WEIGHTS,
    ),
    Letter(masking.ConfirmRequest(**STEP, survivors=SITES)),
    Letter(masking.UncoverRequest(**STEP, survivors=SITES, confirmations=(CONFIRMATION,))),
)
FROM = {"study_sha256": SHA, "site": "site-1", "withheld": ("test: fewer than 5 patients",)}
REPLIES = (
    Letter(
        DescribeReply(
            **FROM,
            code_sha256=SHA,
            settings_sha256=SHA,
            versions={"torch": "2.15.0"},
            divisions=COUNTS,
            excluded=3,
            quarantined=0,
        )
    ),
    Letter(
        StatisticsReply(
            **FROM,
            radiomic_features=NAMES,
            radiomics=MomentColumns.of(moments(TABLE)),
            clinical=MomentColumns.of(moments(TABLE[:, [0, 1, 2, 0]])),
        )
    ),
    Letter(RanksReply(**FROM, ranks=RankColumns.of(rank_sums(TABLE, LABELS)))),
    Letter(CorrelationReply(**FROM, products=CoMomentColumns.of(co_moments(TABLE)))),
    Letter(TrainingReply(**FROM, round=4, patients=20, loss=0.6, validation=JUDGED), WEIGHTS),
    Letter(AloneReply(**FROM, preparation=PREPARATION), WEIGHTS),
    Letter(
        EvaluationReply(
            **FROM,
            test=SiteAuc(auc=0.7, ci_low=0.5, ci_high=0.9, n=20, n_positive=10),
            test_scores=SCORES,
            validation_scores=None,
        )
    ),
    Letter(SurvivalReply(**FROM, patients=20, median_score=0.4, by_score=EFFECT, by_group=None, high=BINS, low=None)),
    Letter(masking.KeysReply(**FROM, session="1" * 32, participant=PARTICIPANT)),
    Letter(masking.SharesReply(**FROM, session="1" * 32, dealt=(DEALT,), seed_sha256=SHA, own_share_sha256="e" * 64)),
    Letter(masking.MaskedReply(**FROM, session="1" * 32, names=NAMES), WORDS),
    Letter(masking.ConfirmReply(**FROM, session="1" * 32, confirmations=(CONFIRMATION,))),
    Letter(
        masking.UncoverReply(
            **FROM, session="1" * 32, revealed=(masking.Revealed(site="site-1", part="seed", share="9" * 64),)
        )
    ),
)
LETTERS = (*REQUESTS, *REPLIES)
TRAINING = next(letter for letter in REPLIES if isinstance(letter.record, TrainingReply))
STATISTICS = next(letter for letter in REPLIES if isinstance(letter.record, StatisticsReply))


def changed(letter: Letter, **changes: Any) -> RecordDict:
    """A message whose record was changed on the way."""
    content = encode(letter)
    text = json.loads(str(content["record"]["json"])) | changes
    content["record"]["json"] = json.dumps(text)
    return content
