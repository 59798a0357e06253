"""Headlines of the chapter on the training response say the numbers that they are given."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.training_response import headlines as h
from regime_lib.chapters.training_response.reductions import CHOICES, OneWeightCurves
from regime_lib.chapters.training_response.responses import Kernels, Response, Stages
from regime_lib.chapters.training_response.tasks import DEFINITIONS, FragilityCorrelations
from regime_lib.chapters.training_response.variations import (
    NoisyResponse,
    Regression,
    UnstableRates,
)
from regime_lib.estimate import Estimate
from tests.chapters.bare import bare
from tests.chapters.headlines import one_sentence


def test_exponents_are_said_with_a_true_minus_by_loss_and_place() -> None:
    exponents = {
        ("relu", loss, where): value
        for loss, values in (("cross-entropy", (-2.0, -1.0)), ("squared", (-1.5, -0.9)))
        for where, value in zip(("output", "logit"), values, strict=True)
    }
    said = one_sentence(h.response(bare(Response, exponents=exponents), "relu"))
    assert "−2.00 (output) and −1.00 (logit) under cross-entropy" in said
    assert "−1.50 (output) and −0.90 (logit) under the squared error" in said


def test_the_top_of_the_output_kernel_is_found() -> None:
    output = np.array([[[1.0], [30.0], [5.0]]])
    logit = np.array([[[1.0], [0.5], [0.25]]])
    said = h.two_kernels(bare(Kernels, kernels={"output": output, "logit": logit}))
    assert "inputs at distance 1 respond 30 times" in one_sentence(said)
    assert "0.50 times at the logit" in said


def test_curves_are_held_against_the_closed_form_where_it_is_drawn() -> None:
    x = np.array([1.0, 10.0, 100.0])
    beyond = (np.array([1.0, 10.0, 1000.0]), np.array([1.0, 0.02, 1e-9]))
    found = bare(OneWeightCurves, closed=(x, x**-2.0), scaled={"a": (x, x**-2.0), "b": beyond})
    assert "end at 1.000 to 2.000 times the closed form" in one_sentence(h.one_weight(found))
    first = CHOICES[0][2], CHOICES[1][1], CHOICES[2][-1]
    chosen = bare(OneWeightCurves, chosen={first: (np.array([1.0, 0.5]), np.array([1.0, 0.4]))})
    assert "1.250 times the response of gradient flow" in one_sentence(h.chosen_weight(chosen))


def test_other_headlines_say_their_numbers() -> None:
    halved = bare(Stages, halved={"output": 2.5, "logit": 3.5})
    assert "2.50 (output) and 3.50 (logit)" in one_sentence(h.stages(halved))
    noise = bare(NoisyResponse, steeper={("relu", "Gaussian"): 1.25})
    assert "by 1.25 (Gaussian, ReLU)" in one_sentence(h.noise(noise))
    rates = bare(Regression, ratios={("squared", 0.3): 1.0, ("squared", 0.6): 1.125})
    assert "at 1.000 to 1.125 times the rate" in one_sentence(h.regression(rates))
    values = np.linspace(-0.5, 0.1, len(DEFINITIONS))
    found = {(name, "both"): Estimate(v) for name, v in zip(DEFINITIONS, values, strict=True)}
    said = h.correlations(bare(FragilityCorrelations, correlations=found))
    assert "is −0.50 to 0.10;" in one_sentence(said)
    exponents = {"output": np.array([[-2.0], [-1e-9]]), "logit": np.array([[-1.0], [0.0]])}
    said = h.unstable_rates(bare(UnstableRates, sizes=np.array([0.25, 16.0]), exponents=exponents))
    assert "−2.00 (output) and −1.00 (logit) at a first step of 0.25" in one_sentence(said)
    assert said.endswith("0.00 (output) and 0.00 (logit) at a first step of 16.")
