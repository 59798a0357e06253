"""What each figure of the chapter on grokking found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regime_lib.chapters.grokking.measure import Addition, RegimeChange
from regime_lib.chapters.grokking.measure_batchnorm import Normalised
from regime_lib.chapters.grokking.run import MeasuredRun
from regime_lib.chapters.grokking.three_cases import QUANTITIES, ThreeCases
from regime_lib.chapters.wording import each, listed


def measured_run(run: MeasuredRun) -> str:
    """State when the network memorises, and when it generalises."""
    memorised, jump = run.moments.medians
    words = [
        f"passes {what} at step {when:,.0f}" if np.isfinite(when) else f"does not reach {what}"
        for what, when in (("99 % in training", memorised), ("50 % in the test", jump))
    ]
    return f"Accuracy {listed(words)}."


def images_of_long_run(known: Mapping[str, Any]) -> str:
    """State when the image network of the committed run on MNIST memorises, and generalises."""
    return (
        f"On MNIST the network memorises at step {known['images-memorised']:,.0f} and generalises "
        f"{known['images-factor']:.1f} times later."
    )


def aligned_in_long_run(known: Mapping[str, Any]) -> str:
    """State the same as `aligned` of the committed run, where images are those of MNIST."""
    factors = [
        f"{known[f'nd-grok-flips-{case}']:.1f} times as many flips around the jump as before, and "
        f"{known[f'nd-grok-excess-{case}']:.2f} times as many per relative weight step"
        for case in ("digits", "modular")
    ]
    return f"MNIST has {factors[0]}; addition {factors[1]}."


def controls(runs: Mapping[str, MeasuredRun]) -> str:
    """State the test accuracy of every condition at the end."""
    ends = {name: float(np.median(run.test[-1])) for name, run in runs.items()}
    return f"At the end test accuracy is {each(ends, '.2f')}."


def spectrum(addition: Addition) -> str:
    """State how much of a unit's power its strongest frequency holds, before and after."""
    found, early = addition.fourier, addition.memorised
    return (
        f"The strongest frequency of a unit holds {found.purity[early]:.2f} of its power at "
        f"memorisation and {found.purity[-1]:.2f} at the end, where test accuracy is "
        f"{found.test[-1]:.2f}."
    )


def statistics(found: Normalised) -> str:
    """State the test accuracy at memorisation under every kind of statistics."""
    scores = {
        name.replace("running (", "running statistics, momentum ").removesuffix(")"): float(
            np.median(test[found.memorised])
        )
        for name, test in found.tests.items()
    }
    return f"When training is memorised, test accuracy is {each(scores, '.2f')}."


def aligned(found: RegimeChange) -> str:
    """State how flips around the jump compare with those on the plateau."""
    switched, per_step = (
        each({name: own[key] for name, own in found.rises.items()}, ".2f")
        for key in ("flips", "excess")
    )
    return (
        f"Around the jump units switch {switched} times as often as on the plateau, and per "
        f"relative weight step {per_step} times."
    )


def side_by_side(found: ThreeCases) -> str:
    """State the factors of all cases."""
    words = []
    for quantity, title in QUANTITIES.items():
        known = {
            name: float(one.value)
            for name, one in found.factors[quantity].items()
            if one.value is not None
        }
        words.append(f"{each(known, '.2f')} ({title})")
    return f"From plateau to jump the factors are {'; '.join(words)}."
