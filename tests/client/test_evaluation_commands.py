"""`pdl1es-site evaluate` and `survival` as a hospital types them, with scores and without images."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_up_patients import made_up_patients

from client.site import COHORT_COLUMNS, init_site

TRIAL = Path(__file__).parents[3] / "shared" / "data" / "clinical" / "nsclc_pd1_msk_2018"


def command(*words: object) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("pdl1es-site"))
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    table = made_up_patients()
    split = table["division"].where(table["division"] != "immunotherapy", "")
    cohort = table["division"].where(table["division"] == "immunotherapy", "expression")
    progressed = table["progressed"].map({1.0: "1", 0.0: "0"})
    columns = table.assign(split=split, cohort=cohort, progressed=progressed, convolution_kernel="60f")
    columns = columns.assign(image="", mask="").reset_index()
    init_site(tmp_path / "site", name="Made-up hospital")
    columns[list(COHORT_COLUMNS)].to_csv(tmp_path / "site" / "cohort.csv", index=False)
    scores = table["pdl1es_score"].rename("score").reset_index()
    scores.to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path / "site"


def results(site: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((site / "results" / name / "results.json").read_text("utf-8"))
    return found


def test_evaluate_by_scores(site: Path) -> None:
    done = command("evaluate", site, "--scores", site.parent / "scores.csv")
    assert done.returncode == 0, done.stderr
    assert "AUC, test" in done.stdout
    found = results(site, "evaluate")
    assert found["cohort"]["test"] == 60
    assert found["source"]["kind"] == "scores"
    page = (site / "results" / "evaluate" / "report.html").read_text("utf-8")
    assert "P0001" not in page + json.dumps(found)
    assert "SYNTHETIC" not in page


def test_survival_by_scores(site: Path) -> None:
    done = command("survival", site, "--scores", site.parent / "scores.csv", "--cutoff", "median")
    assert done.returncode == 0, done.stderr
    assert "hazard ratio" in done.stdout
    assert results(site, "survival")["survival"]["pdl1es"]["all"]["cutoff_rule"] == "median"
    assert "P0200" not in (site / "results" / "survival" / "report.html").read_text("utf-8")


def test_wrong_rows_of_scores_are_named_and_the_rest_counts(site: Path) -> None:
    file = site.parent / "scores.csv"
    rows = file.read_text().splitlines()
    file.write_text("\n".join([*rows, "stranger,0.4", rows[5], "P0230,high"]).replace(rows[231], "P0230,high", 1))
    done = command("survival", site, "--scores", file)
    assert done.returncode == 0, done.stderr
    assert "patient stranger: is not in cohort.csv" in done.stderr
    assert f"patient {rows[5].split(',')[0]}: has 2 scores" in done.stderr
    assert "patient P0230" in done.stderr
    assert results(site, "survival")["cohort"]["excluded"]["no score"] == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "give either --signature SIG or --scores FILE"),
        (["--scores", "nowhere.csv"], 1, "nowhere.csv: cannot be read"),
        (["--signature", "nowhere"], 1, "image is empty, it is needed"),
    ],
)
def test_wrong_usage_is_said_in_a_line(site: Path, words: list[str], code: int, sentence: str) -> None:
    done = command("survival", site, *words)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_rule_is_refused(site: Path) -> None:
    done = command("survival", site, "--scores", site.parent / "scores.csv", "--cutoff", "best")
    assert (done.returncode, "--cutoff best: is no rule" in done.stderr) == (2, True)


def test_scores_without_the_right_columns_are_refused(site: Path) -> None:
    file = site.parent / "scores.csv"
    file.write_text(file.read_text().replace("score", "value", 1))
    done = command("evaluate", site, "--scores", file)
    assert (done.returncode, "has no column score" in done.stderr) == (1, True)


def test_constant_scores_write_what_can_be_computed_and_end_with_the_reason(site: Path) -> None:
    file = site.parent / "scores.csv"
    pd.read_csv(file).assign(score=0.5).to_csv(file, index=False)
    done = command("survival", site, "--scores", file)
    assert done.returncode == 1
    assert "scores are 0.5" in done.stderr
    found = results(site, "survival")
    assert "not_computed" in found["survival"]["pdl1es"]["all"]
    assert "hazard_ratio" in found["survival_by_variable"]["sex"]
    assert (site / "results" / "survival" / "report.html").is_file()


@pytest.mark.skipif(not TRIAL.exists(), reason="../shared/data/clinical is not at hand")
def test_a_real_immunotherapy_cohort(tmp_path: Path) -> None:
    """240 patients on anti-PD-(L)1, 86 of them with a PD-L1 score; R's log-rank at 50% is in the references."""
    patients = pd.read_csv(TRIAL / "data_clinical_patient.txt", sep="\t")
    table = patients.merge(pd.read_csv(TRIAL / "data_clinical_sample.txt", sep="\t"), on="PATIENT_ID")
    rows = pd.DataFrame("", index=table.index, columns=list(COHORT_COLUMNS))
    rows["patient_id"], rows["cohort"], rows["age"] = table["PATIENT_ID"], "immunotherapy", table["AGE"]
    rows["sex"], rows["treatment"] = table["SEX"].str.lower(), table["TREATMENT_TYPE"].str.lower()
    rows["smoking"] = table["SMOKER"].map({"Ever": "constantly", "Never": "never"})
    rows["pfs_days"], rows["progressed"] = table["PFS_MONTHS"] * 30.4375, table["PFS_STATUS"].str[0]
    init_site(tmp_path / "site", name="Trial")
    rows.to_csv(tmp_path / "site" / "cohort.csv", index=False)
    scores = table.dropna(subset=["PDL1_SCORE"])[["PATIENT_ID", "PDL1_SCORE"]]
    scores = scores.set_axis(["patient_id", "score"], axis=1).assign(score=lambda part: part["score"] / 100)
    scores.to_csv(tmp_path / "scores.csv", index=False)
    done = command("survival", tmp_path / "site", "--scores", tmp_path / "scores.csv", "--cutoff", "0.4999")
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "site", "survival")["survival"]["pdl1es"]["all"]
    assert (found["n"], found["n_high"]) == (86, 21)
    assert found["logrank_chi2"] == pytest.approx(6.562202438354, rel=1e-9)
    assert found["logrank_p"] == pytest.approx(0.01041673630881, rel=1e-9)
    assert [found["median_low"], found["median_high"]] == pytest.approx([3.5 * 30.4375, 10 * 30.4375])
