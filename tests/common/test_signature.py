"""The sealed signature opens as it was sealed, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError, SignatureError, UsageError
from common.network import Parts, build_network
from common.signature import open_signature, seal, signer_of
from common.signing_key import (
    key_fingerprint,
    load_signing_key,
    make_signing_key,
    signing_key,
    trusted_fingerprint,
    write_public_key,
)
from common.study import parse_study
from simulation.studies import preset_text

STUDY = parse_study(preset_text("paper"))
FEATURES = ("original_firstorder_Mean", "wavelet-HL_glcm_SumEntropy")
KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
FILES = ("model.safetensors", "signature.json", "signature.sig", "model_card.md")


def fingerprint(key: Ed25519PrivateKey) -> str:
    digest = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()
    return ":".join(a + b for a, b in zip(digest[::2], digest[1::2], strict=True))


def card(**changes: Any) -> dict[str, Any]:
    area = {"auc": 0.7, "ci_low": 0.6, "ci_high": 0.8, "n": 90, "n_positive": 40}
    return {
        "study": "a [made-up] study",
        "sealed_on": "2026-02-28",
        "seed": 1,
        "code_sha256": "2" * 64,
        "versions": {"torch": "2"},
        "sites": {"north": {"training": {"patients": 80, "positives": None}}},
        "withheld": {"north": ("positives of training patients: fewer than 10",)},
        "intended_use": "Research.",
        "out_of_scope": ("Care of patients.",),
        "limits": ("Small.",),
        "differential_privacy": "none",
        "performance": {
            "discrimination": {"test": area},
            "test_by_site": {"north": {"not_computed": "too few patients"}},
            "survival": {"not_computed": "no site tells this effect"},
        },
        "operating_point": "Youden on validation patients.",
        "cutoff": "Given by the study's file.",
        "clinical_missing": {},
        "acquisition": {},
        **changes,
    }


def description(**changes: Any) -> dict[str, Any]:
    return {
        "synthetic": True,
        "label_tps": 50,
        "radiomic_features": FEATURES,
        "radiomics_scaling": {"mean": [0.0, 1.0], "deviation": [1.0, 2.0]},
        "clinical_variables": ("age", "sex", "smoking", "family_history"),
        "clinical_scaling": {"mean": [60.0, 0.5, 0.6, 0.2], "deviation": [10.0, 0.5, 0.7, 0.4]},
        "settings": {
            "resampling": STUDY.resampling,
            "patches": STUDY.patches,
            "radiomics": STUDY.radiomics,
            "network": STUDY.network,
        },
        "operating_point": 0.35,
        "cutoff": 0.4,
        "study_sha256": "0" * 64,
        "card": card(),
        **changes,
    }


def weights(parts: Parts = Parts(patches=True, radiomics=2, clinical=4), **changes: Any) -> dict[str, np.ndarray]:
    network = build_network(parts, STUDY.network, seed=1)
    return {name: value.numpy() for name, value in network.state_dict().items()} | changes


WEIGHTS = weights()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signature")
    seal(folder, description(), WEIGHTS, key=KEY)
    return folder


@pytest.fixture
def folder(sealed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "signature")


def resign(folder: Path, change: Callable[[bytes], bytes], *, key: Ed25519PrivateKey = OTHER) -> None:
    """What somebody does who alters signature.json and signs it with a key of their own."""
    data = change((folder / "signature.json").read_bytes())
    (folder / "signature.json").write_bytes(data)
    told = {
        "algorithm": "Ed25519",
        "public_key": key.public_key().public_bytes_raw().hex(),
        "description_sha256": hashlib.sha256(data).hexdigest(),
        "signature": key.sign(data).hex(),
    }
    (folder / "signature.sig").write_text(json.dumps(told, indent=2) + "\n")


def changed(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(json.loads(data) | changes, indent=2).encode()


def refused(folder: Path, word: str, **trust: Any) -> None:
    with pytest.raises(SignatureError, match=word) as error:
        open_signature(folder, **trust)
    assert "\n" not in str(error.value)


def test_opens_with_the_same_weights_and_says_who_signed(sealed: Path) -> None:
    opened = open_signature(sealed, trusted=fingerprint(KEY))
    assert opened.description.radiomic_features == FEATURES
    assert opened.description.settings.radiomics == STUDY.radiomics
    found = opened.network.state_dict()
    assert all(torch.equal(found[name], torch.as_tensor(value)) for name, value in WEIGHTS.items())
    assert (opened.trusted, opened.signer, signer_of(sealed)) == (True, fingerprint(KEY), fingerprint(KEY))


def test_without_a_trusted_key_it_opens_and_says_so(sealed: Path) -> None:
    opened = open_signature(sealed)
    assert not opened.trusted
    assert opened.signer_sentence() == (
        f"signed by {fingerprint(KEY)}, whom you did not say you trust; compare the fingerprint by telephone"
    )


def test_another_signer_is_refused_with_both_fingerprints(sealed: Path) -> None:
    refused(sealed, f"{fingerprint(KEY)}, not by the trusted {fingerprint(OTHER)}", trusted=fingerprint(OTHER))


@settings(max_examples=40, deadline=None)
@given(file=st.sampled_from(FILES), place=st.integers(0, 10**9), change=st.integers(1, 255))
def test_an_altered_byte_is_refused_by_the_name_of_its_file(sealed: Path, file: str, place: int, change: int) -> None:
    data = (sealed / file).read_bytes()
    altered = bytearray(data)
    altered[place % len(data)] ^= change
    (sealed / file).write_bytes(altered)
    try:
        refused(sealed, rf"{file}: (was altered|is not the file that was sealed)")
    finally:
        (sealed / file).write_bytes(data)


def test_every_byte_of_the_signers_word_counts(sealed: Path) -> None:
    data = (sealed / "signature.sig").read_bytes()
    for place in range(len(data)):
        (sealed / "signature.sig").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        refused(sealed, r"signature\.sig: was altered")
    (sealed / "signature.sig").write_bytes(data)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_cut_or_too_large_file_is_refused(folder: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[:-1])
    refused(folder, file)
    (folder / file).write_bytes(data)
    monkeypatch.setitem(__import__("common.signature.files", fromlist=["LARGEST"]).LARGEST, file, len(data) - 1)
    refused(folder, f"{file}: is larger than")
    (folder / file).unlink()
    refused(folder, f"{file}: is missing; a signature's folder has")
    (folder / file).mkdir()
    refused(folder, f"{file}: is missing")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (changed(format=1), "has format 1, this pdl1es reads 2"),
        (changed(format=3), "has format 3"),
        (changed(surprise=1), "unknown key 'surprise'"),
        (changed(cutoff="0.5"), "cutoff = '0.5'"),
        (changed(operating_point=1.5), "operating_point"),
        (changed(weights_sha256="0" * 64), "model.safetensors: is not the file that was sealed"),
        (changed(card_sha256="0" * 64), "model_card.md: is not the file that was sealed"),
        (changed(radiomics_scaling={"mean": [0.0], "deviation": [1.0]}), "2 columns have 1 means"),
        (changed(radiomics_scaling={"mean": [0.0, 0.0], "deviation": [1.0, 0.0]}), "deviation"),
        (lambda data: data.replace(b'"cutoff": 0.4', b'"cutoff": NaN'), "cutoff"),
        (lambda data: data.replace(b'"cutoff": 0.4', b'"cutoff": 1e999'), "cutoff"),
        (lambda data: b"[" * 100_000 + b"]" * 100_000, "does not say its format"),
        (lambda data: b'{"format": 2, "card": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON|fit"),
        (lambda data: b"\xff\xfe", "does not say its format"),
        (lambda data: b"", "does not say its format"),
        (lambda data: b"{}", "does not say its format"),
    ],
)
def test_content_that_does_not_fit_is_refused_whoever_signed(
    folder: Path, change: Callable[[bytes], bytes], word: str
) -> None:
    resign(folder, change)
    refused(folder, word)


@pytest.mark.parametrize("units", [[10**6, 10**6], [8], [4] * 5000])
def test_another_architecture_is_refused_without_making_it(folder: Path, units: list[int]) -> None:
    def wider(data: bytes) -> bytes:
        content = json.loads(data)
        content["settings"]["network"]["hidden_units"] = units
        return json.dumps(content).encode()

    resign(folder, wider)
    refused(folder, "another architecture")


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (weights(Parts(patches=False, radiomics=2, clinical=4)), "another architecture"),
        (weights(Parts(patches=True, radiomics=3, clinical=4)), "another architecture"),
        (weights(extra=np.zeros(3, np.float32)), "another architecture"),
        ({name: value.astype(np.float64) for name, value in WEIGHTS.items()}, "another architecture"),
        (weights(**{"classifier.1.bias": np.array([0, np.nan], np.float32)}), r"classifier\.1\.bias are NaN"),
        (weights(**{"classifier.1.bias": np.array([0, np.inf], np.float32)}), r"classifier\.1\.bias are NaN or inf"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, other: dict[str, np.ndarray], word: str) -> None:
    seal(tmp_path, description(), other, key=KEY)
    refused(tmp_path, word)


def test_swapped_weights_of_another_signature_are_refused(folder: Path, tmp_path: Path) -> None:
    seal(tmp_path / "other", description(), weights(**{"classifier.1.bias": np.ones(2, np.float32)}), key=KEY)
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    refused(folder, "model.safetensors: is not the file that was sealed")


def test_nothing_but_the_documented_keys_is_in_the_description(sealed: Path) -> None:
    content = json.loads((sealed / "signature.json").read_text())
    assert set(content) == {*description(), "format", "weights_sha256", "card_sha256"}
    assert set(content["card"]) == set(card())


def test_the_card_says_what_it_must(sealed: Path, tmp_path: Path) -> None:
    text = (sealed / "model_card.md").read_text()
    for words in (
        "# SYNTHETIC: model card",
        r"a \[made-up\] study",
        "| north | 80 (?) |",
        "withheld: positives of training patients",
        "0.700 (0.600 to 0.800), 40 of 90 patients positive",
        "not computed: too few patients",
        "No differential privacy",
        "0.3500 or more is positive. Youden",
        "Care of patients.",
        hashlib.sha256((sealed / "model.safetensors").read_bytes()).hexdigest(),
    ):
        assert words in text
    private = card(differential_privacy={"epsilon": 3.0, "delta": 1e-5}, operating_point="None: too few.")
    seal(tmp_path, description(card=private, operating_point=None, synthetic=False), WEIGHTS, key=KEY)
    text = (tmp_path / "model_card.md").read_text()
    assert "Differential privacy: epsilon 3 at delta 1e-05 for whether the data of one training patient" in text
    assert "No differential privacy" not in text
    assert "Operating point: none. None: too few." in text
    assert "SYNTHETIC" not in text


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ((2.574, 1.216, 5.438), "hazard ratio 2.57 (1.22 to 5.44)."),
        ((2.0, 0.0004, 84211.7), "hazard ratio 2.00 (below 0.01 to above 1,000)."),
    ],
)
def test_hazard_ratios_of_the_card_are_told_as_far_as_anybody_reads_them(
    tmp_path: Path, effect: tuple[float, float, float], words: str
) -> None:
    found = dict(zip(("hazard_ratio", "ci_low", "ci_high"), effect, strict=True))
    performance = card()["performance"] | {"survival": found}
    seal(tmp_path, description(card=card(performance=performance)), WEIGHTS, key=KEY)
    assert words in (tmp_path / "model_card.md").read_text()


def test_the_same_is_sealed_to_the_same_bytes(sealed: Path, tmp_path: Path) -> None:
    seal(tmp_path, description(), WEIGHTS, key=KEY)
    assert all((tmp_path / file).read_bytes() == (sealed / file).read_bytes() for file in FILES)


def test_a_nan_is_never_sealed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cutoff"):
        seal(tmp_path, description(cutoff=float("nan")), WEIGHTS, key=KEY)
    assert not list(tmp_path.iterdir())


def test_a_key_is_private_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "run" / "signing.key"
    first = signing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(load_pem_private_key(path.read_bytes(), None), Ed25519PrivateKey)
    assert signing_key(path).private_bytes_raw() == first.private_bytes_raw()
    with pytest.raises(FileExistsError):
        make_signing_key(path)
    path.chmod(0o644)
    with pytest.raises(DataError, match="chmod 600"):
        load_signing_key(path)
    path.write_text("no key")
    with pytest.raises(DataError, match="is no private key in PEM"):
        load_signing_key(path)


def test_trust_is_a_file_or_a_fingerprint(tmp_path: Path) -> None:
    write_public_key(KEY, tmp_path / "signing.pub")
    told = fingerprint(KEY)
    assert key_fingerprint(KEY.public_key().public_bytes_raw()) == told
    for text in (str(tmp_path / "signing.pub"), told, told.upper(), told.replace(":", ""), told.replace(":", " ")):
        assert trusted_fingerprint(text) == told
    for wrong in ("nowhere.pub", told[:-3], ""):
        with pytest.raises(UsageError, match="neither a file nor a fingerprint"):
            trusted_fingerprint(wrong)
    (tmp_path / "signing.pub").write_text("no key")
    with pytest.raises(DataError, match="is no public key in PEM"):
        trusted_fingerprint(str(tmp_path / "signing.pub"))
