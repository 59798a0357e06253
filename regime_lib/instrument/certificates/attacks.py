"""Attacks on certified radii: movements of the parameters that try to change a pattern.

A certificate is worth what it survives. Two kinds of attack move every parameter by the same
amount, just below the radius: in random directions, and against the units that the bound holds to
be weakest, along the sign of the gradient and once more along the sign at the point reached. Beyond
the radius the second kind tells how small a movement does change the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import grad, vmap

from regime_lib.errors import RegimeError
from regime_lib.instrument.certificates.chain import Chain, read_chain
from regime_lib.instrument.certificates.radius import BoundPropagation
from regime_lib.instrument.certificates.rounding import exact

Parameters = dict[str, Tensor]

_AT_ONCE = 2 << 20  # numbers in the parameters that one batch of attacks holds
_WIDENINGS, _HALVINGS, _STRETCH = 24, 12, 1.3


@dataclass(frozen=True, eq=False)
class Attacks:
    """What attacks on certified radii achieved.

    Attributes
    ----------
    attempts : int
        Attacks just below the radius: pairs of a direction and an input.
    flips : int
        How many of them changed the input's pattern; 0 if the certificate is sound.
    smallest : array, shape (samples,)
        The smallest movement that was found to change the pattern; inf where none was.
    ratio : array, shape (samples,)
        Radius over smallest movement: 1 where the radius cannot be improved.
    """

    attempts: int
    flips: int
    smallest: Float[np.ndarray, " samples"]
    ratio: Float[np.ndarray, " samples"]

    def __repr__(self) -> str:
        return (
            f"Attacks({self.attempts} attempts, {self.flips} flips, "
            f"median radius over smallest flip {np.median(self.ratio):.3f})"
        )


@torch.no_grad()
def attack(
    model: nn.Module,
    probe: Float[Tensor, "samples *features"],
    radius: Float[np.ndarray, " samples"],
    *,
    random: int = 100,
    targets: int = 4,
    share: float = 0.9999,
    seed: int = 0,
) -> Attacks:
    """Try to change patterns by movements below a radius, and find small ones that do.

    Parameters
    ----------
    model : nn.Module
        A chain as for `certify`.
    probe : tensor, shape (samples, ...)
        The inputs.
    radius : array, shape (samples,)
        What is attacked, such as ``certify(model, probe).radius``.
    random : int
        Random directions; each attacks every input.
    targets : int
        Units that are attacked by gradients, for each input; two attacks per unit.
    share : float
        Where to attack, as a share of the radius; above 1 some attacks should succeed.
    seed : int
        Of the random directions.

    Raises
    ------
    RegimeError
        If `radius` does not fit the probe, or the model cannot be certified.
    """
    chain = read_chain(model, probe)
    if np.shape(radius) != (len(probe),) or not np.all(np.isfinite(radius)):
        raise RegimeError(
            f"radius has shape {np.shape(radius)}; expected one finite number for each of the "
            f"{len(probe)} inputs, such as certify(model, probe).radius"
        )
    given = dict(model.named_parameters())
    here = {name: exact(given[name]) for name in chain.parameters}
    target = _Target(chain, here, exact(probe), torch.as_tensor(radius, dtype=torch.float64))
    attempts, flips = target.at_random(random, share, np.random.default_rng(seed))
    more, found, smallest = target.by_gradient(targets, share)
    ratio = np.divide(radius, smallest, out=np.zeros(len(probe)), where=smallest > 0)
    return Attacks(attempts + more, flips + found, smallest, ratio)


class _Target:
    """A network under attack."""

    def __init__(self, chain: Chain, here: Parameters, inputs: Tensor, radius: Tensor) -> None:
        self.chain, self.here, self.inputs, self.radius = chain, here, inputs, radius
        self.values = torch.cat(chain.preactivations(here, inputs), dim=1)
        self.pattern = self.values > 0

    def at_random(self, n: int, share: float, random: np.random.Generator) -> tuple[int, int]:
        """Move all parameters by plus or minus the radius, `n` times, for all inputs at once."""
        flips = 0
        for _ in range(n):
            direction = {
                name: torch.from_numpy(random.integers(2, size=value.shape) * 2.0 - 1)
                for name, value in self.here.items()
            }
            moved = direction, share * self.radius
            after = self.chain.pattern(self.here, self.inputs, *moved)
            flips += int((after != self.pattern).any(dim=1).sum())
        return n * len(self.inputs), flips

    def by_gradient(self, n: int, share: float) -> tuple[int, int, Float[np.ndarray, " samples"]]:
        """Move against the `n` weakest units of each input."""
        units = self._weakest(n)
        rows = max(1, _AT_ONCE // sum(value.numel() for value in self.here.values()))
        flips, smallest = 0, torch.full((len(self.inputs),), torch.inf, dtype=torch.float64)
        for column in range(units.shape[1]):
            for some in torch.arange(len(self.inputs)).split(rows):
                unit, size = units[some, column], share * self.radius[some]
                direction = self._direction(some, unit, None)
                again = self._direction(some, unit, self._moved(direction, size))
                flips += sum(int(self._flipped(some, d, size).sum()) for d in (direction, again))
                smallest[some] = torch.minimum(smallest[some], self._search(some, again))
        return 2 * units.numel(), flips, smallest.numpy()

    def _weakest(self, n: int) -> Int[Tensor, "samples n"]:
        """Return the units whose margin is smallest against their movement at the radius."""
        bounds = BoundPropagation(self.chain, self.here, self.inputs)
        delta = torch.where(self.radius > 0, self.radius, 1e-12)
        ratios = torch.cat([r.flatten(1) for r in bounds.ratios(None, delta)], dim=1)
        return ratios.topk(min(n, ratios.shape[1]), dim=1, largest=False).indices

    def _direction(
        self, some: Tensor, units: Int[Tensor, " some"], at: Parameters | None
    ) -> Parameters:
        """Return, for each input, the signs that push its unit towards zero the fastest."""

        def value(parameters: Parameters, x: Tensor, unit: Tensor) -> Tensor:
            values = torch.cat(self.chain.preactivations(parameters, x[None]), dim=1)[0]
            return values.gather(0, unit[None])[0]

        slope = vmap(grad(value), in_dims=(None if at is None else 0, 0, 0))
        gradients = slope(self.here if at is None else at, self.inputs[some], units)
        towards = -torch.sign(self.values[some].gather(1, units[:, None])[:, 0])
        return {name: torch.sign(g) * _wide(towards, g) for name, g in gradients.items()}

    def _moved(self, direction: Parameters, size: Float[Tensor, " some"]) -> Parameters:
        return {name: self.here[name] + _wide(size, d) * d for name, d in direction.items()}

    def _flipped(
        self, some: Tensor, direction: Parameters, size: Float[Tensor, " some"]
    ) -> Bool[Tensor, " some"]:
        pattern = vmap(lambda parameters, x: self.chain.pattern(parameters, x[None])[0])
        after = pattern(self._moved(direction, size), self.inputs[some])
        return (after != self.pattern[some]).any(dim=1)

    def _search(self, some: Tensor, direction: Parameters) -> Float[Tensor, " some"]:
        """Return the smallest movement along each direction that is found to change the pattern."""
        low = torch.zeros(len(some), dtype=torch.float64)
        high = torch.full_like(low, torch.inf)
        tried = torch.where(self.radius[some] > 0, self.radius[some], 1e-12) * (1 + 1e-6)
        for _ in range(_WIDENINGS):
            flipped = self._flipped(some, direction, tried)
            high = torch.where(flipped, torch.minimum(high, tried), high)
            low = torch.where(flipped, low, torch.maximum(low, tried))
            if bool(torch.isfinite(high).all()):
                break
            tried = torch.where(torch.isfinite(high), high, low * _STRETCH)
        for _ in range(_HALVINGS):
            tried = torch.where(torch.isfinite(high), (low + high) / 2, low)
            flipped = self._flipped(some, direction, tried)
            high, low = torch.where(flipped, tried, high), torch.where(flipped, low, tried)
        return high


def _wide(one_each: Float[Tensor, " some"], like: Tensor) -> Tensor:
    return one_each.view(-1, *[1] * (like.ndim - 1))
