"""How long a run will take on this machine, from a small sample of its own work."""

from __future__ import annotations

import time

import SimpleITK as sitk
import torch

from client.models import jobs_on
from client.patches import extract_patches
from client.radiomics import extract_features
from client.resampling import resample
from client.samples import Samples
from client.training import optimizer_for, train_epoch, validate
from client.volumes import Volume
from common.network import Parts, build_network
from common.parallel import cores
from common.study import Study, Synthetic
from simulation.cohort import draw_cohort, make_scan

_SAMPLE_PATIENTS = 3
_SAMPLE_BATCHES = 2
_DEEP = Parts(patches=True, radiomics=0, clinical=0)
_DEEP_MODELS = 2
"""Beside these, every re-division trains one more."""


def estimate(study: Study, synthetic: Synthetic, device: torch.device) -> float:
    """Seconds that the cohort, its features and the training of the deep models will take here."""
    return _cohort_seconds(study, synthetic) + _training_seconds(study, synthetic, device)


def in_words(seconds: float) -> str:
    """For people: about 3 minutes, about 2.5 hours."""
    if seconds < 5400:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {seconds / 3600:.1f} hours"


def _cohort_seconds(study: Study, synthetic: Synthetic) -> float:
    patients = synthetic.training + synthetic.validation + synthetic.test + synthetic.immunotherapy
    subjects = draw_cohort(study, synthetic).subjects[:_SAMPLE_PATIENTS]
    start = time.monotonic()
    for subject in subjects:
        scan = make_scan(subject)
        image, mask = sitk.GetImageFromArray(scan.hu), sitk.GetImageFromArray(scan.mask)
        image.SetSpacing(scan.spacing_mm)
        mask.SetSpacing(scan.spacing_mm)
        volume = resample(Volume(image, mask), study.resampling)
        extract_patches(volume, study.patches)
        extract_features(volume, study.radiomics)
    return (time.monotonic() - start) / len(subjects) * patients / cores()


def _training_seconds(study: Study, synthetic: Synthetic, device: torch.device) -> float:
    settings = study.training
    slices_a_patient = study.patches.slices if settings.slices_per_epoch == "all" else 1
    epochs = sum(stage.epochs for stage in settings.stages)
    samples = _random_samples(study, settings.batch_size * _SAMPLE_BATCHES).to(device)
    network = build_network(_DEEP, study.network, seed=0).to(device)
    optimizer = optimizer_for(network, settings, stage=0)
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, cores() // jobs_on(device)))
    train_epoch(network, optimizer, _DEEP, samples.take([0, 1]), settings, seed=0)
    start = time.monotonic()
    train_epoch(network, optimizer, _DEEP, samples, settings.model_copy(update={"slices_per_epoch": "one"}), seed=0)
    trained = (time.monotonic() - start) / len(samples)
    start = time.monotonic()
    validate(network, _DEEP, samples)
    validated = (time.monotonic() - start) / len(samples)
    torch.set_num_threads(threads)
    epoch = synthetic.training * slices_a_patient * trained + synthetic.validation * validated
    models = _DEEP_MODELS + study.evaluation.redivisions
    return epoch * epochs * models / jobs_on(device)


def _random_samples(study: Study, patients: int) -> Samples:
    size = study.patches.size_pixels
    generator = torch.Generator().manual_seed(0)
    patches = torch.randint(
        0, 256, (patients, study.patches.slices, size, size), generator=generator, dtype=torch.uint8
    )
    empty = torch.zeros(patients, 0)
    return Samples(patches, empty, empty, torch.arange(patients) % 2)
