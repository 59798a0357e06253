"""Labelled data sets: subsets, views, standardisation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from regime_lib.lab import Dataset, load_dataset
from regime_lib.lab.data.dataset import Pixels, standardised
from tests.sentences import refusal


def dataset_of(train: np.ndarray, test: np.ndarray) -> Dataset:
    """Images of 1x2 pixels whose label is their position, so that shuffling can be undone."""
    return standardised(
        "made up",
        "by hand",
        tuple(map(str, range(20))),
        (1, 1, 2),
        Pixels(
            train,
            np.arange(len(train), dtype=np.uint8),
            test,
            np.arange(len(test), dtype=np.uint8),
        ),
    )


bytes_of_images = hnp.arrays(np.uint8, st.tuples(st.integers(2, 20), st.just(2)))


@given(train=bytes_of_images, test=bytes_of_images)
def test_both_sets_are_standardised_by_the_training_pixels(
    train: np.ndarray, test: np.ndarray
) -> None:
    train[0] = 0, 255  # so that there is a deviation
    data = dataset_of(train, test)
    mean, std = train.mean(), train.std()
    np.testing.assert_allclose([data.mean, data.std], [mean, std], rtol=1e-12)
    for raw, inputs, labels in (
        (train, data.train_inputs, data.train_labels),
        (test, data.test_inputs, data.test_labels),
    ):
        assert inputs.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert sorted(labels.tolist()) == list(range(len(raw)))
        expected = (raw[labels.numpy()] - mean) / std
        np.testing.assert_allclose(inputs.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_dividing_the_pixels_first_would_change_nothing() -> None:
    data = load_dataset("digits")
    pixels = data.train_inputs.double() * data.std + data.mean
    scaled = pixels / 16
    again = (scaled - scaled.mean()) / scaled.std(correction=0)
    torch.testing.assert_close(again, data.train_inputs.double(), rtol=1e-5, atol=1e-5)


def test_a_subset_is_the_first_rows_in_memory_of_its_own(small: Dataset) -> None:
    part = small.subset(7, 3)
    assert torch.equal(part.train_inputs, small.train_inputs[:7])
    assert torch.equal(part.train_labels, small.train_labels[:7])
    assert torch.equal(part.test_inputs, small.test_inputs[:3])
    assert torch.equal(part.test_labels, small.test_labels[:3])
    assert part.train_inputs.untyped_storage().nbytes() == part.train_inputs.nbytes
    assert (part.name, part.mean, part.std) == (small.name, small.mean, small.std)


@pytest.mark.parametrize(("n_train", "n_test", "names"), [(51, 1, "51"), (1, 21, "20"), (0, 1, "")])
def test_a_subset_beyond_the_data_is_refused(
    small: Dataset, n_train: int, n_test: int, names: str
) -> None:
    refusal(names, lambda: small.subset(n_train, n_test))


def rows_of(data: Dataset, part: str) -> list[tuple[float, ...]]:
    inputs, labels = getattr(data, f"{part}_inputs"), getattr(data, f"{part}_labels")
    return [(*row, label) for row, label in zip(inputs.tolist(), labels.tolist(), strict=True)]


@given(first=st.integers(0, 2**32 - 1), second=st.integers(0, 2**32 - 1))
def test_a_redrawn_split_holds_every_pair_once_in_sets_of_the_same_sizes(
    first: int, second: int
) -> None:
    train, test = np.arange(24, dtype=np.uint8), np.arange(100, 116, dtype=np.uint8)
    data = dataset_of(train.reshape(12, 2), test.reshape(8, 2))
    one, again, other = data.redrawn(first), data.redrawn(first), data.redrawn(second)
    assert rows_of(one, "train") == rows_of(again, "train")
    assert (rows_of(one, "train") == rows_of(other, "train")) == (first == second)
    for new in (one, other):
        assert len(new.train_labels) == 12
        everything = rows_of(new, "train") + rows_of(new, "test")
        assert sorted(everything) == sorted(rows_of(data, "train") + rows_of(data, "test"))
        assert (new.mean, new.std, new.image_shape) == (data.mean, data.std, data.image_shape)


def test_a_redrawn_split_mixes_both_sets_in_proportion(small: Dataset) -> None:
    tests = {tuple(row) for row in small.test_inputs.tolist()}
    found = [
        sum(tuple(row) in tests for row in small.redrawn(seed).test_inputs.tolist())
        for seed in range(200)
    ]
    # 20 of 70 rows are tested: hypergeometric, mean 400 / 70 and deviation 1.72 in one draw
    assert abs(np.mean(found) - 400 / 70) < 4 * 1.72 / np.sqrt(200)


def test_images_can_be_had_in_their_shape_and_other_data_cannot(small: Dataset) -> None:
    digits = load_dataset("digits")
    images = digits.as_images()
    assert images.train_inputs.shape == (1297, 1, 8, 8)
    assert torch.equal(images.test_inputs.flatten(1), digits.test_inputs)
    refusal("no images", small.as_images)


def test_inputs_follow_another_tensor_but_tokens_stay_whole(small: Dataset) -> None:
    double = small.to(torch.zeros((), dtype=torch.float64))
    assert double.train_inputs.dtype == double.test_inputs.dtype == torch.float64
    assert double.train_labels.dtype == torch.int64
    tokens = Dataset(
        "t",
        "",
        ("a",),
        small.train_labels,
        small.train_labels,
        small.test_labels,
        small.test_labels,
    )
    assert tokens.to(torch.zeros((), dtype=torch.float64)).train_inputs.dtype == torch.int64


def test_the_representation_is_one_line(small: Dataset) -> None:
    assert (
        repr(small) == "Dataset('small', 50 training and 20 test samples of shape (6,), 3 classes)"
    )
