"""How easily a trained network changes its mind, under several definitions.

The definition behind "fragility" in arXiv 2405.04074 is not known to us; these are ours. In all of
them a larger number means more fragile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.networks import Networks, with_one

_ATTACK_STEPS = 10


@dataclass(frozen=True)
class Fragility:
    """Fragility, one number per network."""

    flips: Float[np.ndarray, " seeds"]  # share of trained inputs' bits that change the decision
    flips_everywhere: Float[np.ndarray, " seeds"]  # the same over all inputs
    nearness: Float[np.ndarray, " seeds"]  # one over the median distance |z| / ‖∇_x z‖
    few_bits: Float[np.ndarray, " seeds"]  # minus the mean number of bits to change a decision
    adversarial: Float[np.ndarray, " seeds"]  # share of decisions that an attack in a box changes


def fragility(
    networks: Networks, inputs: Float[np.ndarray, "seeds samples bits"], *, reach: float = 0.5
) -> Fragility:
    """Measure the fragility of each network around its own samples.

    The attack's box reaches half its width in every input; for ±1 inputs a bit flip is two.
    """
    if reach <= 0:
        raise RegimeError(f"reach must be positive, not {reach}")
    everything = networks.setup.all_inputs()
    decisions = networks.logits(everything) > 0  # (seeds, all inputs)
    mine = np.stack([_places(own, networks.setup.bits) for own in inputs])
    bits = 1 << np.arange(networks.setup.bits)
    neighbours = np.arange(len(everything))[:, None] ^ bits  # (all inputs, bits)
    changed = decisions[:, neighbours] != decisions[:, :, None]
    rows = np.arange(len(networks))[:, None]
    z, gradient = _gradient(networks, inputs)
    attacked = _attack(networks, inputs, z > 0, reach)
    return Fragility(
        flips=changed[rows, mine].mean(axis=(1, 2)),
        flips_everywhere=changed.mean(axis=(1, 2)),
        nearness=_nearness(np.abs(z), np.linalg.norm(gradient, axis=2)),
        few_bits=-_bits_to_change(decisions, mine),
        adversarial=((attacked > 0) != (z > 0)).mean(axis=1),
    )


def margin(
    networks: Networks,
    inputs: Float[np.ndarray, "seeds samples bits"],
    labels: Float[np.ndarray, "seeds samples"],
) -> Float[np.ndarray, " seeds"]:
    """Return the mean logit on the right side of its samples over the logits' size everywhere.

    That size is the root mean square of the logit over all inputs, so that a network which only
    answers more loudly has no larger margin. The definition is ours.
    """
    everything = networks.logits(networks.setup.all_inputs())
    z, _ = _gradient(networks, inputs)
    size = np.sqrt((everything**2).mean(axis=1))
    return ((2 * labels - 1) * z).mean(axis=1) / size


def _nearness(
    size: Float[np.ndarray, "seeds samples"], steepness: Float[np.ndarray, "seeds samples"]
) -> Float[np.ndarray, " seeds"]:
    """Return one over the median distance; where nothing changes, the boundary is out of reach."""
    flat = np.where(size == 0, 0.0, np.inf)
    distance = np.median(np.divide(size, steepness, out=flat, where=steepness > 0), axis=1)
    return np.divide(1.0, distance, out=np.full_like(distance, np.inf), where=distance > 0)


def _places(inputs: Float[np.ndarray, "samples bits"], bits: int) -> Int[np.ndarray, " samples"]:
    """Return the place of each input among all inputs."""
    return (inputs > 0).astype(np.int64) @ (1 << np.arange(bits)[::-1])


def _bits_to_change(
    decisions: np.ndarray, mine: Int[np.ndarray, "seeds samples"]
) -> Float[np.ndarray, " seeds"]:
    """Return the mean Hamming distance to the nearest input that is decided otherwise."""
    count = decisions.shape[1]
    apart = np.bitwise_count(np.arange(count)[:, None] ^ np.arange(count)).astype(float)
    means = []
    for decided, own in zip(decisions, mine, strict=True):
        other = decided[own][:, None] != decided
        # a network of one mind everywhere: further than any input
        nearest = np.where(other, apart[own], np.log2(count) + 1).min(axis=1)
        means.append(nearest.mean())
    return np.array(means)


def _gradient(
    networks: Networks, x: Float[np.ndarray, "seeds samples bits"]
) -> tuple[Float[np.ndarray, "seeds samples"], Float[np.ndarray, "seeds samples bits"]]:
    """Return z and its gradient by the input."""
    weights = networks.weights.transpose(1, 0, 2)  # (seeds, bits + 1, features)
    phi, slope = networks.setup.activate(with_one(x) @ weights)
    z = (phi @ networks.readout[:, :, None])[..., 0] + networks.offset[:, None]
    slope *= networks.readout[:, None, :]
    return z, slope @ weights[:, :-1].transpose(0, 2, 1)


def _attack(
    networks: Networks,
    inputs: Float[np.ndarray, "seeds samples bits"],
    decided: np.ndarray,
    reach: float,
) -> Float[np.ndarray, "seeds samples"]:
    """Push every input against the decision inside the box; return the logits reached.

    Projected signed-gradient steps (Madry et al. 2018), each a quarter of the reach.
    """
    against = np.where(decided, -1.0, 1.0)
    x, best = inputs.copy(), None
    for _ in range(_ATTACK_STEPS):
        _, gradient = _gradient(networks, x)
        x = np.clip(
            x + reach / 4 * against[..., None] * np.sign(gradient), inputs - reach, inputs + reach
        )
        z, _ = _gradient(networks, x)
        best = (
            z if best is None else np.where(against > 0, np.maximum(best, z), np.minimum(best, z))
        )
    assert best is not None
    return best
