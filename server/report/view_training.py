"""What the report shows of the training: the curves, and every round with who answered and who did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.report.parts import Results
from common.report.words import counted, listed
from server.report.figure_rounds import PANELS, rounds_figure, shown_panels
from server.report.parts import (
    Part,
    data_size,
    exchanges,
    known,
    missing_part,
    taking_part,
    these_sites,
    training_rounds,
)

FIRST_WEIGHTS = -1
LONGEST_NAMES = 40


def training_view(results: Results) -> Mapping[str, Any]:
    """Curves by round, a sentence about them and about the sites that were missing, and a row an exchange."""
    training = results.get("training")
    if missing := missing_part(training):
        return {"missing": missing, "figure": None, "rows": _rows(results)}
    history, best = (training or {}).get("history") or [], (training or {}).get("best_round", FIRST_WEIGHTS)
    return {
        "missing": _missing(results, history),
        "figure": rounds_figure(history, best=best) if shown_panels(history) else None,
        "sentence": _curves(history, best) if history else "",
        "attendance": _attendance(results),
        "updates": _updates(results),
        "rows": _rows(results),
    }


def _missing(results: Results, history: Sequence[Part]) -> list[str]:
    if not history:
        return ["no round was done"]
    kept = _kept_by_privacy(results)
    absent = [key for key in PANELS if key not in shown_panels(history)]
    untold = [PANELS[key] for key in absent if key not in kept]
    private = [PANELS[key] for key in absent if key in kept]
    return [
        *([f"{_in_words(untold)} of any round; no site may tell it"] if untold else []),
        *([f"{_in_words(private)} of any round; differential privacy keeps it at the sites"] if private else []),
    ]


def _kept_by_privacy(results: Results) -> tuple[str, ...]:
    """Curves that the study itself keeps at the sites."""
    privacy = known(results, "study.privacy")
    if not privacy:
        return ()
    return tuple(PANELS) if privacy["validation"] == "withheld" else ("loss",)


def _in_words(names: Sequence[str]) -> str:
    return listed([name[:1].lower() + name[1:] for name in names])


def _curves(history: Sequence[Part], best: int) -> str:
    text = _losses([one["loss"] for one in history])
    kept = next((one for one in history if one["round"] == best), None)
    if kept is None:
        return text + "no round’s weights were better than the first ones."
    judged = {"loss": kept.get("validation_loss"), "AUC": kept.get("validation_auc")}
    told = listed([f"validation {name} {value:.2f}" for name, value in judged.items() if value is not None])
    return text + f"the weights of round {best + 1} are the signature’s" + (f", {told}." if told != "none" else ".")


def _losses(losses: Sequence[float | None]) -> str:
    rounds, told = counted(len(losses), "round"), [one for one in losses if one is not None]
    if not told:
        return f"Of {rounds} the training loss is not told; "
    moved = "fell" if told[-1] < told[0] else "rose" if told[-1] > told[0] else "stayed"
    return f"The training loss {moved} from {told[0]:.2f} to {told[-1]:.2f} in {rounds}; "


def _attendance(results: Results) -> str:
    rounds, everybody = training_rounds(results), taking_part(results)
    if not rounds:
        return ""
    absences = {site: sum(site not in one["answered"] for one in rounds) for site in everybody}
    late = [f"{site} in {times}" for site, times in absences.items() if times]
    if not late:
        return f"Every site that took part trained in each of the {counted(len(rounds), 'round')}."
    full = sum(set(everybody) <= set(one["answered"]) for one in rounds)
    return (
        f"All sites that took part trained in {full} of {counted(len(rounds), 'round')}; missing were {listed(late)}. "
        "A round without a site is averaged over those that are there."
    )


def _updates(results: Results) -> str:
    """What became of updates that were too large."""
    if known(results, "study.federation.secure_aggregation"):
        return "Updates of single sites were masked, so that nobody could look at their size."
    told = []
    for verdict in ("refused", "flagged"):
        times = sum(len(one.get(verdict) or ()) for one in exchanges(results, phase="training"))
        told += [f"{counted(times, 'update was', 'updates were')} {verdict}"] if times else []
    limit = known(results, "study.federation.largest_update")
    asked = f", more than {limit:g} times as long as the median of the sites" if isinstance(limit, int | float) else ""
    return f"{listed(told)} as too large{asked}." if told else f"No update was too large{asked}."


def _rows(results: Results) -> list[dict[str, Any]]:
    lines = {one["round"]: one for one in known(results, "training.history") or ()}
    everybody = taking_part(results)
    return [_row(results, one, lines, everybody) for one in exchanges(results, phase="training")]


def _row(results: Results, one: Part, lines: Mapping[int, Part], everybody: Sequence[str]) -> dict[str, Any]:
    trained, number = bool(one.get("epochs")), one.get("round", 0)
    line = lines.get(number, {}) if trained else {}
    updates = [f"{site}: {why}, {verdict}" for verdict in ("refused", "flagged") for site, why in _of(one, verdict)]
    stage = one.get("stage", 0) + 1
    return {
        "name": f"{number + 1}, stage\N{NO-BREAK SPACE}{stage}" if trained else f"Stage {stage} judged",
        "trained": trained,
        "kept": trained and number == known(results, "training.best_round"),
        "numbers": [line.get(key) for key in PANELS],
        "answered": _answered(one["answered"], everybody),
        "missing": [f"{site}: {why}" for site, why in _of(one, "missing")],
        "updates": updates,
        "bytes": data_size(one["bytes_sent"] + one["bytes_received"]),
        "seconds": one["seconds"],
    }


def _answered(sites: Sequence[str], everybody: Sequence[str]) -> str:
    """The names where they are few and short; who is missing stands beside them."""
    names = these_sites(sites, everybody)
    return names if len(names) <= LONGEST_NAMES else f"{len(sites)} of {counted(len(everybody), 'site')}"


def _of(one: Part, key: str) -> list[tuple[str, str]]:
    return list((one.get(key) or {}).items())
