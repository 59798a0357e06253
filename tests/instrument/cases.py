"""All the networks that the tests track, each with its patterns computed by explicit formulas."""

from tests.instrument.architectures import (
    ARCHITECTURES,
    SCRIPTED,
    BatchStatistics,
    ConvNet,
    Counting,
    Encoder,
    Keywords,
    NoisyInEvaluation,
    Plain,
    Stacked,
)
from tests.instrument.oracles import Case, Truth, call, images, linear, rectified, vectors
from tests.instrument.pools import POOLS
from tests.instrument.spellings import PIECEWISE, RECTIFIERS, TwoLayers

__all__ = [
    "ARCHITECTURES",
    "PIECEWISE",
    "POOLS",
    "RECTIFIERS",
    "SCRIPTED",
    "BatchStatistics",
    "Case",
    "ConvNet",
    "Counting",
    "Encoder",
    "Keywords",
    "NoisyInEvaluation",
    "Plain",
    "Stacked",
    "Truth",
    "TwoLayers",
    "call",
    "images",
    "linear",
    "rectified",
    "vectors",
]
