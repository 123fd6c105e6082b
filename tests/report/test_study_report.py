"""The report of a study: complete, from nowhere else, true to its numbers, and plain about what is not there."""

from __future__ import annotations

import copy
import math
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pages import Page
from study_results import (
    MISSED,
    REFUSED,
    REMARK,
    SITES,
    TOO_FEW,
    private_results,
    simulated_results,
    study_results,
)
from test_page import LEAKS

from common.report.parts import look_up
from server.report import write_study_report
from simulation.federation.report import write_federation_report

SECTIONS = {"sites", "features", "training", "exchange", "privacy", "evaluation", "survival", "signature"}
CLOSING = {"reading", "methods", "provenance", "checklist"}
WHY = "made-up reason of the fixture; give more sites"
HOSTILE = "<script>alert('x')</script> $\\frac{1}{"


def study_page(results: dict[str, Any], folder: Path) -> Page:
    write_study_report(results, folder / "report.html")
    return Page((folder / "report.html").read_text("utf-8"))


def part_of(page: Page, section: str) -> Page:
    """One section of a page."""
    start = page.html.index(f'<section aria-labelledby="{section}"')
    return Page(page.html[start : page.html.index("</section>", start)])


@pytest.fixture
def study() -> dict[str, Any]:
    return study_results()


@pytest.fixture
def page(study: dict[str, Any], tmp_path: Path) -> Page:
    return study_page(study, tmp_path)


@pytest.fixture
def simulated(tmp_path: Path) -> Page:
    write_federation_report(simulated_results(), tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text("utf-8"))


def test_every_section_is_there_and_the_costs_only_in_a_simulation(page: Page, simulated: Page) -> None:
    assert set(page.ids) >= SECTIONS | CLOSING | {"summary"}
    assert "costs" not in page.ids and "costs" in simulated.ids
    assert page.html.index("SYNTHETIC</strong>") < page.html.index("<h1>")


def test_a_real_study_is_not_called_synthetic(study: dict[str, Any], tmp_path: Path) -> None:
    study["synthetic"], study["study"]["synthetic"] = False, None
    found = study_page(study, tmp_path).html
    assert "SYNTHETIC" not in found and "synthetic patient" not in found


@pytest.mark.parametrize("name", ["page", "simulated"])
def test_page_is_self_contained_and_can_be_followed(name: str, request: pytest.FixtureRequest) -> None:
    one: Page = request.getfixturevalue(name)
    assert not {"script", "link", "iframe", "object", "base", "form", "img"} & set(one.tags)
    assert all(address.startswith("#") for address in one.addresses)
    assert not re.search(r"url\((?!#)|@import|<script|https?://", one.html)
    assert [name for name, times in Counter(one.ids).items() if times > 1] == []
    named = set(re.findall(r"url\(#([^)]+)\)", one.html)) | set(re.findall(r'labelledby="([^"]+)"', one.html))
    assert named | {address[1:] for address in one.addresses} <= set(one.ids)
    assert all(after - before <= 1 for before, after in pairwise(one.headings))
    assert one.tags.count("caption") == one.tags.count("table")
    assert one.html.count('<svg role="img" aria-labelledby="') == one.tags.count("svg") > 0
    assert not re.search(r"<th(?![^>]*scope)[ >]", one.html)
    assert [label for label, times in Counter(one.labels).items() if times > 1] == []
    assert LEAKS.findall(one.text) == []


def test_same_results_same_bytes(study: dict[str, Any], page: Page, tmp_path: Path) -> None:
    assert study_page(study, tmp_path).html == page.html


def test_numbers_are_those_of_the_results(study: dict[str, Any], page: Page) -> None:
    pooled, federated = study["evaluation"]["federated"]["pooled"], study["evaluation"]["federated"]["sites"]
    text = part_of(page, "evaluation").text.replace("\xa0", " ")
    for area in (pooled, *federated.values()):
        assert "{auc:.2f} ({ci_low:.2f} to {ci_high:.2f})".format(**area) in text
    assert f"lies between {pooled['lowest']:.2f} and {pooled['highest']:.2f}" in page.text
    robust = study["survival"]["combined"]["by_group"]["knapp_hartung"]
    ratio = [f"{math.exp(robust[key]):.2f}" for key in ("estimate", "ci_low", "ci_high")]
    assert "hazard ratio {} ({} to {})".format(*ratio) in page.text
    assert f"I² {study['survival']['combined']['by_group']['i2']:.0%}" in page.text
    assert part_of(page, "signature").text.count("ef" * 32) == 1
    assert "0.412" in part_of(page, "signature").text and "0.437" in part_of(page, "signature").text


def test_patients_and_bytes_are_summed_over_sites(study: dict[str, Any], page: Page) -> None:
    total = sum(SITES.values())
    assert f"{total} to train" in page.text
    assert "16 or more" in part_of(page, "sites").text
    sent = sum(one["bytes_sent"] for one in study["rounds"])
    assert f"{sent / 1e9:.1f} GB went to the sites" in part_of(page, "exchange").text


def test_absences_refusals_remarks_and_versions_are_named(page: Page) -> None:
    training, exchange, sites = (part_of(page, name).text for name in ("training", "exchange", "sites"))
    assert f"site-3: {MISSED}" in training and f"site-2: {REFUSED}, refused" in training
    assert "trained in 6 of 8 rounds; missing were site-3 in 2" in training
    assert MISSED in exchange and REMARK in exchange
    assert TOO_FEW in sites and "site-3 2.4.5" in sites


def test_only_the_20_smallest_p_are_shown(page: Page) -> None:
    text = part_of(page, "features").text
    assert "feature_19" in text and "feature_20" not in text and "27 features" in text


@pytest.mark.parametrize(
    "path",
    [
        "selected_features",
        "training",
        "privacy",
        "evaluation.federated",
        "evaluation.federated.pooled",
        "evaluation.federated.sites.site-1",
        "survival",
        "survival.cutoff",
        "survival.combined.by_group",
        "survival.curves.high",
        "signature",
    ],
)
def test_a_part_not_computed_says_why(study: dict[str, Any], tmp_path: Path, path: str) -> None:
    parent, _, key = path.rpartition(".")
    (look_up(study, parent) if parent else study)[key] = {"not_computed": WHY}
    assert WHY in study_page(study, tmp_path).text


@pytest.mark.parametrize("key", sorted(set(study_results()) - {"synthetic"}))
def test_any_part_may_be_absent(study: dict[str, Any], tmp_path: Path, key: str) -> None:
    del study[key]
    found = study_page(study, tmp_path)
    assert set(found.ids) >= SECTIONS | {"provenance"}
    assert LEAKS.findall(found.text) == []


def test_without_data_no_figure_is_drawn(study: dict[str, Any], tmp_path: Path) -> None:
    study["training"]["history"] = []
    withheld = {"not_computed": WHY}
    study["evaluation"] = {"federated": {"sites": dict.fromkeys(SITES, withheld), "pooled": withheld}}
    for site in study["survival"]["sites"].values():
        site |= {"by_score": withheld, "by_group": withheld}
    study["survival"]["combined"] = {"by_score": withheld, "by_group": withheld}
    study["survival"]["curves"] = {"high": withheld, "low": withheld}
    found = study_page(study, tmp_path)
    assert found.tags.count("svg") == found.tags.count("figure") == 0
    assert (
        "no round was done" in found.text and found.text.count(WHY) >= 4 and "no site told a hazard ratio" in found.text
    )


def test_curves_of_one_interval_are_said_and_not_drawn(study: dict[str, Any], tmp_path: Path) -> None:
    for curve in study["survival"]["curves"].values():
        curve |= {key: [curve[key][0], curve[key][-1]] for key in curve if key != "sites"}
    found = part_of(study_page(study, tmp_path), "survival")
    assert "figure-survival-curves-title" not in found.ids
    assert "there is no curve to draw" in found.text


def test_curves_of_training_that_no_site_may_tell_are_left_out(study: dict[str, Any], tmp_path: Path) -> None:
    for line in study["training"]["history"]:
        line |= {"validation_loss": None, "validation_auc": None}
    found = part_of(study_page(study, tmp_path), "training")
    assert "validation loss and validation AUC of any round" in found.text
    assert found.html.count(">Validation AUC</text>") == 0


def test_a_site_that_took_no_part_is_named_with_its_reason(study: dict[str, Any], tmp_path: Path) -> None:
    study["sites"]["site-3"] = {"took_part": False, "rounds_missed": [], "withheld": []}
    study["rounds"][0]["missing"] = {"site-3": WHY}
    found = study_page(study, tmp_path)
    assert "2 of 3 sites took part, without site-3" in found.text
    assert f"site-3 took no part: {MISSED}" in found.text


def test_one_site_alone_has_no_heterogeneity(study: dict[str, Any], tmp_path: Path) -> None:
    whole = study["survival"]["combined"]["by_group"]
    whole |= {"knapp_hartung": None, "q_p": None, "sites": ["site-1"], "weights_random": [1.0]}
    found = study_page(study, tmp_path).text
    assert "of site-1 alone" in found and "nothing can be said of how sites differ" in found


def test_the_wider_of_the_random_intervals_is_put_into_words(study: dict[str, Any], tmp_path: Path) -> None:
    whole = study["survival"]["combined"]["by_group"]
    whole["knapp_hartung"] = whole["knapp_hartung"] | {"ci_low": 0.5, "ci_high": 0.6}
    plain = [f"{math.exp(whole['random'][key]):.2f}" for key in ("estimate", "ci_low", "ci_high")]
    assert "hazard ratio {} ({} to {})".format(*plain) in study_page(study, tmp_path).text


def test_the_methods_follow_the_study_s_choice(study: dict[str, Any], tmp_path: Path) -> None:
    said = {}
    for name in ("fedavg", "fedprox", "fedadam", "fedbn", "trimmed-mean", "median"):
        study["study"]["federation"]["aggregation"] = name
        said[name] = part_of(study_page(study, tmp_path), "methods").text
    assert len(set(said.values())) == len(said)
    assert "arXiv:1812.06127" in said["fedprox"] and "arXiv:1803.01498" in said["median"]


def test_names_and_reasons_from_elsewhere_are_text(study: dict[str, Any], tmp_path: Path) -> None:
    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {renamed(key): renamed(part) for key, part in value.items()}
        if isinstance(value, list):
            return [renamed(part) for part in value]
        return HOSTILE if value in ("site-3", MISSED, TOO_FEW, REMARK, REFUSED) else copy.copy(value)

    found = study_page(renamed(study), tmp_path)
    assert "script" not in found.tags and "<script" not in found.html
    assert HOSTILE in found.text


def test_the_costs_are_those_of_the_comparison(simulated: Page) -> None:
    comparison, text = simulated_results()["comparison"], part_of(simulated, "costs").text.replace("\xa0", " ")
    difference = comparison["federated_minus_pooled"]
    assert "{difference:.2f} ({ci_low:.2f} to {ci_high:.2f})".format(**difference) in text
    assert f"{comparison['summary']['auc']:.3f}" in text and f"{comparison['summary']['error']:+.3f}" in text
    for model in (comparison["federated"], comparison["pooled"], comparison["local"]["site-1"]):
        assert f"{model['test']['auc']:.2f}" in text


def test_costs_without_a_comparison_say_so(tmp_path: Path) -> None:
    write_federation_report(study_results(), tmp_path / "report.html")
    costs = part_of(Page((tmp_path / "report.html").read_text("utf-8")), "costs")
    assert "the results have no comparison" in costs.text and "svg" not in costs.tags


def row_of(page: Page, what: str) -> str:
    """The row of the table of privacy that begins with these words."""
    html = part_of(page, "privacy").html
    start = html.index(f'<tr><th scope="row">{what}')
    return Page(html[start : html.index("</tr>", start)]).text


def test_without_a_promise_the_page_says_so_and_nothing_is_covered(page: Page) -> None:
    text = part_of(page, "privacy").text
    assert "No differential privacy is promised: the weights may tell whether a patient was trained on" in text
    assert "not covered" in row_of(page, "Weights after each round")
    assert "Training loss" in text and "Promised is" not in text and "What each site has spent" not in text
    assert "differential privacy" not in Page(page.html[: page.html.index("<nav")]).text


def test_a_private_study_says_what_is_promised_covered_and_spent(tmp_path: Path) -> None:
    found = study_page(private_results(), tmp_path)
    text = part_of(found, "privacy").text
    assert "epsilon 3 at delta 1e-05 for whether the data of one training patient of a site were used" in text
    assert f"by a factor of {math.exp(3):.3g} at most" in text
    for what, verdict in (
        ("Weights after each round", "Training covered"),
        ("Training loss of each round", "Training does not leave"),
        ("Means and deviations", "Statistics not covered"),
        ("AUC and counts of scores", "Evaluation not covered"),
    ):
        assert f" {verdict} " in row_of(found, what)
    spent = text[text.index("What each site has spent") :]
    assert "site-1 2.998" in spent and "site-2 2.750" in spent and "site-3 not told" in spent
    assert "differential privacy with epsilon 3 at delta 1e-05" in found.text
    assert LEAKS.findall(found.text) == []


def test_epsilon_that_promises_next_to_nothing_is_called_so(tmp_path: Path) -> None:
    text = part_of(study_page(private_results(epsilon=800.0), tmp_path), "privacy").text
    assert "the promise says next to nothing" in text


def test_under_masks_no_site_tells_what_it_spent(tmp_path: Path) -> None:
    results = private_results()
    results["privacy"]["spent"], results["study"]["federation"]["secure_aggregation"] = None, True
    text = part_of(study_page(results, tmp_path), "privacy").text
    assert "Under secure aggregation no site tells the server what it has spent" in text
    assert "the promise of epsilon 3 holds for each" in text and "What each site has spent" not in text


def test_a_training_whose_loss_stays_at_the_sites_is_drawn_without_it(tmp_path: Path) -> None:
    found = part_of(study_page(private_results(), tmp_path), "training")
    assert "training loss of any round; differential privacy keeps it at the sites" in found.text
    assert "Of 8 rounds the training loss is not told; the weights of round 6 are the signature’s" in found.text
    assert ">Training loss</text>" not in found.html and found.html.count(">Validation AUC</text>") == 1
    assert found.html.count(">kept</text>") == 1


def test_a_training_of_which_nothing_is_told_has_no_figure(tmp_path: Path) -> None:
    results = private_results(validation="withheld")
    found = part_of(study_page(results, tmp_path), "training")
    assert "training loss, validation loss and validation AUC of any round; differential privacy" in found.text
    assert "svg" not in found.tags
    page = study_page(results, tmp_path)
    assert "does not leave" in row_of(page, "Loss and pairs in the right order")
    assert "so it flatters" not in page.text and "validation sums" not in part_of(page, "exchange").text


def test_the_methods_of_a_private_study_follow_its_choices(tmp_path: Path) -> None:
    def methods(**privacy: Any) -> str:
        return part_of(study_page(private_results(**privacy), tmp_path), "methods").text

    head = methods()
    for words in (
        "the DenseNet121 before it does not learn",
        "doi:10.1145/2976749.2978318",
        "doi:10.1109/CSF.2017.11",
        "Poisson sampling",
        "cut to a length of 0.5",
        "A missing clinical value stands at the mean",
        "each patient was divided by a draw of its own",
    ):
        assert words in head, words
    assert "nearest training patients" not in head and "doi:10.1561/0400000042" not in head
    full = methods(mode="full", statistics="noised", validation="withheld")
    assert "trains DenseNet121, whose BatchNorm keeps the statistics of the pretrained file, and" in full
    assert "Only the 2 radiomic features with a range" in full and "doi:10.1561/0400000042" in full
    assert "the signature is the last round’s" in full and "judges each round’s weights" not in full


def test_a_study_without_a_promise_names_none_of_its_methods(page: Page) -> None:
    text = part_of(page, "methods").text
    assert "nearest training patients of the same site" in text and "slices a step" in text
    assert not [words for words in ("DP-SGD", "Differential", "Poisson") if words in text]


def test_warnings_of_the_run_stand_on_the_first_screen(tmp_path: Path) -> None:
    results = private_results()
    results["warnings"] = ["training ended before round 9 of 10: the site's privacy budget for this study is spent"]
    found = study_page(results, tmp_path)
    assert "training ended before round 9 of 10" in Page(found.html[: found.html.index("<nav")]).text


def test_the_costs_of_a_private_federation_are_called_both(simulated: Page, tmp_path: Path) -> None:
    results = simulated_results() | {name: private_results()[name] for name in ("privacy", "study", "training")}
    write_federation_report(results, tmp_path / "report.html")
    private = part_of(Page((tmp_path / "report.html").read_text("utf-8")), "costs").text
    assert "trained under differential privacy and the others without" in private
    assert "differential privacy" not in part_of(simulated, "costs").text
