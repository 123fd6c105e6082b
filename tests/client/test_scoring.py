"""A sealed signature applied to a site: the scores, who has none, and why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from phantoms import make_site, tumour_volume, write_volume
from signatures import FEATURES, PATCHES, RADIOMICS, random_network, seal_signature

from client.patches import extract_patches
from client.radiomics import extract_features, feature_names
from client.resampling import resample
from client.scoring import Scored, score_patients, standardised
from client.site import Site, load_site
from client.volumes import read_volume
from common.errors import DataError, SignatureError
from common.paper_settings import PAPER_RESAMPLING

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def signature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_signature(tmp_path_factory.mktemp("signature"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two patients that can be scored, one without its image, one with a wrong word."""
    folder = tmp_path_factory.mktemp("site")
    files = {f"case-{seed}": write_volume(tumour_volume(seed), folder / "images", f"p{seed}") for seed in (1, 2)}
    files["gone"] = folder / "images" / "none.nii.gz", files["case-1"][1]
    files["word"] = files["case-1"]
    made = make_site(folder, files, age="70", sex="male")
    text = made.cohort_file.read_text()
    made.cohort_file.write_text(text.replace("word,expression", "word,expresion"))
    return made


@pytest.fixture(scope="module")
def scored(site: Site, signature: Path) -> Scored:
    return score_patients(site, signature, jobs=1, device=CPU)


def naive_logits(site: Site, name: str, row: dict[str, str]) -> list[float]:
    """Each slice on its own, with everything written out."""
    image, mask = site.folder / row["image"], site.folder / row["mask"]
    volume = resample(read_volume(image, mask), PAPER_RESAMPLING)
    features = dict(zip(feature_names(RADIOMICS), extract_features(volume, RADIOMICS).values, strict=True))
    radiomic = [
        (features[FEATURES[0]] - 30) / 10,
        (features[FEATURES[1]] - 3) / 0.5,
        (features[FEATURES[2]] - 900) / 300,
    ]
    # age 70, male, smoking and family history unknown
    values = torch.tensor([[*radiomic, 1.0, 1.0, 0.0, 0.0]], dtype=torch.float32)
    network, logits = random_network(), []
    with torch.no_grad():
        for patch in extract_patches(volume, PATCHES):
            low, high = network(torch.as_tensor(patch)[None], values)[0].tolist()
            logits.append(high - low)
    return logits


def test_scores_are_those_of_the_network_on_each_slice(
    site: Site, signature: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.prediction.has_bfloat16", lambda _: False)
    scored = score_patients(site, signature, jobs=1, device=CPU)
    for name, row in scored.patients.iterrows():
        logits, place = np.array(naive_logits(site, str(name), row)), scored.place(str(name))
        np.testing.assert_allclose(scored.slice_logits[place], logits, atol=1e-4)
        probability = (1 / (1 + np.exp(-logits))).mean()
        assert scored.scores[place] == pytest.approx(probability, abs=1e-5)
        assert scored.logits[place] == pytest.approx(np.log(probability / (1 - probability)), abs=1e-4)


def test_everyone_is_scored_or_in_quarantine(scored: Scored) -> None:
    assert list(scored.patients.index) == ["case-1", "case-2"]
    assert [(one.patient_id, one.row) for one in scored.quarantined] == [("gone", 4), ("word", 5)]
    table = scored.table()
    assert list(table.filter(like="pdl1es").columns) == [
        "pdl1es_logit",
        "pdl1es_score",
        *(f"pdl1es_slice{place}_logit" for place in range(3)),
    ]
    assert (scored.samples.labels == 1).all()


def test_only_those_asked_for_are_computed(site: Site, signature: Path, scored: Scored) -> None:
    one = score_patients(site, signature, patients=["case-2", "word"], jobs=1, device=CPU)
    assert list(one.patients.index) == ["case-2"]
    assert [left.patient_id for left in one.quarantined] == ["word"]
    assert (one.extraction.computed, one.extraction.reused) == (0, 1)
    assert one.scores[0] == pytest.approx(scored.scores[1], abs=1e-3)


def test_what_is_unknown_stands_at_the_training_mean(scored: Scored) -> None:
    features = scored.extraction.features.copy()
    features.loc["case-1", FEATURES[0]], features.loc["case-2", FEATURES[0]] = np.nan, np.inf
    changed = dataclasses.replace(scored.extraction, features=features)
    unknown = scored.patients.assign(age=np.nan, sex="", tps=np.nan)
    samples = standardised(unknown, changed, scored.signature.description)
    assert (samples.radiomics[:, 0] == 0).all()
    assert (samples.radiomics[:, 1:] == scored.samples.radiomics[:, 1:]).all()
    assert (samples.clinical == 0).all()
    assert (samples.labels == -1).all()


def test_unknown_patients_are_named_with_near_ones(site: Site, signature: Path) -> None:
    with pytest.raises(DataError, match=r"has no patient 'case-3'; did you mean 'case-[12]'"):
        score_patients(site, signature, patients=["case-3", "case-1"], jobs=1, device=CPU)
    with pytest.raises(DataError, match="has no patient '1', '2', '3', '4', '5' and 2 more; give an id as it stands"):
        score_patients(site, signature, patients=list("1234567"), jobs=1, device=CPU)


def test_nobody_to_score_is_an_error(site: Site, signature: Path) -> None:
    with pytest.raises(DataError, match=r"no patient could be scored \(cohort\.csv row 5: patient word: cohort is"):
        score_patients(site, signature, patients=["word"], jobs=1, device=CPU)
    with pytest.raises(DataError, match="none was asked for"):
        score_patients(site, signature, patients=[], jobs=1, device=CPU)


def test_features_that_the_settings_do_not_give_are_refused(site: Site, tmp_path: Path) -> None:
    folder = seal_signature(tmp_path, radiomic_features=(*FEATURES[:2], "log-sigma-1-0-mm-3D_firstorder_Mean"))
    with pytest.raises(SignatureError, match="do not give its feature log-sigma"):
        score_patients(load_site(site.folder), folder, jobs=1, device=CPU)
