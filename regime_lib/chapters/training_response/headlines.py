"""What each figure of the chapter on the training response found, in one sentence of numbers."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.training_response import data, tasks
from regime_lib.chapters.training_response.figures_tasks import HELD, NAMES
from regime_lib.chapters.training_response.flips import PatternFlips
from regime_lib.chapters.training_response.lazy import WIDTHS, Lazy
from regime_lib.chapters.training_response.reductions import CHOICES, OneWeightCurves, Rotation
from regime_lib.chapters.training_response.responses import (
    WHERE,
    Kernels,
    Response,
    Separability,
    Stages,
)
from regime_lib.chapters.training_response.settings import ACTIVATIONS, LOSSES
from regime_lib.chapters.training_response.variations import (
    NoisyResponse,
    Regression,
    UnstableRates,
)
from regime_lib.chapters.wording import each, listed, ranging, written
from regime_lib.simulators.training_response.setup import Activation


def response(result: Response, activation: Activation) -> str:
    """State the exponents with which the response falls."""
    words = [
        f"{each({w: result.exponents[activation, loss, w] for w in WHERE}, '.2f')} under {name}"
        for loss, name in zip(LOSSES, ("cross-entropy", "the squared error"), strict=True)
    ]
    return (
        f"{ACTIVATIONS[activation]} networks: the response falls with time to the power of "
        f"{listed(words)}."
    )


def two_kernels(result: Kernels) -> str:
    """State how much the inputs respond that respond most at the output, in both places."""
    last = {where: np.median(result.kernels[where][-1], axis=1) for where in WHERE}
    top = int(last["output"].argmax())
    return (
        f"In the last epoch inputs at distance {top} respond {written(last['output'][top], '.3g')} "
        "times as much as the trained input at the output, and "
        f"{written(last['logit'][top], '.2f')} times at the logit."
    )


def one_weight(result: OneWeightCurves) -> str:
    """State how near to the closed form all rates and slopes end."""
    x, law = (np.asarray(part, dtype=float) for part in result.closed)
    ends = []
    for own_x, own in result.scaled.values():
        last = int(np.flatnonzero(own_x <= x[-1])[-1])  # the closed form is drawn so far
        expected = np.exp(np.interp(np.log(own_x[last]), np.log(x), np.log(law)))
        ends.append(float(own[last] / expected))
    return (
        f"Scaled, the responses of {len(ends)} pairs of rate and slope end at "
        f"{ranging(ends, '.3f')} times the closed form of gradient flow."
    )


def chosen_weight(result: OneWeightCurves) -> str:
    """State what the reader's first choice shows: where descent ends beside the flow."""
    own, law = result.chosen[CHOICES[0][2], CHOICES[1][1], CHOICES[2][-1]]
    return (
        f"Towards target {CHOICES[2][-1]:g}, gradient descent ends at {own[-1] / law[-1]:.3f} "
        "times the response of gradient flow."
    )


def stages(result: Stages) -> str:
    """State when the response has halved, in both places."""
    return (
        "In epochs times rate times kernel, the response has halved at "
        f"{each({where: result.halved[where] for where in WHERE}, '.2f')}."
    )


def rotation(result: Rotation) -> str:
    """State how slowly the angle grows, and how far the network is from the rotation."""
    gaps = [float(np.median(values[-1])) for _, values in result.differences.values()]
    return (
        f"One angle describes the network: it is {result.numbers['theta-1e4']:.2f} after 10⁴ "
        f"epochs and {result.numbers['theta-1e30']:.2f} after 10³⁰, and the logits of network and "
        f"rotation end {ranging(gaps, '.1g')} apart, by the rate."
    )


def lazy(result: Lazy) -> str:
    """State how much the tangent kernel changes in the narrowest and the widest network."""
    words = []
    for place in (0, -1):
        changes = {
            title: float(np.median(result.changes[activation, "width"][place]))
            for activation, title in ACTIVATIONS.items()
        }
        words.append(f"{each(changes, '.1g')} of its size at width {WIDTHS[place]}")
    return f"In training the tangent kernel changes by {listed(words)}."


def separability(result: Separability) -> str:
    """State what a product leaves out of the whole table."""
    words = []
    for activation, title in ACTIVATIONS.items():
        own = {
            str(where): float(np.median(result.missing[activation, where, False][-1]))
            for where in WHERE
        }
        words.append(f"{each(own, '.1g')} with {title}")
    return f"Of the whole table of responses a product leaves out {listed(words)}."


def competition(result: data.Competition) -> str:
    """State how many inputs follow their nearest trained input, with few and with many."""
    words = []
    for place in (0, -1):
        shares = {
            title: float(np.mean(result.nearest[i, place]))
            for i, title in enumerate(ACTIVATIONS.values())
        }
        words.append(f"{each(shares, '.0%')} with {data.COUNTS[place]} of these")
    return f"The share of inputs answered like the nearest trained one is {listed(words)}."


def noise(result: NoisyResponse) -> str:
    """State by what noise multiplies the exponent of the response."""
    ratios = {f"{kind}, {ACTIVATIONS[name]}": r for (name, kind), r in result.steeper.items()}
    return f"Noise multiplies the exponent of the output response by {each(ratios, '.2f')}."


def regression(result: Regression) -> str:
    """State how near the fitted rates are to the predicted ones."""
    return (
        f"Distances to the targets fall at {ranging(result.ratios.values(), '.3f')} times the rate "
        "that the kernel predicts."
    )


def features_by_step(result: tasks.FeatureSpaces) -> str:
    """State what large steps leave of the features, and what none do."""
    words = []
    for k, training in enumerate(tasks.TRAININGS[1:3], start=1):
        largest, zero = (
            each(dict(zip(ACTIVATIONS.values(), values, strict=True)), ".2f")
            for values in (
                [float(np.median(result.kept[i, k, 0])) for i in range(len(ACTIVATIONS))],
                [float(result.limits[t, training].value or np.nan) for t in ACTIVATIONS.values()],
            )
        )
        words.append(f"{largest} with {NAMES[training]}, and {zero} at step zero")
    return f"Of the features of full batches the largest step leaves {'; '.join(words)}."


def feature_spaces(result: tasks.FeatureSpaces) -> str:
    """State how features and fragility change from full batches to label noise."""
    features, fragile = [], []
    for i, title in enumerate(ACTIVATIONS.values()):
        few, many = (float(np.median(result.effective[i, k, 0])) for k in (2, 0))
        after, before = (float(np.mean(result.flipped[i, k, 0])) for k in (2, 0))
        features.append(f"from {many:.0f} to {few:.0f} ({title})")
        fragile.append(f"from {before:.3f} to {after:.3f} ({title})")
    return (
        f"From full batches to label noise the number of features goes {listed(features)}, the "
        f"share of decisions that one bit changes {listed(fragile)}."
    )


def correlations(result: tasks.FragilityCorrelations) -> str:
    """State between which values the correlation lies, over the definitions of fragility."""
    values = [float(result.correlations[name, "both"].value or 0.0) for name in tasks.DEFINITIONS]
    return (
        "Over the definitions of fragility its rank correlation with the number of features is "
        f"{ranging(values, '.2f')}; the criterion asks for −0.3 or less."
    )


def held(result: tasks.FragilityCorrelations) -> str:
    """State the correlation of the features with all held, and that of the margin."""
    shown = {
        HELD[name]: float(one.value or 0.0)
        for name, one in result.held.items()
        if name in ("margin too", "the margin itself")
    }
    return f"The rank correlation with changed decisions is {each(shown, '.2f')}."


def flips(result: PatternFlips) -> str:
    """State how many units have flipped, and how both changes fall."""
    share, pattern, weight = (
        float(result.numbers[name]) for name in ("flips-share", "flips-slope", "moved-slope")
    )
    return (
        f"At the end {share:.2f} per cent of the units have flipped; per epoch, flips fall with "
        f"the power {written(pattern, '.2f')} of time and weight changes with "
        f"{written(weight, '.2f')}."
    )


def unstable_rates(result: UnstableRates) -> str:
    """State the exponents of the smallest and of the largest first step."""
    words = []
    for place in (0, -1):
        medians = {
            str(where): round(float(np.median(result.exponents[where][place])), 2) + 0.0
            for where in WHERE
        }
        words.append(f"{each(medians, '.2f')} at a first step of {result.sizes[place]:.2g}")
    return f"The fitted exponents are {listed(words)}."
