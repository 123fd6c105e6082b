"""What a federated study leaves for machines: results.json of the aggregation server (docs/results.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from common.privacy_coverage import privacy_coverage
from common.provenance import versions
from server.study_run import StudyRun


def results(run: StudyRun, signature: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is known of the run, for JSON; nothing in it is about one patient."""
    facts = run.facts
    evaluation = {
        model: {name: part for name, part in found.items() if name != "validation_scores"}
        for model, found in facts["evaluation"].items()
    }
    return {
        "synthetic": run.study.synthetic is not None,
        "federation": True,
        "study_sha256": run.sha256,
        "code_sha256": run.state.code_sha256,
        "seed": run.study.seed,
        "versions": versions(),
        "warnings": facts.get("warnings", []),
        "runs": facts["runs"],
        "sites": {site: _site(run, site) for site in run.federation.roster},
        "selected_features": facts["selection"]["features"],
        "selection": {name: facts["selection"][name] for name in ("sites", "test")},
        "training": {name: facts["training"][name] for name in ("best_round", "history")},
        "privacy": _privacy(run),
        "rounds": facts["rounds"],
        "evaluation": evaluation,
        "survival": facts["survival"],
        "signature": dict(signature),
        "study": run.study.model_dump(mode="json"),
    }


def _site(run: StudyRun, site: str) -> dict[str, Any]:
    known = run.facts["sites"].get(site)
    rounds = [line for line in run.facts["rounds"] if line["phase"] == "training" and line.get("epochs")]
    missed = [line["round"] for line in rounds if site not in line["answered"]]
    described = {name: known[name] for name in ("divisions", "excluded", "quarantined", "versions")} if known else {}
    return {
        "took_part": known is not None,
        **described,
        "rounds_missed": missed,
        "withheld": run.facts.get("withheld", {}).get(site, []),
    }


def _privacy(run: StudyRun) -> dict[str, Any]:
    """What is promised, what each site says it has spent of it, and what the promise covers."""
    promise = run.study.privacy
    return {
        "promised": promise and {"epsilon": promise.epsilon, "delta": promise.delta},
        "spent": run.facts["training"]["epsilon"] or None,
        "coverage": [asdict(one) for one in privacy_coverage(run.study)],
    }
