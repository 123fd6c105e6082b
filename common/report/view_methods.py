"""The methods in plain sentences, built from the settings of the study and from what the results hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.report.parts import Results, computed, look_up
from common.report.view_survival import survival_methods
from common.report.words import counted, listed

Study = Mapping[str, Any]
ROUNDING = {"whole-hu": "B-spline interpolation, rounded to whole HU", "truncate": "PyRadiomics’ own interpolation"}
STATISTICS = {
    "discrimination": "AUC by patient, with DeLong’s 95% interval; ROC curves through every score.",
    "delong": "Models are compared on the same patients by DeLong’s paired test.",
    "calibration": "Calibration: Brier score; intercept with the slope fixed at 1; slope of a logistic regression on "
    "the log-odds; groups of similar prediction with Wilson’s intervals; a smooth curve (lowess).",
    "decision_curves": "Decision curves: net benefit, true positives less false positives weighted by the odds of "
    "the threshold, for each patient.",
    "subgroups": "Subgroups by manufacturer, tube current and slice thickness; their AUCs are as above, and unknown is "
    "a group.",
    "table1": "Table 1: Welch’s t-test for age, chi-squared tests for categories, unknown being a category.",
    "survival": "Progression-free survival: Kaplan-Meier with 95% bands, log-rank test, Cox regression with Efron’s "
    "ties and Wald’s intervals, Harrell’s C-index, restricted means, cumulative-dynamic AUC.",
}


def methods_view(results: Results) -> Mapping[str, Any] | None:
    """Paragraphs by heading; those of which the results know nothing are left out."""
    study = results.get("study")
    groups = {
        "Patients": list(patients_methods(study)) if study else [],
        "Images and features": list(image_methods(study)) if study else [],
        "Models": list(_models(study)) if study else list(_source(results)),
        "Statistics": [text for part, text in STATISTICS.items() if part in results] + list(_evaluation(results)),
    }
    return {"groups": {heading: sentences for heading, sentences in groups.items() if sentences}}


def patients_methods(study: Study) -> Iterator[str]:
    """Who is positive, who was left out, how patients were divided."""
    rules, division = study["cohort"], study["division"]
    yield f"A patient is positive with a TPS of {rules['label_tps']:g}% or more."
    if rules["excluded_kernels"]:
        yield f"CT reconstructed with {listed(list(rules['excluded_kernels']))} was excluded."
    if rules["immunotherapy_requires"]:
        needed = listed([name.replace("_", " ") for name in rules["immunotherapy_requires"]])
        yield f"Patients under immunotherapy need {needed}."
    shares = [f"{division[name]:.0%} {name}" for name in ("training", "validation", "test")]
    how = (
        "each patient was divided by a draw of its own, from its pseudonym and the study’s seed"
        if study.get("privacy")
        else "patients were divided at random by class"
    )
    yield f"Where no division was written, {how}: {listed(shares)}."


def image_methods(study: Study) -> Iterator[str]:
    """What of a scan the network and PyRadiomics see."""
    grid, patches, radiomics = study["resampling"], study["patches"], study["radiomics"]
    spacing = " x ".join(f"{value:g}" for value in grid["spacing_mm"])
    yield f"CT was resampled to {spacing} mm ({ROUNDING.get(grid['rounding'], grid['rounding'])})."
    low, high = patches["window_hu"]
    yield (
        f"The network sees {counted(patches['slices'], 'slice')} a patient, the largest of the tumour and its "
        f"neighbours, as its bounding box and {patches['margin_pixels']} pixels around, {patches['size_pixels']} x "
        f"{patches['size_pixels']} pixels, from {low:g} to {high:g} HU."
    )
    yield (
        f"PyRadiomics with a bin width of {radiomics['bin_width']:g} HU, "
        f"{'slice by slice' if radiomics['force_2d'] else 'in three dimensions'}; "
        f"filters {listed(list(radiomics['image_types']))}; classes {listed(list(radiomics['feature_classes']))}."
    )


def _models(study: Study) -> Iterator[str]:
    neighbours, selection, training = study["clinical"]["imputation_neighbours"], study["selection"], study["training"]
    yield (
        f"Missing clinical values were imputed from the {neighbours} nearest training patients, weighted by distance; "
        "all values were standardised on training patients."
    )
    yield (
        f"Radiomic features with p below {selection['p_value']:g} (Mann-Whitney U, training patients) were kept, at "
        f"most {selection['maximum_features']:,}."
    )
    stages = listed([f"{stage['epochs']} epochs at {stage['learning_rate']:g}" for stage in training["stages"]])
    yield (
        f"DenseNet121 and a fully connected classifier were trained by cross-entropy and Adam, {stages}, "
        f"{training['batch_size']} slices a step; each stage starts from the epoch before it with the best validation "
        f"{training['best_by'].upper() if training['best_by'] == 'auc' else training['best_by']}."
    )
    yield "PD-L1ES of a patient is the mean probability over the slices; the other models are parts of that network."


def _source(results: Results) -> Iterator[str]:
    kind = look_up(results, "source.kind")
    if kind == "scores":
        yield "The scores were given in a file; nothing was fitted to them here, and images were not read."
    if kind == "signature":
        yield "The scores are those of a sealed signature; nothing of it was fitted to these patients."
    if kind == "federation":
        yield (
            "The scores are those of a model that several hospitals trained together. This hospital’s training "
            "patients took part and are not shown; its validation patients helped to choose the best round. The "
            "cut-off is the study’s and was not searched for here."
        )


def _evaluation(results: Results) -> Iterator[str]:
    point, settings = results.get("operating_point"), look_up(results, "study.survival")
    if point is not None and computed(point):
        chosen = "is the sealed one" if point["rule"] == "sealed" else f"was chosen on {point['chosen_on']} patients"
        yield f"The operating point {chosen}; its rates have Wilson’s intervals."
    sentence = survival_methods(results)
    if sentence:
        yield sentence
    if settings and sentence:
        yield (
            f"A searched cut-off leaves at least {settings['minimum_share']:.0%} of the patients on each side; its p "
            f"is corrected by {settings['permutations']:,} permutations of the outcomes, each searched again."
        )
