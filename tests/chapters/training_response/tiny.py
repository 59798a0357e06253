"""A tiny run of everything that chapter 30 measures, once per process."""

from __future__ import annotations

from functools import cache

from regime_lib.chapters.training_response import measure as chapter

TINY = chapter.Settings(
    n_seeds=3,
    features=128,
    epochs=400,
    coding="signs",
    init="gaussian",
    rate_ce=0.03,
    rate_mse=0.3,
    noise_size=0.3,
    task_seeds=4,
    passes=5,
    rate_task=0.1,
    label_noise=0.1,
    seed=2,
)


@cache
def tiny_measurements() -> chapter.Measurements:
    return chapter.measure(TINY)
