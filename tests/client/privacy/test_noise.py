"""Noise: normal, the same for one release, another for every other, and from a key that only the site has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from client.privacy.noise import KEY_FILE, Noise, noise_for, site_secret
from common.errors import DataError

NAME, OTHER = "a" * 64, "b" * 64


def test_noise_is_standard_normal_and_its_batches_uniform() -> None:
    noise = Noise(bytes(range(32)))
    values = noise.normal(200_000)
    assert kstest(values, "norm").pvalue > 1e-3
    assert kstest(noise.uniform(200_000), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.01


def test_one_release_gets_the_same_noise_and_another_release_or_key_other_noise() -> None:
    secret, another = bytes(32), bytes([1]) * 32
    first = noise_for(secret, NAME).normal(8)
    assert np.array_equal(first, noise_for(secret, NAME).normal(8))
    assert not np.isin(first, noise_for(secret, OTHER).normal(8)).any()
    assert not np.isin(first, noise_for(another, NAME).normal(8)).any()


def test_the_stream_goes_on_and_never_repeats() -> None:
    noise = Noise(bytes(32))
    assert len(np.unique([noise.uniform(4) for _ in range(50)])) == 200


def test_the_key_is_made_once_for_the_site_alone(tmp_path: Path) -> None:
    secret = site_secret(tmp_path)
    assert site_secret(tmp_path) == secret and len(set(secret)) > 8
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    assert site_secret(tmp_path / "another") != secret


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(DataError, match=r"noise.key: has 5 bytes, a key has 32; remove it"):
        site_secret(tmp_path)
