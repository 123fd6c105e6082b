"""Figures as inline SVG: the same results give the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from simulation.evaluation import DIVISIONS

MODEL_NAMES = {"pdl1es": "PD-L1ES", "deep": "Deep features", "radiomics": "Radiomics", "clinical": "Clinical"}
# Okabe and Ito's colours, told apart in every common colour blindness; the dashes tell them apart in grey.
MODEL_LINES: dict[str, dict[str, Any]] = {
    "pdl1es": {"color": "#0072B2", "linewidth": 2.4, "zorder": 4},
    "deep": {"color": "#D55E00", "linewidth": 1.6, "linestyle": (0, (5, 1.5))},
    "radiomics": {"color": "#009E73", "linewidth": 1.6, "linestyle": (0, (3, 1, 1, 1))},
    "clinical": {"color": "#8A6F9E", "linewidth": 1.6, "linestyle": (0, (1, 1))},
}
GROUP_LINES: dict[str, dict[str, Any]] = {
    "low": {"color": "#0072B2", "linewidth": 2.2},
    "high": {"color": "#D55E00", "linewidth": 2.2, "linestyle": (0, (5, 1.2))},
}
INK, FAINT = "#333a45", "#c9ced6"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
}


def all_figures(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every figure of the report by name, from a run and the rows of its comparison; empty where nothing is to draw."""
    survival, training = results["survival"]["pdl1es"]["all"], results["training"]
    shares = [row for row in rows if row["overlap"] is not None and 0 < (row["paper_ci_high"] or 0) <= 1]
    return {
        "comparison": comparison_figure(shares) if shares else "",
        "roc": {division: roc_figure(results, division) for division in DIVISIONS},
        "survival": survival_figure(survival["curves"]) if "curves" in survival else "",
        "learning": {model: learning_figure(model, training[model]) for model in MODEL_NAMES if training.get(model)},
    }


def roc_figure(results: Mapping[str, Any], division: str) -> Markup:
    """ROC curves of the four models on one division."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.7, 3.7), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        for model, name in MODEL_NAMES.items():
            points, area = results["roc"][model][division], results["discrimination"][model][division]
            if "fpr" in points:
                label = f"{name} {area['auc']:.2f}" if "auc" in area else name
                axes.plot(points["fpr"], points["tpr"], label=label, **MODEL_LINES[model])
        axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="1 - specificity", ylabel="Sensitivity", aspect="equal")
        _ticks(axes)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right", title="AUC", alignment="left", handlelength=1.9, borderaxespad=0.2)
        return _svg(figure, f"roc-{division}", f"ROC curves of four models, {division} patients")


def survival_figure(curves: Mapping[str, Any]) -> Markup:
    """Kaplan-Meier curves of low and high PD-L1ES with their 95% bands and the numbers at risk."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 4.4), layout="constrained")
        axes, table = figure.subplots(2, 1, height_ratios=(6, 1), sharex=True)
        for group, line in GROUP_LINES.items():
            _survival_curve(axes, curves[group], line, f"{group.capitalize()} PD-L1ES")
        axes.set(ylim=(0, 1.02), ylabel="Progression-free")
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.axhline(0.5, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        axes.legend(loc="upper right", borderaxespad=0.2)
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("Days")
        _numbers_at_risk(table, curves)
        return _svg(figure, "survival", "Kaplan-Meier curves of progression-free survival, low and high PD-L1ES")


def learning_figure(model: str, epochs: Sequence[Mapping[str, Any]]) -> Markup:
    """Validation AUC and training loss by epoch, with the kept epoch of each stage."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 3.5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        steps = range(1, len(epochs) + 1)
        colour = MODEL_LINES[model]["color"]
        upper.plot(steps, [epoch["validation_auc"] for epoch in epochs], color=colour, linewidth=1.6)
        kept = {epoch["stage"]: (step, epoch) for step, epoch in zip(steps, epochs, strict=True) if epoch["best"]}
        for step, epoch in kept.values():
            upper.plot(step, epoch["validation_auc"], "o", color=colour, markersize=6)
        lower.plot(steps, [epoch["loss"] for epoch in epochs], color=colour, linewidth=1.6)
        for axes, label in ((upper, "Validation AUC"), (lower, "Training loss")):
            axes.set_ylabel(label)
            _stage_borders(axes, epochs)
        lower.set_xlabel("Epoch")
        lower.xaxis.get_major_locator().set_params(integer=True)
        figure.align_ylabels()
        return _svg(figure, f"learning-{model}", f"Training of {MODEL_NAMES[model]}: validation AUC and loss by epoch")


def comparison_figure(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """The paper's and the measured intervals of the shares between 0 and 1, one above the other."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.2, 0.6 * len(rows) + 0.8), layout="constrained")
        axes = figure.add_subplot()
        for height, row in enumerate(reversed(rows)):
            _interval(axes, height + 0.14, row, "paper", "#6b7280", "s")
            _interval(axes, height - 0.14, row, "measured", "#0072B2", "o")
        axes.axvline(0.5, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        axes.set_yticks(range(len(rows)), [row["quantity"].replace(", ", "\n") for row in reversed(rows)])
        axes.xaxis.set_major_locator(MultipleLocator(0.1))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        handles, _ = axes.get_legend_handles_labels()
        figure.legend(handles[:2], ["Paper", "Measured"], loc="outside upper right", ncols=2)
        return _svg(figure, "comparison", "The paper's intervals beside the measured ones")


def _survival_curve(axes: Axes, curve: Mapping[str, Any], line: Mapping[str, Any], label: str) -> None:
    axes.step(curve["days"], curve["survival"], where="post", label=label, **line)
    axes.fill_between(
        curve["days"], curve["ci_low"], curve["ci_high"], step="post", color=line["color"], alpha=0.13, linewidth=0
    )
    index = [max(i for i, day in enumerate(curve["days"]) if day <= censored) for censored in curve["censored_days"]]
    height = [curve["survival"][i] for i in index]
    axes.plot(curve["censored_days"], height, "|", color=line["color"], markersize=6, markeredgewidth=1)


def _numbers_at_risk(axes: Axes, curves: Mapping[str, Any]) -> None:
    axes.set(ylim=(-0.6, 1.6), yticks=[1, 0], yticklabels=["Low", "High"], title="Number at risk")
    axes.title.set(fontsize=9.5, ha="left", x=0)
    axes.set_xticks(curves["at_risk_days"])
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    for height, group in ((1, "low"), (0, "high")):
        for day, count in zip(curves["at_risk_days"], curves[group]["at_risk"], strict=True):
            axes.text(day, height, str(count), ha="center", va="center", color=GROUP_LINES[group]["color"])


def _stage_borders(axes: Axes, epochs: Sequence[Mapping[str, Any]]) -> None:
    for step, (before, after) in enumerate(pairwise(epochs), start=1):
        if before["stage"] != after["stage"]:
            axes.axvline(step + 0.5, color=FAINT, linewidth=1, zorder=0)


def _interval(axes: Axes, height: float, row: Mapping[str, Any], of: str, colour: str, marker: str) -> None:
    low, high = row[f"{of}_ci_low"], row[f"{of}_ci_high"]
    axes.plot([low, high], [height, height], color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
    axes.plot(row[of], height, marker, color=colour, markersize=6.5, label=of, zorder=3)


def _ticks(axes: Axes) -> None:
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(ticks, ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks(ticks, ["0", ".25", ".5", ".75", "1"])


def _svg(figure: Figure, name: str, title: str) -> Markup:
    """The figure as one <svg> whose ids begin with its name, so that several stand in one page."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"^<svg", f'<svg role="img" aria-label="{escape(title)}"', text)
    # Matplotlib escapes every text it draws, so the SVG may enter the page as it is.
    return Markup(text.replace(">", f"><title>{escape(title)}</title>", 1))  # noqa: S704
