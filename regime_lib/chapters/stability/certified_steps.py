"""Which inputs keep their whole pattern in a step of training, and what can prove it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regime_lib.instrument.certificates.chain import Chain, read_chain
from regime_lib.instrument.certificates.path import certify_segment
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train

#: The truth; the fields of `StepCertificate` that prove it, finest first; and what a step of the
#: same size with random signs would leave.
KINDS = ("unchanged", "by_path", "by_sizes", "by_size", "by_chance")


def certified_steps(
    model: nn.Module,
    data: Dataset,
    probe: Float[Tensor, "samples features"],
    config: TrainingConfig,
    seed: int,
    steps: Int[np.ndarray, " checks"],
) -> tuple[Float[np.ndarray, "checks kinds"], int]:
    """Train a network and look at some of its steps, of which the first is 1.

    Returned are shares of the probe, and how many pairs of an input and a proof a finer proof, or
    the truth, denies.
    """
    chain, parameters = read_chain(model, probe), dict(model.named_parameters())
    wanted, random = {*steps.tolist()}, np.random.default_rng(seed)
    before, done, contradictions = _copies(parameters), 0, 0
    shares: list[list[float]] = []

    def look() -> None:
        nonlocal before, done, contradictions
        done += 1
        if done in wanted:
            found = certify_segment(chain, before, parameters, probe)
            proofs = [getattr(found, kind) for kind in KINDS[:-1]]
            pairs = pairwise(proofs)
            contradictions += sum(int((coarser & ~finer).sum()) for finer, coarser in pairs)
            proofs.append(kept_with_random_signs(chain, before, parameters, probe, random))
            shares.append([proof.mean() for proof in proofs])
        if done + 1 in wanted:
            before = _copies(parameters)

    train(model, data, config, seed, on_step=look, evaluations=1)
    return np.array(shares), contradictions


def kept_with_random_signs(
    chain: Chain,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    probe: Float[Tensor, "samples features"],
    random: np.random.Generator,
) -> Bool[np.ndarray, " samples"]:
    """Say which inputs keep their pattern if every entry of a step gets a random sign."""
    step = {
        name: (after[name].detach() - value).abs()
        * torch.from_numpy(random.integers(2, size=value.shape) * 2 - 1)
        for name, value in before.items()
    }
    start, end = (
        torch.cat(chain.preactivations(before, probe, step, share), dim=1) > 0
        for share in (0.0, 1.0)
    )
    kept: Bool[np.ndarray, " samples"] = (start == end).all(dim=1).numpy()
    return kept


def _copies(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in parameters.items()}
