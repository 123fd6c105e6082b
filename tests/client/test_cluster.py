"""`features --cluster`: the sentences without a cluster, what a node refuses, and a cluster that loses a node."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import call
from phantoms import make_site, tumour_volume, write_volume

import client.cluster
import client.workers
from client.__main__ import main
from client.cluster import run_on_cluster
from client.cluster_task import Unfit, compute_on_node
from client.extraction import Extraction, extract_cohort
from client.extraction_cache import Recipe, Record, record_key, record_path
from client.extraction_task import Refusal, Task
from common.code_hash import code_sha256
from common.errors import PeerError
from common.flower_environment import QUIET
from common.paper_settings import PAPER_PATCHES, PAPER_RADIOMICS, PAPER_RESAMPLING

FEW = PAPER_RADIOMICS.model_copy(update={"image_types": ("Original",), "feature_classes": ("shape", "firstorder")})
RECIPE = Recipe(PAPER_RESAMPLING, PAPER_PATCHES, FEW)
PATIENTS = 12


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("images")
    return {f"p{seed}": write_volume(tumour_volume(seed), folder, f"p{seed}") for seed in range(PATIENTS)}


@pytest.fixture
def task(patients: dict[str, tuple[Path, Path]], tmp_path: Path) -> Task:
    image, mask = patients["p0"]
    return Task(image, mask, RECIPE, record_path(tmp_path, record_key(image, mask, RECIPE)))


@pytest.fixture
def site(patients: dict[str, tuple[Path, Path]]) -> Path:
    folder = patients["p0"][0].parent
    if not (folder / "site.toml").exists():
        make_site(folder, dict(list(patients.items())[:1]))
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def features(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code, _, err = call(main, "pdl1es-site", capsys, "features", *words)
    assert err.startswith("error: ") and err.count("\n") == 1
    return code, err


def test_an_address_nobody_answers_at(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    code, err = features(capsys, site, "--cluster", address)
    assert code == 3 and f"{address}: no Ray cluster answers (Connection refused); start it: ray start --head" in err


def test_what_is_no_address(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("auto", "ray://head:10001", "head"):
        code, err = features(capsys, site, "--cluster", words)
        assert code == 2 and f"{words}: is no address" in err


def test_jobs_and_a_cluster_are_one_too_many(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = features(capsys, site, "--cluster", "head:6379", "--jobs", 2)
    assert code == 2 and "give one of them" in err


def test_without_ray(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(client.cluster, "find_spec", lambda name: None)
    code, err = features(capsys, site, "--cluster", "head:6379")
    assert code == 2 and 'pip install "pdl1es[cluster]"' in err


def test_a_listener_that_is_no_cluster(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(client.cluster, "START_SECONDS", 2.0)
    monkeypatch.setattr(client.workers, "_GRACE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        code, err = features(capsys, site, "--cluster", address)
    assert code == 3 and f"{address}: what listens there is no Ray cluster" in err


def test_the_help_says_where_the_folder_must_lie(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(main, "pdl1es-site", capsys, "features", "--help")
    said = " ".join(out.replace("│", " ").split())
    assert "the site's folder lies on a file system that all nodes see under the same path" in said


def test_a_fit_node_computes_and_writes_nothing(task: Task) -> None:
    assert isinstance(compute_on_node(task, code_sha256()), Record)
    assert not task.target.exists()


def test_a_node_with_other_code_is_refused_before_anything(task: Task) -> None:
    found = compute_on_node(replace(task, image=Path("none.nii.gz")), "0" * 64)
    assert isinstance(found, Unfit) and found.reason.startswith("runs other code than this machine")


def test_a_node_that_sees_other_files_is_refused(task: Task, tmp_path: Path) -> None:
    found = compute_on_node(replace(task, image=tmp_path / "none.nii.gz"), code_sha256())
    assert isinstance(found, Unfit) and f"cannot read {tmp_path / 'none.nii.gz'} (No such file" in found.reason
    (tmp_path / "other.nii.gz").write_bytes(task.image.read_bytes() + b"\0")
    found = compute_on_node(replace(task, image=tmp_path / "other.nii.gz"), code_sha256())
    assert isinstance(found, Unfit) and f"has other files at {tmp_path}" in found.reason


@dataclass
class Nodes:
    """A cluster on this machine: a head that computes nothing and two nodes of one core each.

    A file whose name begins with deadly ends every process of theirs that opens it.
    """

    cluster: Any
    workers: list[Any]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def kill_one(self) -> None:
        self.cluster.remove_node(self.workers.pop(), allow_graceful=False)


DEADLY = """
import pathlib, signal
plain = pathlib.Path.open
def deadly(path, *rest, **more):
    if path.name.startswith("deadly"):
        signal.raise_signal(signal.SIGSEGV)
    return plain(path, *rest, **more)
pathlib.Path.open = deadly
"""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    deadly = tmp_path_factory.mktemp("deadly")
    (deadly / "sitecustomize.py").write_text(DEADLY)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", str(deadly))
        from ray.cluster_utils import Cluster

        logging.getLogger("ray").setLevel(logging.CRITICAL)
        before = signal.getsignal(signal.SIGTERM)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        yield Nodes(cluster, [cluster.add_node(num_cpus=1) for _ in range(2)])
        cluster.shutdown()
        signal.signal(signal.SIGTERM, before)


def extract(patients: dict[str, tuple[Path, Path]], cache: Path, *, cluster: str | None = None) -> Extraction:
    return extract_cohort(
        patients,
        resampling=PAPER_RESAMPLING,
        patches=PAPER_PATCHES,
        radiomics=FEW,
        cache=cache,
        jobs=2,
        cluster=cluster,
    )


@pytest.mark.slow
def test_other_code_and_other_files_end_the_run_in_a_sentence(
    nodes: Nodes, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(task, image=tmp_path / "gone.nii.gz")
    with pytest.raises(PeerError, match=rf"^{nodes.address}: node \S+ cannot read {gone.image} "):
        list(run_on_cluster([gone], address=nodes.address))
    monkeypatch.setattr(client.cluster, "code_sha256", lambda: "0" * 64)
    with pytest.raises(PeerError, match=r"node \S+ runs other code than this machine"):
        list(run_on_cluster([task], address=nodes.address))
    assert not task.target.exists()


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_gives_what_this_machine_gives(
    nodes: Nodes, patients: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mask = patients["p0"]
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(image.read_bytes()[:1000])
    # a path as a person gives it, relative to where the command runs and no node does
    monkeypatch.chdir(tmp_path)
    asked = {"cut": (Path(cut.name), mask)} | patients
    records = tmp_path / "far" / "patients"
    ended, seen = threading.Event(), list[int]()

    def kill_in_the_middle() -> None:
        while not ended.wait(0.02):
            if found := len(list(records.glob("*.npz"))):
                seen.append(found)
                nodes.kill_one()
                return

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    try:
        far = extract(asked, tmp_path / "far", cluster=nodes.address)
    finally:
        ended.set()
        killer.join()
    assert 1 <= seen[0] < PATIENTS
    near = extract(asked, tmp_path / "near")
    pd.testing.assert_frame_equal(far.features, near.features, check_exact=True)
    assert all(np.array_equal(far.patches[name], near.patches[name]) for name in patients)
    assert far.quarantined == near.quarantined and far.quarantined[0].file == cut.name
    assert (far.computed, far.reused) == (PATIENTS, 0)
    names = [{one.name for one in (tmp_path / where / "patients").iterdir()} for where in ("far", "near")]
    assert names[0] == names[1]
    again = extract(asked, tmp_path / "far", cluster=nodes.address)
    assert (again.computed, again.reused) == (0, PATIENTS)


@pytest.mark.slow
def test_a_patient_that_kills_every_process_is_refused(nodes: Nodes, task: Task, tmp_path: Path) -> None:
    deadly = replace(task, image=tmp_path / "deadly.nii.gz")
    found = dict(run_on_cluster([deadly, task], address=nodes.address))
    assert isinstance(found[0], Refusal) and found[0].file == deadly.image
    assert found[0].reason.startswith("each of 4 processes that computed it on the cluster died (WorkerCrashedError)")
    assert isinstance(found[1], Record) and task.target.exists()
