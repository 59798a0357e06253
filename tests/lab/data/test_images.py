"""Image sets from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image
from sklearn import datasets

from regime_lib.lab import load_dataset
from regime_lib.lab.data.images import read_idx
from tests.lab.made_up import idx, pixels, substitute, write_idx_set, write_jpeg_set
from tests.sentences import refusal


def raw_rows(inputs: torch.Tensor, mean: float, std: float) -> list[tuple[int, ...]]:
    """Undo the standardisation."""
    return [tuple(row) for row in (inputs.double() * std + mean).round().int().tolist()]


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4)))
def test_idx_files_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    path.write_bytes(idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


def test_every_digit_of_scikit_learn_is_there_once() -> None:
    data = load_dataset("digits")
    assert data.train_inputs.shape == (1297, 64)
    assert data.test_inputs.shape == (500, 64)
    ours = raw_rows(torch.cat([data.train_inputs, data.test_inputs]), data.mean, data.std)
    labels = torch.cat([data.train_labels, data.test_labels]).tolist()
    theirs = datasets.load_digits()
    expected = [tuple(map(int, row)) for row in theirs.data]
    assert sorted(zip(ours, labels, strict=True)) == sorted(
        zip(expected, theirs.target.tolist(), strict=True)
    )
    assert abs(data.train_inputs.mean()) < 1e-6
    assert abs(data.train_inputs.std(correction=0) - 1) < 1e-6


def test_the_digits_are_the_same_in_every_call_and_leave_the_global_state() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, two = load_dataset("digits"), load_dataset("digits")
    assert torch.equal(one.train_inputs, two.train_inputs)
    assert torch.equal(one.test_labels, two.test_labels)
    assert torch.equal(torch.get_rng_state(), before)


def test_images_and_labels_of_idx_files_stay_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = pixels(784)
    substitute(monkeypatch, "mnist", digests=write_idx_set(tmp_path, raw))
    data = load_dataset("mnist", root=tmp_path)
    for inputs, labels, expected, expected_labels in (
        (data.train_inputs, data.train_labels, raw.train_pixels, raw.train_labels),
        (data.test_inputs, data.test_labels, raw.test_pixels, raw.test_labels),
    ):
        ours = zip(raw_rows(inputs, data.mean, data.std), labels.tolist(), strict=True)
        theirs = zip(map(tuple, expected.tolist()), expected_labels.tolist(), strict=True)
        assert sorted(ours) == sorted(theirs)
    assert data.provenance == "MNIST"
    assert data.as_images().train_inputs.shape == (12, 1, 28, 28)


def test_jpeg_files_are_decoded_once_with_channels_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]], np.uint8)
    substitute(monkeypatch, "cifar10", digests=write_jpeg_set(tmp_path, colours))
    data = load_dataset("cifar10", root=tmp_path)
    assert data.provenance == "CIFAR-10 (JPEG copy)"
    shown = data.as_images().test_inputs * data.std + data.mean
    expected = torch.from_numpy(colours)[data.test_labels].float()
    torch.testing.assert_close(
        shown, expected[:, :, None, None].expand(-1, -1, 32, 32), rtol=0, atol=3
    )
    monkeypatch.setattr(Image, "open", lambda *args: pytest.fail("decoded again"))
    again = load_dataset("cifar10", root=tmp_path)
    assert torch.equal(again.train_inputs, data.train_inputs)


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = write_idx_set(tmp_path, pixels(784))
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"something else")
    substitute(monkeypatch, "mnist", digests=digests)
    refusal("t10k-labels-idx1-ubyte.gz", lambda: load_dataset("mnist", root=tmp_path))


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_missing_set_tells_both_ways_to_get_it(name: str, tmp_path: Path) -> None:
    message = refusal("REGIME_DATA", lambda: load_dataset(name))
    assert f"load_dataset({name!r}, download=True)" in message
    assert f"{name}/" in message
    assert str(tmp_path) in refusal(name, lambda: load_dataset(name, root=tmp_path))
