"""Data sets by name, and the real ones where they are."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import datasets

from regime_lib.lab import DATASETS, CharacterData, Dataset, SentenceData, load_dataset
from regime_lib.lab.data.files import cache_root
from regime_lib.lab.data.images import SOURCES
from tests.lab.made_up import openml_that_serves, substitute, write_jpeg_set
from tests.sentences import refusal


@pytest.mark.parametrize(
    ("module", "name"), [("sklearn", "digits"), ("sklearn", "descriptions"), ("PIL", "cifar10")]
)
def test_a_library_that_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, name: str
) -> None:
    digests = write_jpeg_set(tmp_path, np.zeros((2, 3), np.uint8))
    substitute(monkeypatch, "cifar10", digests=digests)
    for known in [k for k in sys.modules if k.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, known, None)
    message = refusal(module, lambda: load_dataset(name, root=tmp_path))
    assert message.endswith('is not installed; run: pip install "regime-lib[lab]"')


def test_a_cache_folder_of_the_platform_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGIME_CACHE")
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    refusal("regime-lib[lab]", cache_root)


def test_an_unknown_name_is_answered_by_the_known_ones() -> None:
    message = refusal("'minst'", lambda: load_dataset("minst"))
    assert all(name in message for name in DATASETS)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)]
)
def test_real_images_have_their_published_sizes_and_moments(
    real_data: Path, name: str, mean: float, std: float
) -> None:
    data = load_dataset(name)
    assert isinstance(data, Dataset)
    assert data.train_inputs.shape == (60_000, 784)
    assert data.test_inputs.shape == (10_000, 784)
    assert data.mean / 255 == pytest.approx(mean, abs=5e-5)
    assert data.std / 255 == pytest.approx(std, abs=5e-5)
    if name == "fashion-mnist":
        assert torch.bincount(data.train_labels).tolist() == [6000] * 10


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_pixels_from_openml_and_from_the_published_files_are_the_same_data(
    real_data: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from_files = load_dataset(name)
    source = SOURCES[name]
    serve = openml_that_serves(source.read(real_data / source.files.folder))
    monkeypatch.setattr(datasets, "fetch_openml", serve)
    downloaded = load_dataset(name, root=tmp_path, download=True)
    assert torch.equal(downloaded.train_inputs, from_files.train_inputs)
    assert torch.equal(downloaded.train_labels, from_files.train_labels)
    assert torch.equal(downloaded.test_inputs, from_files.test_inputs)
    assert torch.equal(downloaded.test_labels, from_files.test_labels)
    assert downloaded.provenance != from_files.provenance


@pytest.mark.data
def test_the_jpeg_copy_of_cifar10_is_close_to_the_original_and_well_mixed(real_data: Path) -> None:
    data = load_dataset("cifar10")
    assert data.provenance == "CIFAR-10 (JPEG copy)"
    assert data.train_inputs.shape == (50_000, 3072)
    assert torch.bincount(data.train_labels).tolist() == [5000] * 10
    assert torch.bincount(data.test_labels).tolist() == [1000] * 10
    means = data.as_images().train_inputs.mean(dim=(0, 2, 3)) * data.std + data.mean
    np.testing.assert_allclose(means.numpy() / 255, [0.4914, 0.4822, 0.4465], atol=1e-3)
    # the published order is by class; 1,000 fair draws of 10 classes stay within 5 deviations
    counts = torch.bincount(data.test_labels[:1000], minlength=10)
    assert (counts - 100).abs().max() < 50


@pytest.mark.data
def test_the_real_texts_are_complete(real_data: Path) -> None:
    characters, sentences = load_dataset("tiny-shakespeare"), load_dataset("sst2")
    assert isinstance(characters, CharacterData)
    assert isinstance(sentences, SentenceData)
    assert len(characters.alphabet) == 65
    assert (len(characters.train_tokens), len(characters.test_tokens)) == (1_003_854, 111_540)
    assert characters.decode(characters.train_tokens[:13]) == "First Citizen"
    parts = sentences.train_labels, sentences.validation_labels, sentences.test_labels
    assert [len(part) for part in parts] == [6920, 872, 1821]
    assert all(set(part.tolist()) == {0, 1} for part in parts)
