"""The paper on one machine: a synthetic cohort through the code a hospital runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from client.models import Lesson, TrainedModel, model_parts, train_models
from client.pipeline import DIVISIONS, Inputs, Prepared, gather, predict, prepare
from client.redivision import redivided
from client.site import load_site
from common import atomic
from common.device import device_name
from common.parallel import cores
from common.provenance import versions
from common.study import Study, study_sha256
from simulation.cohort import ideal_observers, make_site
from simulation.comparison import comparison_rows
from simulation.evaluation import evaluate, redivision_rows
from simulation.pictures import write_pictures
from simulation.report import write_report
from simulation.sealing import seal_run
from simulation.truth import latent_correlations


class Clock:
    """Seconds of each step of a run, kept in its folder; what a resumed run takes is added."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, float] = json.loads(file.read_text("utf-8")) if file.is_file() else {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block under this name."""
        start = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 1)
        atomic.write_json(self.file, self.seconds)


@dataclass(frozen=True)
class Run:
    """What a reproduction is asked to do: its folder with study.toml, its study, preset and device."""

    folder: Path
    study: Study
    preset: str
    device: torch.device

    @property
    def sha256(self) -> str:
        """The hash of the run's study file."""
        return study_sha256(self.folder / "study.toml")


def reproduce(run: Run) -> dict[str, Any]:
    """Do every step that is not done yet and write signature/, results.json and report.html; returns the results."""
    clock = Clock(run.folder / "seconds.json")
    with clock.step("cohort"):
        make_site(run.study, run.folder / "site", jobs=cores(), resume=True)
    with clock.step("features"):
        inputs = gather(load_site(run.folder / "site"), run.study, jobs=cores())
    with clock.step("preparation"):
        prepared = prepare(inputs, run.study)
    with clock.step("training"):
        models = _train(run, prepared)
    with clock.step("prediction"):
        predictions = predict(prepared, models, run.study, run.device)
    with clock.step("evaluation"):
        measured = evaluate(predictions, run.study) | _redivisions(run.study, prepared, predictions)
        measured |= _truth(run.study, predictions)
    seal_run(run.folder, run.study, prepared, measured, models["pdl1es"].weights, study_sha256=run.sha256)
    with clock.step("pictures"):
        measured |= {"pictures": write_pictures(run.folder, predictions, run.device)}
    atomic.write_text(run.folder / "site" / "results" / "predictions.csv", predictions.to_csv())
    atomic.write_json(run.folder / "site" / "results" / "quarantine.json", [asdict(one) for one in inputs.quarantined])
    results = _results(run, inputs, prepared, models, measured, clock.seconds)
    atomic.write_json(run.folder / "results.json", results)
    write_report(results, run.folder / "report.html")
    return results


def _train(run: Run, prepared: Prepared) -> dict[str, TrainedModel]:
    return train_models(_lessons(run.study, prepared), run.study, folder=run.folder / "models", device=run.device)


def _lessons(study: Study, prepared: Prepared) -> dict[str, Lesson]:
    """The four models, and PD-L1ES again for each re-division; the deep ones, which take longest, come first."""
    training, validation = prepared.division("training"), prepared.division("validation")
    parts = model_parts(radiomics=training.radiomics.shape[1], clinical=training.clinical.shape[1])
    lessons = {name: Lesson(parts[name], training, validation) for name in ("pdl1es", "deep")}
    for number in range(1, study.evaluation.redivisions + 1):
        other = redivided(prepared, redivision=number, seed=study.seed)
        lessons[f"redivision{number}"] = Lesson(parts["pdl1es"], training, other.division("validation"))
    return lessons | {name: Lesson(parts[name], training, validation) for name in ("radiomics", "clinical")}


def _results(
    run: Run,
    inputs: Inputs,
    prepared: Prepared,
    models: Mapping[str, TrainedModel],
    measured: Mapping[str, Any],
    seconds: dict[str, float],
) -> dict[str, Any]:
    results: dict[str, Any] = {
        "synthetic": True,
        "preset": run.preset,
        "study_sha256": run.sha256,
        "seed": run.study.seed,
        "versions": versions(),
        "device": device_name(run.device),
        "seconds": seconds,
        "warnings": [],
        "cohort": _counts(inputs, prepared.patients),
        **measured,
        "selected_features": [{"name": name, "p_value": float(prepared.p_values[name])} for name in prepared.selected],
        "features_not_computed": len(inputs.extraction.not_computed),
        "training": {name: [asdict(epoch) for epoch in model.history] for name, model in models.items()},
        "study": run.study.model_dump(mode="json"),
    }
    return {**results, "paper_comparison": [asdict(row) for row in comparison_rows(results)]}


def _redivisions(study: Study, prepared: Prepared, predictions: pd.DataFrame) -> dict[str, Any]:
    if not study.evaluation.redivisions:
        return {}
    return {"redivisions": list(redivision_rows(prepared, predictions, study))}


def _truth(study: Study, predictions: pd.DataFrame) -> dict[str, Any]:
    if study.synthetic is None:
        return {}
    return {
        "ideal_observers": ideal_observers(study.synthetic.signal),
        "latent_correlations": latent_correlations(predictions, study, study.synthetic),
    }


def _counts(inputs: Inputs, patients: pd.DataFrame) -> dict[str, Any]:
    counts = {name: int((patients["division"] == name).sum()) for name in DIVISIONS}
    read = len(patients) + sum(inputs.excluded.values()) + len(inputs.quarantined)
    return {**counts, "read": read, "excluded": inputs.excluded, "quarantined": inputs.quarantine_reasons()}
