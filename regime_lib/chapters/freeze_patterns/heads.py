"""Heads in their path form: what a convex solver reaches that gradient descent on factors does not.

A perceptron with one or two hidden layers is trained on the squared loss, frozen, and then finished
in three ways: by gradient descent on its weights, by least squares over the weights of its paths,
and by a logistic regression over them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from regime_lib.chapters.freeze_patterns.cases import Case, parameters_of
from regime_lib.chapters.freeze_patterns.trajectory import (
    accuracy_of,
    branch,
    training_loss,
    trajectory,
)
from regime_lib.instrument.freezing.frozen import FrozenPatterns
from regime_lib.instrument.freezing.paths import path_features

_PENALTY = 1.0  # inverse strength of the logistic regression's penalty, scikit-learn's default
_ROUNDS = 300  # of its solver


@dataclass(frozen=True)
class Head:
    """One shape of head, finished in several ways; an entry per seed."""

    hidden: tuple[int, ...]
    factor_parameters: int
    path_parameters: int
    loss: dict[str, Float[np.ndarray, " members"]]
    """Squared training loss: of "unfrozen", "factors" and "least squares"."""
    accuracy: dict[str, Float[np.ndarray, " members"]]
    """On the test set; of "logistic" as well."""


def head(case: Case, freeze_at: int, logistic: bool = True) -> Head:
    """Train the heads of a case, freeze them at a step, and finish them in every way."""
    data = case.data()
    run = trajectory(case, [freeze_at])
    factors = branch(case, run.moments[freeze_at])
    loss = {
        "unfrozen": training_loss(run.end, data, case.loss),
        "factors": training_loss(factors, data, case.loss),
    }
    accuracy = {
        "unfrozen": accuracy_of(run.end, data),
        "factors": accuracy_of(factors, data),
    }
    train = _features(factors, data.train_inputs)
    test = _features(factors, data.test_inputs)
    classes = len(data.classes)
    solved = [
        least_squares(a, x, b, y, classes)
        for a, x, b, y in zip(train, data.train_labels, test, data.test_labels, strict=True)
    ]
    loss["least squares"], accuracy["least squares"] = np.array(solved).T
    if logistic:
        accuracy["logistic"] = np.array(
            [
                logistic_accuracy(a, x, b, y)
                for a, x, b, y in zip(train, data.train_labels, test, data.test_labels, strict=True)
            ]
        )
    return Head(
        case.hidden,
        parameters_of(run.end) // len(case.seeds),
        train[0].shape[1] * classes,
        loss,
        accuracy,
    )


def least_squares(
    train: Float[np.ndarray, "train paths"],
    labels: Int[Tensor, " train"],
    test: Float[np.ndarray, "test paths"],
    truth: Int[Tensor, " test"],
    classes: int,
) -> tuple[float, float]:
    """Return squared training loss and test accuracy of the path weights of least norm."""
    goal = np.eye(classes)[labels.numpy()]
    weights = solved(train, goal)
    loss = float(np.square(train @ weights - goal).mean())
    return loss, float(np.mean((test @ weights).argmax(axis=1) == truth.numpy()))


def solved(
    features: Float[np.ndarray, "samples paths"], goal: Float[np.ndarray, "samples classes"]
) -> Float[np.ndarray, "paths classes"]:
    """Return the path weights of least squares, and of least norm among them.

    Features of paths depend on each other. Singular values that rounding alone can make count as
    zero, as in NumPy; SciPy's own limit is below the largest of them, and what it then returns
    fits as well with weights that are larger by ten orders of magnitude.
    """
    limit = max(features.shape) * np.finfo(features.dtype).eps
    weights, *_ = linalg.lstsq(features, goal, cond=limit, lapack_driver="gelsd")
    return np.asarray(weights)


def logistic_accuracy(
    train: Float[np.ndarray, "train paths"],
    labels: Int[Tensor, " train"],
    test: Float[np.ndarray, "test paths"],
    truth: Int[Tensor, " test"],
) -> float:
    """Return the test accuracy of a logistic regression over paths, with the usual penalty."""
    model = LogisticRegression(C=_PENALTY, max_iter=_ROUNDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close enough for an accuracy
        model.fit(train, labels.numpy())
    return float(np.mean(model.predict(test) == truth.numpy()))


def _features(frozen: FrozenPatterns, inputs: Tensor) -> list[Float[np.ndarray, "samples paths"]]:
    """Return the features of each member's paths on its own inputs, in double precision."""
    decided = frozen.decisions(inputs)
    return [
        path_features(own.double(), [one.planes[0][member] for one in decided]).numpy()
        for member, own in enumerate(inputs)
    ]
