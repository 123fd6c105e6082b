"""The methods of a federated study in plain sentences, by the choices of its study file, with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.report.parts import Results, computed, look_up
from common.report.view_methods import image_methods, patients_methods
from common.report.words import counted, listed
from server.report.methods_privacy import private_exchange, private_statistics, private_training, trunk_text
from server.report.parts import duration

Study = Mapping[str, Any]
AGGREGATION = {
    "fedavg": "The server averages the weights, each site by its training patients (FedAvg; McMahan et al. 2017, "
    "arXiv:1602.05629).",
    "fedprox": "Sites add {proximal_mu:g}/2 times the squared distance from the round’s first weights to their loss; "
    "the server averages the weights, each site by its training patients (FedProx; Li et al. 2020, arXiv:1812.06127).",
    "fedadam": "The server takes the sites’ mean change, weighed by training patients, as a gradient for Adam with a "
    "step of {server_learning_rate:g} (FedAdam; Reddi et al. 2021, arXiv:2003.00295).",
    "fedbn": "The server averages the weights, each site by its training patients; BatchNorm layers stay at the sites "
    "(FedBN; Li et al. 2021, arXiv:2102.07623).",
    "trimmed-mean": "The server averages the weights one by one, without the {trimmed_share:.0%} of the sites that are "
    "largest and smallest in each (trimmed mean; Yin et al. 2018, arXiv:1803.01498).",
    "median": "The server takes the median over the sites of each weight (Yin et al. 2018, arXiv:1803.01498).",
}
TOO_LARGE = {"refuse": "left out of the round", "flag": "named, and taken all the same"}


def methods_view(results: Results) -> Mapping[str, Any] | None:
    """Paragraphs by heading; those of which the results know nothing are left out."""
    study = results.get("study")
    groups = {
        "Patients": list(patients_methods(study)) if study else [],
        "Images and features, at each site": list(image_methods(study)) if study else [],
        "What leaves a site": list(_exchange(study)) if study else [],
        "Preparation over all sites": list(_preparation(study)) if study else [],
        "Training": list(_training(study)) if study else [],
        "Statistics": list(_statistics(results)),
    }
    return {"groups": {heading: sentences for heading, sentences in groups.items() if sentences}}


def _exchange(study: Study) -> Iterator[str]:
    federation = study["federation"]
    yield (
        "Scans, tables and scores of single patients stay at a site. What leaves it are weights of the network and "
        "sums, counts and estimates over patients; a count below the site’s own minimum is withheld, and so is what "
        "would be about fewer patients."
    )
    if federation.get("secure_aggregation"):
        yield (
            "Statistics, rank sums and weights reach the server as masked sums over three or more sites (secure "
            "aggregation; Bonawitz et al. 2017, doi:10.1145/3133956.3133982): it knows no single site’s. "
            "Evaluation and survival are shown by site."
        )
    if study.get("privacy"):
        yield from private_exchange(study)
    deadline, grace = (duration(federation[f"{name}_seconds"]) for name in ("deadline", "grace"))
    yield (
        f"In each exchange the server waits {deadline} for every site, and goes on with "
        f"{federation['quorum']} of {counted(len(federation['roster']), 'site')} or more; with fewer it waits "
        f"{grace} longer, and stops."
    )


def _preparation(study: Study) -> Iterator[str]:
    yield (
        "Means and deviations of features and clinical values over all training patients come from each site’s number "
        "of patients, mean and squared distances (Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115); all "
        "values are standardised by them."
    )
    yield _imputation(study)
    yield from _selection(study)
    if study.get("privacy"):
        yield from private_statistics(study)


def _imputation(study: Study) -> str:
    if study.get("privacy"):
        return "A missing clinical value stands at the mean: nobody’s values are in the inputs of another patient."
    return (
        f"A missing clinical value is imputed from the {study['clinical']['imputation_neighbours']} nearest training "
        "patients of the same site, weighted by distance."
    )


def _selection(study: Study) -> Iterator[str]:
    selection, correlation = study["selection"], study["federation"]["correlation"]
    yield (
        "Each radiomic feature is tested by van Elteren’s test, the Mann-Whitney U of every site in one p, stratified "
        "by site (van Elteren 1960, Bull Int Stat Inst 37:351-361); features with p below "
        f"{selection['p_value']:g} stay, at most {selection['maximum_features']:,}."
    )
    if correlation < 1:
        yield (
            f"Of features whose correlation over all sites is above {correlation:g}, only the one with the smallest p "
            "stays."
        )


def _training(study: Study) -> Iterator[str]:
    federation = study["federation"]
    yield from private_training(study) if study.get("privacy") else _plain_training(study)
    stages = [f"{counted(one['epochs'], 'epoch')} at {one['learning_rate']:g}" for one in study["training"]["stages"]]
    yield f"The stages: {listed(stages)}."
    yield AGGREGATION[federation["aggregation"]].format(**federation)
    if federation["too_large"] in TOO_LARGE:
        yield (
            f"An update more than {federation['largest_update']:g} times as long as the (lower) median of the sites’ "
            f"is {TOO_LARGE[federation['too_large']]}."
        )
    yield from _best(study)
    yield "PD-L1ES of a patient is the mean probability over the slices."


def _plain_training(study: Study) -> Iterator[str]:
    federation = study["federation"]
    batch = federation.get("local_batch_size", study["training"]["batch_size"])
    yield (
        f"In each round every site trains {trunk_text(study)} and a fully connected classifier on its own patients for "
        f"{counted(federation['local_epochs'], 'epoch')} by cross-entropy and Adam, {batch} slices a step; a site "
        "keeps its Adam within a stage."
    )


def _best(study: Study) -> Iterator[str]:
    if (study.get("privacy") or {}).get("validation") == "withheld":
        yield (
            "Validation results stay at the sites: each stage starts from the newest weights, and the signature is the "
            "last round’s."
        )
        return
    measure = "AUC within sites" if study["training"]["best_by"] == "auc" else "loss"
    yield (
        f"The next exchange judges each round’s weights on the validation patients of all sites that may tell; each "
        f"stage starts from the weights with the best {measure}, and the signature is the best of all."
    )


def _statistics(results: Results) -> Iterator[str]:
    if computed(look_up(results, "evaluation.federated")):
        yield (
            "AUC at a site: by patient, with DeLong’s 95% interval. AUC over all sites: pairs within a site as the "
            "site counts them, pairs between sites from scores in bins, with DeLong’s variance (DeLong et al. 1988, "
            "doi:10.2307/2531595) of the bins’ expected components; its bounds call all undecided pairs wrong or right."
        )
    if computed(results.get("survival")):
        yield (
            "Survival: Cox regression at each site with one covariate, combined by inverse variance; random effects "
            "with DerSimonian’s and Laird’s variance between sites (1986, doi:10.1016/0197-2456(86)90046-2), and with "
            "Hartung’s, Knapp’s, Sidik’s and Jonkman’s interval (IntHout et al. 2014, doi:10.1186/1471-2288-14-25); "
            "I² is Higgins’s (2002, doi:10.1002/sim.1186). Words use the wider of the two random intervals."
        )
        yield (
            "Curves: life-table estimates from binned counts (Cutler & Ederer 1958, "
            "doi:10.1016/0021-9681(58)90126-7) with Greenwood’s intervals on the log-log scale; a site’s wider "
            "interval is spread evenly over its days."
        )
    if computed(results.get("signature")):
        yield (
            "The operating point is the edge between bins of validation scores with the largest sum of sensitivity and "
            "specificity (Youden 1950)."
        )
