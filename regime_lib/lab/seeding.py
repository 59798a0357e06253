"""The one place where randomness starts: every draw of the lab follows from a seed named here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

from regime_lib.errors import RegimeError

_LARGEST = 2**32 - 1  # what NumPy's legacy generator takes, the narrowest there is


def generator(seed: int, stream: str) -> np.random.Generator:
    """Return the generator, a fresh PCG64, of one named stream of random numbers.

    Streams of different names or seeds are independent, and the same pair gives the same numbers in
    every process: the name is hashed by SHA-256, not by Python's salted `hash`.

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1.
    stream : str
        What the numbers are for, such as ``"batches"``.

    Examples
    --------
    >>> generator(0, "batches").permutation(5)
    array([1, 3, 2, 0, 4])
    """
    name = np.frombuffer(hashlib.sha256(stream.encode()).digest(), dtype="<u4")
    sequence = np.random.SeedSequence(checked_seed(seed), spawn_key=[int(word) for word in name])
    return np.random.Generator(np.random.PCG64(sequence))


@contextmanager
def torch_seeded(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Within the block torch's generators start from `seed`; afterwards they are as before.

    On the CPU the numbers are those that follow `torch.manual_seed(seed)`. Only the generators of
    the CPU and of `device` are touched, so that a CPU job never wakes a GPU.
    """
    seed, device = checked_seed(seed), torch.device(device)
    gpu = device.type == "cuda"
    with (
        torch.cuda.device(device) if gpu else nullcontext(),
        torch.random.fork_rng(devices=[torch.cuda.current_device()] if gpu else []),
    ):
        torch.default_generator.manual_seed(seed)
        if gpu:
            torch.cuda.manual_seed(seed)
        yield


def checked_seed(seed: int) -> int:
    """Return the seed as a Python integer, or refuse it."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= _LARGEST:
        raise RegimeError(
            f"the seed is {seed!r}; expected a whole number from 0 to {_LARGEST} (2**32 - 1)"
        )
    return int(seed)
