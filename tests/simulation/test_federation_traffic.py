"""All that a server gets in a federated run, searched for patients; the sites' trails say the same of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from captured_traffic import CapturingGrid, secrets_in, small_counts, texts_of, unmistakable
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from small_federation import SmallFederation, TinyTrunk, made_up_dataset, small_text

from client.__main__ import main
from client.audit.contents import content_sha256
from client.audit.trail import Trail
from client.federation.dataset import Dataset
from common.messages import message_bytes

MINIMUM = 5
SITES = ("site-1", "site-2", "site-3")


class Run:
    """A finished run with everything its server got."""

    def __init__(self, folder: Path) -> None:
        CapturingGrid.captured.clear()
        self.datasets = {
            name: unmistakable(made_up_dataset(number), number) for number, name in enumerate(SITES, start=1)
        }
        text = small_text(3, cross_site="true", correlation="0.9", maximum_features="6")
        self.small = SmallFederation(folder, text, self.datasets, grid_type=CapturingGrid)
        self.results = self.small.start()
        self.captured = list(CapturingGrid.captured)

    def of(self, site: str) -> list[RecordDict]:
        return [content for name, content in self.captured if name == site]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("common.network.Trunk", TinyTrunk)
        for report in ("server.coordinate.write_study_report", "client.federation.answer.write_local_report"):
            patched.setattr(report, lambda *_, **__: None)
        yield Run(tmp_path_factory.mktemp("traffic"))


def kinds(contents: list[RecordDict]) -> set[str]:
    return {str(config["kind"]) for content in contents for config in content.config_records.values()}


def test_every_kind_of_answer_was_captured(run: Run) -> None:
    assert run.results["signature"]["weights_sha256"]
    expected = {"describe", "statistics", "ranks", "correlation", "training", "alone", "evaluation", "survival"}
    assert kinds(run.of("site-1")) == expected


@pytest.mark.parametrize("site", SITES)
def test_nothing_of_a_patient_is_in_the_traffic(run: Run, site: str) -> None:
    assert not list(secrets_in(run.of(site), run.datasets[site]))


def test_no_count_is_below_the_minimum(run: Run) -> None:
    contents = [content for _, content in run.captured]
    assert not [one for text in texts_of(contents) for one in small_counts(json.loads(text), minimum=MINIMUM)]
    # one patient of each site is excluded, which is such a count
    assert any("excluded: fewer than 5 patients" in text for text in texts_of(contents))


def leak(dataset: Dataset, what: str) -> RecordDict:
    """A message that carries one patient's secret in one of the forms that are searched for."""
    value = float(dataset.cohort.features.iloc[3, 2])
    pixels = dataset.cohort.patches[4, 1][16]
    text, array = "{}", np.zeros(50, dtype=np.float32)
    if what == "id":
        text = json.dumps({"withheld": [f"patient {dataset.cohort.patients.index[0]}"]})
    elif what == "text":
        text = json.dumps({"mean": [0.0, value]})
    elif what == "age":
        text = json.dumps({"mean": [float(np.float32(dataset.cohort.patients["age"].iloc[7]))]})
    elif what == "float32":
        array[7] = value
    elif what == "float64":
        array = np.frombuffer(b"\0" * 4 + np.float64(value).tobytes() + b"\0" * 4, dtype=np.float32)
    elif what == "patch":
        array[5:37] = pixels.astype(np.float32) / 255
    elif what == "bytes of a patch":
        array = np.frombuffer(pixels.tobytes(), dtype=np.float32)
    return RecordDict(
        {"record": ConfigRecord({"kind": "x", "json": text}), "arrays": ArrayRecord({"parameters": Array(array)})}
    )


LEAKS = ("id", "text", "age", "float32", "float64", "patch", "bytes of a patch")


@pytest.mark.parametrize("what", LEAKS)
def test_the_search_finds_what_it_looks_for(what: str) -> None:
    dataset = unmistakable(made_up_dataset(1), 1)
    assert not list(secrets_in([leak(dataset, "nothing")], dataset))
    assert len(list(secrets_in([leak(dataset, what)], dataset))) == 1


def test_small_counts_are_found_where_there_are_some() -> None:
    told = {"divisions": {"test": {"patients": 4}}, "ranks": {"n_positive": [2, 9], "n_negative": [2, 9]}}
    found = list(small_counts(told, minimum=MINIMUM))
    assert found == [".divisions.test.patients", ".ranks.n_positive and n_negative"]


@pytest.mark.parametrize("site", SITES)
def test_the_trail_has_every_message_that_left(run: Run, site: str) -> None:
    entries = Trail(run.small.folders[site]).entries()
    left = [one for one in entries if one.direction == "out"]
    assert [one.content_sha256 for one in left] == [content_sha256(content) for content in run.of(site)]
    assert [one.size_bytes for one in left] == [message_bytes(content) for content in run.of(site)]
    assert len([one for one in entries if one.direction == "in"]) == len(left)
    assert all(one.study_sha256 == run.results["study_sha256"] for one in left)
    trained = next(one for one in left if one.kind == "training" and one.round == 0)
    weights = {one.name: one for one in trained.contents if one.name in ("parameters", "buffers")}
    assert {one.dtype for one in weights.values()} == {"float32"}
    assert len(weights) == 2


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["pdl1es-site", *map(str, words)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return int(ended.value.code or 0), captured.out + captured.err


def test_a_person_reads_what_left(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run.small.folders["site-1"]
    code, text = command(capsys, monkeypatch, "audit", folder)
    assert code == 0, text
    assert re.search(r"(?m)^ +\d+  \S+ \S+  out  training, 0 ", text)
    assert "withheld excluded: fewer than 5 patients" in text
    assert "unbroken" in text
    results = json.loads((folder / "results" / "audit" / "results.json").read_text())
    phases = {one["phase"]: one for study in results["studies"] for one in study["phases"]}
    assert phases["training"]["bytes"] == sum(
        message_bytes(content) for content in run.of("site-1") if kinds([content]) == {"training"}
    )
    page = (folder / "results" / "audit" / "report.html").read_text()
    assert "What left this hospital" in page
    assert "study approved" in page
    assert run.results["study_sha256"][:12] in page
    assert "SECRET" not in page
    code, text = command(capsys, monkeypatch, "audit", folder, "--since", "2100-01-01")
    assert code == 0
    assert " out " not in text


def test_a_broken_trail_is_said(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run.small.folders["site-3"]
    lines = (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "audit.jsonl").write_bytes(b"".join(lines[:4] + lines[5:]))
    try:
        code, text = command(capsys, monkeypatch, "audit", folder, "--verify")
    finally:
        (folder / "audit.jsonl").write_bytes(b"".join(lines))
    assert code == 1
    assert "line 5 has number 6 where 5 belongs: lines were removed before it" in text
    assert command(capsys, monkeypatch, "audit", folder, "--verify")[0] == 0
