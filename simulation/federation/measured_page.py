"""Measured runs as a page: `python -m simulation.federation.measured_page RUN... > docs/federation-measured.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

_HEAD = """\
# What federation costs, measured

Written by `python -m simulation.federation.measured_page` from the results.json of runs of `pdl1es-sim federate`;
the cohorts are synthetic. Every model is judged on the test patients of all sites together, which only a simulation
can see.
"""


def page(runs: list[Mapping[str, Any]]) -> str:
    """The whole page, Markdown."""
    return "\n".join([_HEAD, *_over_seeds(runs), *(line for run in runs for line in _run(run))])


def _over_seeds(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """For each preset that ran with several seeds: every test AUC of each seed, and their means."""
    for preset in dict.fromkeys(run["preset"] for run in runs):
        seeds = [run for run in runs if run["preset"] == preset]
        if len(seeds) > 1:
            yield f"## `{preset}`, {len(seeds)} seeds\n"
            yield from _seeds_table(seeds)


def _seeds_table(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Test AUC of each seed and the means; a study without `cross_site` has no site's model alone."""
    rows = {f"seed {run['seed']}": _test_areas(run) for run in runs}
    columns = list(dict.fromkeys(name for row in sorted(rows.values(), key=lambda one: -len(one)) for name in row))
    shared = [name for name in columns if all(name in row for row in rows.values())]
    rows["mean"] = {name: fmean(row[name] for row in rows.values()) for name in shared}
    yield f"| test AUC | {' | '.join(columns)} | federated minus pooled |"
    yield f"| --- |{' --: |' * (len(columns) + 1)}"
    for name, row in rows.items():
        cells = " | ".join(f"{row[column]:.3f}" if column in row else "" for column in columns)
        yield f"| {name} | {cells} | {row['federated'] - row['pooled']:+.3f} |"
    differences = [row["federated"] - row["pooled"] for name, row in rows.items() if name != "mean"]
    error = stdev(differences) / len(differences) ** 0.5
    yield f"\nThe mean difference has a standard error of {error:.3f} over these seeds.\n"


def _test_areas(run: Mapping[str, Any]) -> dict[str, float]:
    comparison = run["comparison"]
    alone = {f"{site} alone": float(one["test"]["auc"]) for site, one in comparison["local"].items()}
    return alone | {name: float(comparison[name]["test"]["auc"]) for name in ("federated", "pooled")}


def _run(run: Mapping[str, Any]) -> Iterator[str]:
    comparison, seconds = run["comparison"], run["seconds"]
    yield f"## `{run['preset']}`, seed {run['seed']}, {len(run['sites'])} sites\n"
    yield f"Study `{run['study_sha256'][:12]}`, {run['device']}, torch {run['versions']['torch']}; "
    yield ", ".join(f"{name} {value / 60:.1f} min" for name, value in seconds.items()) + ".\n"
    yield "| trained | AUC on all test patients (95% CI) |\n| --- | --- |"
    for site, one in comparison["local"].items():
        trained = run["sites"][site]["divisions"]["training"]["patients"]
        yield f"| at {site} alone, {trained} patients | {_area(one['test'])} |"
    yield f"| federated | {_area(comparison['federated']['test'])} |"
    yield f"| pooled in one place | {_area(comparison['pooled']['test'])} |\n"
    difference = comparison["federated_minus_pooled"]
    yield (
        "Federated minus pooled: {difference:+.3f} ({ci_low:+.3f} to {ci_high:+.3f}), DeLong's p = {p:.2g}. ".format(
            **difference
        )
    )
    if (error := comparison["summary"]["error"]) is not None:
        told = run["evaluation"]["federated"]["pooled"]
        bounds = f"{told['lowest']:.3f} to {told['highest']:.3f}"
        yield f"The AUC that the server computes from binned scores is off by {error:+.4f} (its bounds are {bounds})."
    rounds = [line for line in run["rounds"] if line["kind"] == "training" and line["epochs"]]
    each = sum(line["seconds"] for line in rounds) / len(rounds)
    crossed = sum(line["bytes_sent"] + line["bytes_received"] for line in run["rounds"]) / 1e9
    yield f"\n{len(rounds)} rounds of {each:.1f} s; {crossed:.1f} GB crossed the network in all.\n"


def _area(one: Mapping[str, Any]) -> str:
    return "{auc:.3f} ({ci_low:.3f} to {ci_high:.3f})".format(**one)


if __name__ == "__main__":
    print(page([json.loads((Path(folder) / "results.json").read_text("utf-8")) for folder in sys.argv[1:]]), end="")
