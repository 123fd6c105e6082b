"""What the report shows of training: the chosen features and the learning curves; and the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.report.figures_training import learning_figure
from common.report.parts import Results, computed_parts, look_up, reason
from common.report.words import MODEL_NAMES, counted

SHOWN_FEATURES = 15


def features_view(results: Results) -> Mapping[str, Any] | None:
    """The radiomic features that were chosen, those with the smallest p first."""
    features = results.get("selected_features")
    if features is None or reason(features):
        return None if features is None else {"missing": [reason(features)]}
    ranked = sorted(features, key=lambda feature: feature["p_value"])
    limit, lost = look_up(results, "study.selection.p_value"), results.get("features_not_computed") or 0
    sentence = f"{counted(len(features), 'feature')} chosen on the training patients by the Mann-Whitney U test"
    sentence += f", p below {limit:g}." if isinstance(limit, int | float) else "."
    if len(ranked) > SHOWN_FEATURES:
        sentence += f" The {SHOWN_FEATURES} with the smallest p:"
    if lost:
        sentence = f"{counted(lost, 'value')} could not be computed. {sentence}"
    return {"missing": [], "features": ranked[:SHOWN_FEATURES], "sentence": sentence}


def training_view(results: Results) -> Mapping[str, Any] | None:
    """A learning curve a model."""
    parts = results.get("training")
    if parts is None or reason(parts):
        return None if parts is None else {"missing": [reason(parts)]}
    there = {name: epochs for name, epochs in computed_parts(parts).items() if epochs}
    figures = [
        {
            "model": name,
            "name": model_name(name),
            "figure": learning_figure(epochs, model=name, title=f"Training of {model_name(name)}"),
            "sentence": _sentence(epochs),
        }
        for name, epochs in sorted(there.items(), key=lambda item: _place(item[0]))
    ]
    return {"missing": [] if figures else ["no model was trained here"], "figures": figures}


def model_name(name: str) -> str:
    """The name of a model or of a re-division."""
    return MODEL_NAMES.get(name, f"PD-L1ES, re-division {name.removeprefix('redivision')}")


def _place(name: str) -> tuple[int, str]:
    return list(MODEL_NAMES).index(name) if name in MODEL_NAMES else len(MODEL_NAMES), name


def _sentence(epochs: Sequence[Mapping[str, Any]]) -> str:
    kept = [(step, epoch) for step, epoch in enumerate(epochs, start=1) if epoch["best"]]
    first, last = epochs[0]["loss"], epochs[-1]["loss"]
    moved = "fell" if last < first else "rose" if last > first else "stayed"
    text = f"The loss {moved} from {first:.2f} to {last:.2f} in {counted(len(epochs), 'epoch')}"
    if not kept:
        return f"{text}; no epoch was kept."
    step, epoch = kept[-1]
    return f"{text}; epoch {step} was kept last, with a validation AUC of {epoch['validation_auc']:.2f}."


def pictures_view(results: Results) -> Mapping[str, Any] | None:
    """Pictures that lie beside the report."""
    pictures = results.get("pictures")
    if not pictures:
        return None
    return {"missing": [reason(pictures)]} if reason(pictures) else {"missing": [], "pictures": pictures}
