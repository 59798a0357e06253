"""Names, markers and lines that the figures of the multiverse share."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.axis import Axis

from regime_lib.companion.figures.marks import plain_numbers
from regime_lib.companion.figures.theme import Theme

#: What the paper claims: its abstract, and the average that a summary reports.
CLAIMED = (3.0, 3.85)
NAMES = {
    "sgd": "SGD",
    "momentum": "momentum",
    "adamw": "AdamW",
    "mlp": "MLP",
    "cnn": "CNN",
    "transformer": "Transformer",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10 (JPEG copy)",
    "tiny-shakespeare": "Tiny Shakespeare",
    "sst2": "SST-2",
    "digits": "digits",
}
OPTIMIZERS = ("sgd", "momentum", "adamw")
MARKERS = {"sgd": "o", "momentum": "s", "adamw": "^"}
_TICKS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 300)


def mark_claims(theme: Theme, ax: Axes, *, words: bool = True, vertical: bool = False) -> None:
    """Draw lines at one and at what the paper claims."""
    line = ax.axvline if vertical else ax.axhline
    line(1, color=theme.text, linewidth=1)
    for claimed in CLAIMED:
        line(claimed, **theme.stroke("theory"), linewidth=1.2)
    if words:
        for value, text, shift in ((3.0, "3", -7), (3.85, "3.85", 3), (1.0, "together: 1", 3)):
            ax.annotate(
                text,
                (0.36 if value > 1 else 0.62, value),
                xycoords=("axes fraction", "data"),
                xytext=(0, shift),
                textcoords="offset points",
                fontsize=8.3,
                va="bottom" if shift > 0 else "center",
            )


def ratio_axis(axis: Axis) -> None:
    """Label a logarithmic axis of ratios with plain numbers, fewer where it spans much."""
    low, high = sorted(axis.get_view_interval())
    shown = [tick for tick in _TICKS if low <= tick <= high]
    if len(shown) > 7:
        shown = [tick for tick in shown if tick not in (0.2, 2, 5, 20, 50)]
    plain_numbers(axis, shown)
