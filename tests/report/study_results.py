"""A fixture: what the aggregation server leaves of a study, of made-up patients at three sites, one of them small."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np

from common.discrimination import auc_interval, paired_delong
from common.errors import DataError
from common.pooling import bin_counts, binned_kaplan_meier, combine, merge_counts, pooled_auc, score_summary, withheld
from common.privacy_coverage import privacy_coverage
from common.study import Privacy, Study, parse_study
from simulation.studies import federated_text, preset_text

SITES = {"site-1": 90, "site-2": 60, "site-3": 12}
TOO_FEW = "survival: fewer than 10 patients"
ROUNDS, STAGE = 8, 4
MISSED, REFUSED, REMARK = "not connected", "its update is 14 times as long as the median of the sites", "answered twice"

PRIVACY = {
    "epsilon": 3.0,
    "delta": 1e-5,
    "mode": "head",
    "clipping_norm": 0.5,
    "statistics": "exact",
    "statistics_noise": 20.0,
    "validation": "exact",
    "age_range": (20.0, 100.0),
    "ranges": {"original_shape_Sphericity": (0.0, 1.0), "original_shape_Elongation": (0.0, 1.0)},
}


def study_results() -> dict[str, Any]:
    """A server's content of results.json; a fresh copy at each call."""
    found: dict[str, Any] = json.loads(_text())
    return copy.deepcopy(found)


def private_results(**privacy: Any) -> dict[str, Any]:
    """The same of a study under differential privacy; `privacy` are keys of its table."""
    results = study_results()
    study = results["study"]
    table = Privacy.model_validate(PRIVACY | privacy)
    study["privacy"] = table.model_dump(mode="json")
    study["network"] |= {"normalization": "frozen", "pretrained_file": "trunk.safetensors"}
    study["federation"]["cross_site"] = False
    results["evaluation"] = {"federated": results["evaluation"]["federated"]}
    for line in results["training"]["history"]:
        line["loss"] = None
        if table.validation == "withheld":
            line |= {"validation_loss": None, "validation_auc": None}
    results["privacy"] = {
        "promised": {"epsilon": table.epsilon, "delta": table.delta},
        "spent": {"site-1": 2.998, "site-2": 2.75},
        "coverage": [asdict(one) for one in privacy_coverage(Study.model_validate(study))],
    }
    return results


def simulated_results() -> dict[str, Any]:
    """The same with what only a simulation knows."""
    random = np.random.default_rng(3)
    labels = np.repeat([1, 0], 60)
    together, federated, alone = (labels + random.normal(0, spread, 120) for spread in (1, 1.1, 2))
    told = asdict(auc_interval(labels, federated))
    comparison = {
        "local": {"site-1": {"test": asdict(auc_interval(labels, alone))}},
        "federated": {"test": told},
        "pooled": {"test": asdict(auc_interval(labels, together))},
        "federated_minus_pooled": asdict(paired_delong(labels, federated, together)),
        "summary": {"auc": told["auc"] + 0.0125, "error": 0.0125},
    }
    return study_results() | {"comparison": comparison, "preset": "quick", "device": "cpu", "seconds": {"all": 3.0}}


@cache
def _text() -> str:
    study = parse_study(federated_text(preset_text("quick"), sites=3))
    results = {
        "synthetic": True,
        "federation": True,
        "study_sha256": "ab" * 32,
        "code_sha256": "cd" * 32,
        "seed": study.seed,
        "versions": {"pdl1es": "0.1.0", "numpy": "2.4.6"},
        "warnings": [],
        "runs": 2,
        "sites": {name: _site(name, n) for name, n in SITES.items()},
        "selected_features": [{"name": f"feature_{place}", "p_value": 1e-6 * 1.5**place} for place in range(27)],
        "selection": {"sites": list(SITES), "test": "van Elteren's, stratified by site"},
        "training": {"best_round": 5, "history": _history()},
        "privacy": {
            "promised": None,
            "spent": None,
            "coverage": [asdict(one) for one in privacy_coverage(study)],
        },
        "rounds": _rounds(),
        "evaluation": {model: _evaluation(seed) for seed, model in enumerate(("federated", "site-1", "site-2"))},
        "survival": _survival(),
        "signature": {"weights_sha256": "ef" * 32, "operating_point": 0.412, "cutoff": 0.437, "radiomic_features": 27},
        "study": study.model_dump(mode="json"),
    }
    return json.dumps(results)


def _site(name: str, n: int) -> dict[str, Any]:
    small = n < 20
    divisions = {
        "training": {"patients": n, "positives": n // 3},
        "validation": {"patients": n // 3, "positives": None if small else n // 9},
        "test": {"patients": n, "positives": n // 3},
        "immunotherapy": {"patients": n // 2, "positives": None},
    }
    return {
        "took_part": True,
        "divisions": divisions,
        "excluded": 2,
        "quarantined": 1,
        "versions": {"pdl1es": "0.1.0", "numpy": "2.4.5" if small else "2.4.6"},
        "rounds_missed": [2, 3] if small else [],
        "withheld": [TOO_FEW] if small else [],
    }


def _history() -> list[dict[str, Any]]:
    return [
        {
            "round": number,
            "stage": number // STAGE,
            "loss": 0.69 - 0.02 * number,
            "sites": list(SITES),
            "validation_loss": 0.69 - 0.01 * min(number, 5),
            "validation_auc": 0.55 + 0.02 * number,
            "best": number < 6,
        }
        for number in range(ROUNDS)
    ]


def _rounds() -> list[dict[str, Any]]:
    lines = [_exchange(phase, phase) for phase in ("describe", "statistics", "selection")]
    for number in range(ROUNDS):
        away = {"site-3": MISSED} if number in (2, 3) else {}
        about = {"round": number, "stage": number // STAGE, "epochs": 1, "flagged": {}}
        about["refused"] = {"site-2": REFUSED} if number == 4 else {}
        lines.append(_exchange("training", "training", missing=away, size=112_000_000, **about))
        if number % STAGE == STAGE - 1:
            judged = {"round": number + 1, "stage": number // STAGE, "epochs": 0}
            lines.append(_exchange("training", "training", size=56_000_000, **judged))
    lines += [_exchange("evaluation", "evaluation", model=model) for model in ("federated", "site-1", "site-2")]
    return [*lines, _exchange("survival", "survival", remarks=[REMARK])]


def _exchange(
    phase: str, kind: str, *, missing: dict[str, str] | None = None, size: int = 4_000, **about: Any
) -> dict[str, Any]:
    line = {
        "phase": phase,
        "kind": kind,
        "answered": [site for site in SITES if site not in (missing or {})],
        "missing": missing or {},
        "remarks": [],
        "withheld": {},
        "bytes_sent": size,
        "bytes_received": size // 2,
        "seconds": 12.5,
    }
    return line | about


def _evaluation(seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    sites, summaries = {}, []
    for name, n in SITES.items():
        labels = (np.arange(n) < n // 3).astype(float)
        scores = labels + random.normal(0, 1.4, n)
        sites[name] = asdict(auc_interval(labels, scores))
        summaries.append(score_summary(labels, scores, minimum_count=10))
    return {"sites": sites, "pooled": {**asdict(pooled_auc(summaries)), "sites": list(SITES)}}


def _survival() -> dict[str, Any]:
    effects = {"site-1": (0.81, 0.33, 45, 31), "site-2": (0.22, 0.45, 30, 22)}
    names = ("log_hazard_ratio", "standard_error", "n", "events")
    sites: dict[str, Any] = {}
    for site, n in SITES.items():
        told = dict(zip(names, effects[site], strict=True)) if site in effects else {"not_computed": TOO_FEW}
        median = 0.43 if site in effects else None
        sites[site] = {"patients": n // 2, "median_score": median, "by_score": dict(told), "by_group": dict(told)}
    found = asdict(combine([one[0] for one in effects.values()], [one[1] for one in effects.values()]))
    combined = {**found, "sites": list(effects)}
    return {
        "cutoff": {"rule": "mean of the sites' medians, by patients", "value": 0.437, "asked": "xtile"},
        "sites": sites,
        "combined": {"by_score": combined, "by_group": combined},
        "curves": {"high": _curve(170.0), "low": _curve(320.0)},
    }


def _curve(mean_days: float) -> dict[str, Any]:
    random, parts = np.random.default_rng(int(mean_days)), []
    for n in (45, 30):
        days, progressed = np.minimum(random.exponential(mean_days, n), 900), random.random(n) < 0.8
        counts = withheld(bin_counts(days, progressed, edges=range(0, 3601, 30)), minimum_count=10)
        if counts is None:
            raise DataError("the fixture's sites are too small")
        parts.append(counts)
    return {**asdict(binned_kaplan_meier(merge_counts(parts))), "sites": ["site-1", "site-2"]}
