"""The methods of a study with differential privacy in plain sentences, by its choices, with their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.privacy_coverage import promise_text
from common.report.words import counted

Study = Mapping[str, Any]
NORMALIZATION = {
    "batch": "",
    "group": ", with GroupNorm in place of BatchNorm (Wu & He 2018, arXiv:1803.08494),",
    "frozen": ", whose BatchNorm keeps the statistics of the pretrained file,",
}
UNIT = {
    "head": "a patient’s loss is the mean over its slices",
    "full": "of a patient one slice is drawn each time",
}


def private_exchange(study: Study) -> Iterator[str]:
    """What is promised, and how a site keeps to it."""
    privacy = study["privacy"]
    promise = promise_text(epsilon=privacy["epsilon"], delta=privacy["delta"])
    counts = "the noised statistics and all steps of training" if _noised(study) else "all steps of training"
    yield (
        f"Differential privacy promises {promise}. A site counts {counts} by the accountant for Rényi differential "
        "privacy (Mironov 2017, doi:10.1109/CSF.2017.11), takes the least noise that stays within it for its number of "
        "training patients, and writes each release into its ledger before it is computed."
    )


def private_statistics(study: Study) -> Iterator[str]:
    """How means, deviations and rank sums hide a patient; nothing where they are exact."""
    if not _noised(study):
        return
    privacy = study["privacy"]
    yield (
        f"Only the {counted(len(privacy['ranges']), 'radiomic feature')} with a range in the study’s file take part. "
        "Values are cut to their ranges, and sums and rank sums carry Gaussian noise of "
        f"{privacy['statistics_noise']:g} times the length that one patient can add (Gaussian mechanism; Dwork & Roth "
        "2014, doi:10.1561/0400000042); the noise’s variance is added to that of the test."
    )


def private_training(study: Study) -> Iterator[str]:
    """Who learns, in which steps, and what hides a patient in them."""
    privacy, federation = study["privacy"], study["federation"]
    batch, epochs = federation["local_batch_size"], counted(federation["local_epochs"], "epoch")
    how = f"on its own patients for {epochs} by cross-entropy and Adam, which it keeps within a stage"
    if privacy["mode"] == "head":
        yield (
            f"In each round every site trains a fully connected classifier {how}; the DenseNet121 before it does not "
            "learn and stays as its pretrained file has it."
        )
    else:
        yield (f"In each round every site trains {trunk_text(study)} and a fully connected classifier {how}.")
    yield (
        f"Each patient is in a step by chance, {batch} of a site’s on average (Poisson sampling), and "
        f"{UNIT[privacy['mode']]}. Each patient’s gradient is cut to a length of {privacy['clipping_norm']:g}, and "
        "Gaussian noise is added to their sum (DP-SGD; Abadi et al. 2016, doi:10.1145/2976749.2978318) with Opacus "
        "(Yousefpour et al. 2021, arXiv:2109.12298)."
    )


def trunk_text(study: Study) -> str:
    """The network before the classifier, with what stands in place of its BatchNorm."""
    return f"DenseNet121{NORMALIZATION[study['network'].get('normalization', 'batch')]}"


def _noised(study: Study) -> bool:
    return bool(study["privacy"]["statistics"] == "noised")
