"""`pdl1es-site validate` as an external centre types it: the same numbers as elsewhere, and nothing fitted."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import call
from lifelines import CoxPHFitter
from lifelines.statistics import logrank_test
from signatures import KEY, card
from sklearn.metrics import roc_auc_score
from small_centre import CUTOFF, POINT, small_signature

from client.__main__ import main
from client.validation.verdict import holds_here, holds_sentence
from common.signing_key import key_fingerprint, write_public_key

pytestmark = pytest.mark.usefixtures("one_thread")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    return call(main, "pdl1es-site", capsys, *words)


def results(folder: Path, name: str = "validate") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results" / name / "results.json").read_text("utf-8"))
    return found


def rows(folder: Path) -> pd.DataFrame:
    scores = pd.read_csv(folder / "results" / "validate" / "scores.csv", index_col="patient_id")
    table = pd.read_csv(folder / "cohort.csv", index_col="patient_id", keep_default_na=True)
    return scores.join(table.drop(columns="cohort"))


def refuse_network(*_: object) -> None:
    raise AssertionError("a validation needs no network")


@pytest.fixture(scope="module")
def validated(centre: Path, signature: Path) -> Path:
    """The centre after a validation with everything, without a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse_network)
        patch.setattr(socket, "getaddrinfo", refuse_network)
        patch.setattr(
            sys,
            "argv",
            ["pdl1es-site", "validate", str(centre), "--signature", str(signature), "--recalibrate", "--jobs", "1"],
        )
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
    return centre


def test_everybody_is_in_the_flow(validated: Path) -> None:
    found = results(validated)["cohort"]
    left_out = sum(found["excluded"].values()) + sum(found["quarantined"].values())
    assert (found["all"], found["immunotherapy"]) == (38, 30)
    assert found["excluded"] == {"reconstruction kernel 30f": 1}
    assert found["read"] == found["all"] + found["immunotherapy"] + left_out == 70


def test_the_scores_file_has_every_patient_with_group_and_call(validated: Path) -> None:
    table = pd.read_csv(validated / "results" / "validate" / "scores.csv")
    assert list(table.columns) == ["patient_id", "cohort", "score", "called", "group"]
    assert len(table) == 68
    assert ((table["score"] > CUTOFF) == (table["group"] == "high")).all()
    assert ((table["score"] >= POINT) == (table["called"] == "positive")).all()
    assert set(table["group"]) == {"high", "low"}


def test_the_auc_is_scikit_learns(validated: Path) -> None:
    table = rows(validated)
    part = table[table["cohort"] == "expression"]
    found = results(validated)["discrimination"]["pdl1es"]["all"]
    assert found["auc"] == pytest.approx(roc_auc_score(part["tps"] >= 50, part["score"]), abs=1e-9)
    assert found["n"] == 38


def test_survival_at_the_sealed_cutoff_is_lifelines(validated: Path) -> None:
    table = rows(validated)
    part = table[table["cohort"] == "immunotherapy"].assign(high=lambda rows: (rows["score"] > CUTOFF).astype(float))
    found = results(validated)["survival"]["pdl1es"]["all"]
    model = CoxPHFitter().fit(part[["pfs_days", "progressed", "high"]].astype(float), "pfs_days", "progressed")
    assert found["hazard_ratio"] == pytest.approx(float(np.exp(model.params_["high"])), rel=1e-4)
    low, high = part[part["high"] == 0], part[part["high"] == 1]
    test = logrank_test(low["pfs_days"], high["pfs_days"], low["progressed"], high["progressed"])
    assert found["logrank_p"] == pytest.approx(test.p_value, rel=1e-6)
    assert (found["cutoff"], found["cutoff_rule"], found["p_search_corrected"]) == (CUTOFF, "sealed", None)
    assert set(results(validated)["survival"]) == {"pdl1es"}


def test_numbers_are_those_of_evaluate_and_survival(
    validated: Path, signature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(validated, tmp_path / "centre")
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    table.assign(split="").to_csv(folder / "cohort.csv", index=False)
    found = results(validated)
    for command, parts in (
        ("evaluate", ("discrimination", "operating_point", "calibration", "decision_curves", "subgroups", "roc")),
        ("survival", ("survival",)),
    ):
        assert run(capsys, command, folder, "--signature", signature, "--jobs", "1")[0] == 0
        other = results(folder, command)
        for part in parts:
            told = other[part] if part != "survival" else {"pdl1es": other[part]["pdl1es"]}
            assert close(found[part], told), part


def close(first: Any, second: Any) -> bool:
    """Whether two parts of results.json hold the same numbers but for the rounding of a network."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(close(first[name], second[name]) for name in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(close, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return bool(first == pytest.approx(second, rel=1e-3, abs=1e-4))
    return bool(first == second)


def test_a_score_does_not_depend_on_the_other_patients(
    validated: Path, signature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = rows(validated)["score"]
    folder = shutil.copytree(validated, tmp_path / "centre")
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    few = table[table["patient_id"].isin(whole.index[::4])]
    few.to_csv(folder / "cohort.csv", index=False)
    run(capsys, "validate", folder, "--signature", signature, "--jobs", "1")
    assert rows(folder)["score"].to_dict() == pytest.approx(whole[::4].to_dict(), abs=1e-4)


def test_the_page_names_nobody_and_says_what_was_found(validated: Path) -> None:
    page = (validated / "results" / "validate" / "report.html").read_text("utf-8")
    text = " ".join(page.split())
    assert "SECRET" not in page + json.dumps(results(validated))
    verdict = holds_sentence(results(validated))
    assert f"<dt>Found</dt><dd><p><b>{verdict}</b>" in text
    for words in (
        "External validation of PD",
        "The sealed test AUC is 0.75 (0.65 to 0.85)",
        "whom you did not say you trust; compare the fingerprint by telephone",
        "Does this centre look like the training sites?",
        "Recalibrated here: intercept and slope",
        "original_firstorder_Skewness",
    ):
        assert words in text, words
    assert "SYNTHETIC" not in page


def test_shift_is_measured_from_the_sealed_scaling(validated: Path) -> None:
    found, table = results(validated)["shift"], rows(validated)
    part = table[table["cohort"] == "expression"]
    age = next(one for one in found["clinical"]["columns"] if one["name"] == "age")
    smoking = next(one for one in found["clinical"]["columns"] if one["name"] == "smoking")
    assert age["difference"] == pytest.approx((part["age"].mean() - 60) / 10)
    assert age["deviation_ratio"] == pytest.approx(part["age"].std() / 10)
    assert smoking["missing"] == pytest.approx(part["smoking"].isna().mean())
    assert found["positive_share"] == {"centre": pytest.approx((part["tps"] >= 50).mean()), "training": 0.4}
    assert found["acquisition"]["manufacturer"] == {
        "centre": {"SIEMENS": 38},
        "training": {"SIEMENS": 300, "others": 100},
        "share_seen_in_training": 1.0,
    }
    assert found["verdict"] == {
        "looks_alike": not (found["radiomic"]["differs"] or found["clinical"]["differs"]),
        "differs_in": [name for name in ("radiomic", "clinical") if found[name]["differs"]],
    }


def test_the_sealed_auc_stands_beside(validated: Path) -> None:
    found, area = results(validated)["sealed_discrimination"], results(validated)["discrimination"]["pdl1es"]["all"]
    assert found["verdict"] == holds_here(sealed_auc=0.75, ci_low=area["ci_low"], ci_high=area["ci_high"])
    assert found["inside"] is (0.65 <= area["auc"] <= 0.85)
    assert found["difference"] == pytest.approx(area["auc"] - 0.75)
    margin = (((area["ci_high"] - area["ci_low"]) / 2) ** 2 + 0.1**2) ** 0.5
    assert found["ci_high"] - found["difference"] == pytest.approx(margin)


def without(centre: Path, folder: Path, cohort: str) -> Path:
    copied = shutil.copytree(centre, folder)
    table = pd.read_csv(copied / "cohort.csv", dtype=str, keep_default_na=False)
    table[table["cohort"] != cohort].to_csv(copied / "cohort.csv", index=False)
    return copied


@pytest.mark.parametrize("missing", ["expression", "immunotherapy"])
def test_a_missing_cohort_is_said_and_the_other_judged(
    validated: Path, signature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    folder = without(validated, tmp_path / "centre", missing)
    code, _, err = run(capsys, "validate", folder, "--signature", signature, "--jobs", "1", "--recalibrate")
    assert code == 0, err
    part = "discrimination" if missing == "expression" else "survival"
    other = "survival" if missing == "expression" else "discrimination"
    found = results(folder)
    assert f"no patient of the {missing} cohort was scored" in found[part]["not_computed"]
    assert "pdl1es" in found[other]
    assert found["shift"]["cohort"] != missing
    assert f"no patient of the {missing} cohort" in (folder / "results" / "validate" / "report.html").read_text()


def test_what_was_not_sealed_is_not_chosen_here(
    validated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = card(
        operating_point="None: too few validation patients.",
        cutoff="None: no site tells its median.",
        sites={"Centre": {"training": {"patients": 40, "positives": None}}},
        acquisition={},
    )
    folder = small_signature(tmp_path / "signature", operating_point=None, cutoff=None, card=told, synthetic=True)
    centre = shutil.copytree(validated, tmp_path / "centre")
    code, _, err = run(capsys, "validate", centre, "--signature", folder, "--jobs", "1")
    assert code == 0, err
    found = results(centre)
    assert found["operating_point"]["not_computed"].endswith("None: too few validation patients.")
    assert found["survival"]["pdl1es"]["all"]["not_computed"].endswith("None: no site tells its median.")
    assert "hazard_ratio" in found["cox_univariable"]["pdl1es_score"]
    assert any("took part in the training" in sentence for sentence in found["warnings"])
    assert "recalibration" not in found
    assert "SYNTHETIC" in (centre / "results" / "validate" / "report.html").read_text()
    table = pd.read_csv(centre / "results" / "validate" / "scores.csv")
    assert table["group"].isna().all()


def test_trust_by_file_fingerprint_or_kit(
    validated: Path, signature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("validate", validated, "--signature", signature, "--jobs", "1")
    fingerprint = key_fingerprint(KEY.public_key().public_bytes_raw())
    code, out, _ = run(capsys, *words, "--trusted", fingerprint)
    assert (code, f"signed by {fingerprint}, whom you trust" in out) == (0, True)
    assert f"Verdict        {holds_sentence(results(validated))}" in out
    code, _, err = run(capsys, *words, "--trusted", "0" * 64)
    assert (code, err.count("\n")) == (1, 1)
    assert fingerprint in err
    code, _, err = run(capsys, *words, "--trusted", "nowhere.pub")
    assert (code, "neither a file nor a fingerprint" in err) == (2, True)
    enrolled = shutil.copytree(validated, tmp_path / "centre")
    (enrolled / "federation").mkdir()
    write_public_key(KEY, enrolled / "federation" / "signer.pem")
    assert run(capsys, "validate", enrolled, "--signature", signature, "--jobs", "1")[0] == 0
    assert results(enrolled)["signature"]["trusted"]


def test_an_altered_signature_scores_nobody(
    validated: Path, signature: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(signature, tmp_path / "signature")
    centre = shutil.copytree(validated, tmp_path / "centre", ignore=shutil.ignore_patterns("results"))
    (folder / "model_card.md").write_text("Good for every patient.")
    code, _, err = run(capsys, "validate", centre, "--signature", folder, "--jobs", "1")
    assert (code, err.count("\n")) == (1, 1)
    assert "model_card.md: is not the file that was sealed" in err
    assert not (centre / "results" / "validate").exists()
