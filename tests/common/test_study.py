"""The study file: what is refused, in which words, and what its hash is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from common.errors import StudyError
from common.study import load_study, parse_study, study_sha256
from common.study_reference import reference
from simulation.studies import PRESETS, preset_text

ROOT = Path(__file__).parents[2]
PAPER = preset_text("paper")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_studies(name: str) -> None:
    assert parse_study(preset_text(name)).name == name


def test_paper_preset_holds_the_papers_choices() -> None:
    study = parse_study(PAPER)
    assert study.cohort.label_tps == 50
    assert [stage.learning_rate for stage in study.training.stages] == [1e-4, 1e-5, 1e-6]
    assert [stage.epochs for stage in study.training.stages] == [20, 20, 20]
    assert (study.patches.size_pixels, study.patches.margin_pixels, study.patches.slices) == (112, 5, 3)
    assert study.clinical.imputation_neighbours == 3
    assert study.synthetic is not None
    synthetic = study.synthetic
    assert (synthetic.training, synthetic.validation, synthetic.test, synthetic.immunotherapy) == (750, 93, 96, 94)


@pytest.mark.parametrize(
    ("given", "changed", "words"),
    [
        ("bin_width", "bin_widht", "'radiomics.bin_widht', the nearest known key is 'radiomics.bin_width'"),
        ("[resampling]", "[resample]", "'resample', the nearest known key is 'resampling'"),
        ("batch_size = 32", "batch_size = -1", "training.batch_size = -1"),
        ("test = 0.1", "test = 0.2", "add up to 1.1, they must add up to 1"),
        ("window_hu = [-1000, 400]", "window_hu = [400, -1000]", "its first value must be below its second"),
        ("epochs = 20", "epochs = 0", "epochs = 0"),
        ("bin_width = 25", "bin_width = nan", "radiomics.bin_width"),
        ("bin_width = 25", "bin_width = inf", "radiomics.bin_width"),
        ("seed = 2021", "seed = true", "seed = True: it must be"),
        ("label_tps = 50", 'label_tps = "50"', "cohort.label_tps = '50': it must be"),
        ("flips_and_rotations = true", "flips_and_rotations = 1", "training.flips_and_rotations = 1: it must be"),
        ('"Wavelet"', '"Wavelets"', "'Original'"),
        ("spacing_mm = [1.0, 1.0, 1.0]", "spacing_mm = [1.0, 1.0]", "resampling.spacing_mm = [1.0, 1.0]: has too few"),
        ('name = "paper"', 'name = "My Study"', "name = 'My Study'"),
        ("seed = 2021", "", "key 'seed' is missing"),
        ("seed = 2021", "seed = = 1", "is not TOML"),
    ],
)
def test_wrong_study_is_refused_in_words(given: str, changed: str, words: str) -> None:
    assert given in PAPER
    with pytest.raises(StudyError) as refusal:
        parse_study(PAPER.replace(given, changed))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"nowhere\.toml"):
        load_study(tmp_path / "nowhere.toml")


def test_hash_is_the_one_sha256sum_prints(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(PAPER)
    assert study_sha256(tmp_path / "study.toml") == hashlib.sha256(PAPER.encode()).hexdigest()


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs" / "study.md").read_text()
    assert page == reference(), "run `python -m common.study_reference > docs/study.md`"
    assert "|  |" not in page
