"""What each figure of the chapter on four phases found, in one sentence of measured numbers."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.multi_phase.any_points import AnyPoints
from regime_lib.chapters.multi_phase.by_descent import ByDescent
from regime_lib.chapters.multi_phase.condensation import Condensation, Living
from regime_lib.chapters.multi_phase.convergence import Limits, Spread
from regime_lib.chapters.multi_phase.figures_laws import PANELS
from regime_lib.chapters.multi_phase.one_run import OneRun, Plane
from regime_lib.chapters.multi_phase.plateaus import TIMES, OnPlateau, Scaling
from regime_lib.chapters.multi_phase.saddles import PLACES, Saddles
from regime_lib.chapters.multi_phase.switches import Sensitivity
from regime_lib.chapters.multi_phase.trend import Complexity, Segments
from regime_lib.chapters.multi_phase.variations import Survival, Tracked, Variants
from regime_lib.chapters.multi_phase.worded import EVENTS
from regime_lib.chapters.wording import each, listed, ranging, written
from regime_lib.simulators.two_layer.flow import Pattern


def phases(run: OneRun) -> str:
    """State when the network answers both inputs correctly, and when its patterns change again."""
    found = run.phases
    words = [
        f"{what} at {when:,.0f}"
        for what, when in (
            ("full accuracy comes", found.accurate),
            ("positive neurons switch off", found.off_first),
            ("negative neurons switch on", found.on_first),
        )
        if np.isfinite(when)
    ]
    return f"In time, {listed(words) or 'none of the late events comes'}."


def plane(found: Plane) -> str:
    """State how many neurons die."""
    dead = np.count_nonzero(~found.alive[-1])
    return f"At the end {dead} of {len(found.signs)} neurons are dead."


def living(found: Living) -> str:
    """State the mean living fractions beside the formula."""
    means = [
        f"{fractions.mean():.3f} of the neurons live on as {name} ones ({law:.3f} by the formula)"
        for name, fractions, law in zip(
            ("positive", "negative"), found.fractions, found.expected, strict=True
        )
    ]
    return f"In the mean network, {listed(means)}."


def condensation(found: Condensation) -> str:
    """State how far from their common direction the farthest neurons are at the end of phase I."""
    positive, negative = np.median(found.at_end, axis=0)
    return (
        f"At the recalled end of phase I, time {found.ready:.3g}, one minus the cosine to the "
        f"common direction is {written(positive, '.1e')} for the farthest positive neuron and "
        f"{written(negative, '.1e')} for the farthest negative one."
    )


def plateau(found: OnPlateau) -> str:
    """State how far the loss is from the closed form at most."""
    return (
        f"Until full accuracy the loss is within {100 * np.abs(found.off_law).max():.2f} per cent "
        "of the closed form."
    )


def saddles(found: Saddles) -> str:
    """State the gradient at both places."""
    if not len(found.there):
        return "No network rests."
    medians = dict(zip(PLACES, np.median(found.there, axis=0), strict=True))
    return f"The gradient's norm is {each(medians, '.2f')} of its maximum in the run."


def scaling(found: Scaling) -> str:
    """State how the two times scale with the angle."""
    words = [f"{EVENTS[name]} as Δ to the power {found.exponents['Δ', name]}" for name in TIMES[:2]]
    return f"Measured times scale with the angle: {listed(words)}.".replace("-", "−")


def patterns(run: OneRun) -> str:
    """State how many neurons change their pattern late."""
    positive, negative = run.counts[-1, 0, Pattern.SLIDE_V], run.counts[-1, 1, Pattern.BOTH]
    return (
        f"Long after condensation, {positive} positive neurons have switched off on x₋ and "
        f"{negative} negative ones are on for both inputs."
    )


def segments(found: Segments) -> str:
    """State in how many runs a blind segmentation finds four segments."""
    four = int((found.counts == 4).sum())
    return (
        f"Told nothing of the theory, a segmentation finds four segments in {four} of "
        f"{len(found.counts)} runs, and {ranging(found.counts.tolist(), 'd')} in all."
    )


def by_descent(found: ByDescent) -> str:
    """State the ratio of losses at the switch, and how far final directions are from predicted."""
    there = np.isfinite(found.switched)
    if not there.any():
        return "No network switches in time."
    off = np.abs(found.moved[there] - found.predicted[there])
    return (
        f"When negative neurons switch on, the ratio of the class losses is "
        f"{ranging(found.ratios[there].tolist(), '.3f')} times the cosine of the angle; final "
        f"directions are within {written(off.max(), '.1g')} of the prediction."
    )


def sensitivity(found: Sensitivity) -> str:
    """State how far the time of the switch varies by the draw alone."""
    known = found.switched[np.isfinite(found.switched)]
    if not len(known):
        return f"None of {len(found.switched)} networks switches."
    return (
        "By the draw of the start alone, the time at which positive neurons switch off goes from "
        f"{written(known.min(), '.1e')} to {written(known.max(), '.1e')}; "
        f"{len(found.switched) - len(known)} of {len(found.switched)} networks never switch."
    )


def limits(found: Limits) -> str:
    """State how near to its limit the loss comes."""
    return (
        f"At the end of the runs loss times time is "
        f"{ranging((found.final / found.predicted).tolist(), '.3f')} times its predicted limit."
    )


def complexity(found: Complexity) -> str:
    """State how the number of features changes."""
    words = []
    for name, rows in (("by the outputs", found.effective), ("as a rank", found.ranks)):
        middle = np.median(rows, axis=0)
        words.append(
            f"from {middle[0]:.1f} down to {middle.min():.1f} and up to {middle[-1]:.1f} ({name})"
        )
    return f"The effective number of features goes {listed(words)}."


def spread(found: Spread) -> str:
    """State between which values the medians lie, over the quantities that are predicted."""
    medians = [
        float(found.table[name].median()) for name, (*_, criterion) in PANELS.items() if criterion
    ]
    return (
        f"Over the whole grid, the medians of {len(medians)} quantities are "
        f"{ranging(medians, '.2f')} times the predictions."
    )


def settling(run: OneRun) -> str:
    """State how much later the weights settle."""
    factor = run.settled["weight"] / run.settled["pattern"]
    return (
        f"The speed of the weights falls below a tenth of its peak {factor:,.0f} times as late as "
        "the changes of pattern."
    )


def tracked(found: Tracked) -> str:
    """State how many bits still flip at the end, and how the update falls."""
    return (
        f"At the end {found.numbers['tracked-flips']:.1f} bits still flip per step of gradient "
        f"descent, while the update has fallen to {found.updates[-1] / found.updates.max():.0%} of "
        "its largest."
    )


def any_points(found: AnyPoints) -> str:
    """State on how many data sets the loss is learnt, and rests on a plateau."""
    random, near = found.random, found.near
    return (
        f"Of {len(random.learnt)} random data sets {random.learnt.sum()} are learnt, and the loss "
        f"rests on {random.plateaus}; on points that are nearly two it rests on {near.plateaus} of "
        f"{len(near.learnt)}."
    )


def variants(found: Variants) -> str:
    """State in which variants the events keep their order."""
    kept = [
        run.title for run in found.runs if list(run.events.values()) == sorted(run.events.values())
    ]
    return (
        f"The three events come in the order of the theory in {len(kept)} of {len(found.runs)} "
        f"variants ({listed(kept) or 'none'})."
    )


def survival(found: Survival) -> str:
    """State how survival changes with the step, and with a step that grows later."""
    words = []
    for name, rows in found.constant.items():
        middle = np.median(rows, axis=0)
        words.append(f"from {middle[0]:.2f} to {middle[-1]:.2f} in {name}")
    return (
        f"As the step grows, the share of negative neurons that survive goes {listed(words)}; "
        f"raised later and later, a large step leaves {found.raised[0]:.2f} to "
        f"{found.raised[-1]:.2f} of them."
    )
