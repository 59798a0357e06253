"""The choices that a tracker is made with: names, defaults, meaning and limits, stated once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from numbers import Integral

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.tracking.quantities import QUANTITIES
from regime_lib.instrument.tracking.quantities.base import Quantity

DEFAULT = "default"

_LEAST = dict.fromkeys(("members", "snapshots"), 1) | dict.fromkeys(("batch_axis", "oui_seed"), 0)
_LEAST_IF_GIVEN = dict.fromkeys(("samples", "group", "batches", "window", "ema_every"), 1)
_LEAST_IF_GIVEN |= dict.fromkeys(("oui", "still"), 1)
_FOR_A_PROBE = (
    *("preactivations", "group", "window", "ema", "oui", "oui_batch", "still"),
    "unit_times",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """How a tracker observes.

    Parameters
    ----------
    schedule : callable, optional
        ``step -> bool``: which steps to observe; every step by default. A scheduled step is
        observed together with the step before it, so that a change is always that of one step.
    quantities : sequence of str or Quantity, optional
        What to measure: names, objects of your own, and "default" for what is measured by default,
        which is every quantity of `QUANTITIES` that no option is missing for.
    layers : collection of str, optional
        Names of the layers to track (see `coverage`); all by default.
    smooth : bool
        Also track the sign of the input of smooth activations (GELU, SiLU, ...).
    members : int
        Independent networks stacked along the first axis of every parameter and activation.
    batch_axis : int
        Axis of the samples in the probe (1 for inputs of shape ``(time, batch, features)``).
    samples : int, optional
        Number of probe samples, where the probe is a callable and its activations do not tell.
    group : int, optional
        Probe samples per forward pass; chosen by the size of the activations by default.
    preactivations : bool
        Also record scale and change of pre-activations and the flip law's prediction (keeps 32 bits
        per unit instead of 1, and is slower).
    batches : int, optional
        Size of the training set: patterns are then taken from the training's own forward passes,
        inside ``with tracker.watch(index):``, and `probe` is used only once, to learn the layers.
    snapshots : int
        Most states kept for the distances to the final state (also limited to 256 MiB).
    window : int, optional
        Steps after which the net change of the patterns is measured, again and again, for
        `flips_per_net_flip`; 2 for `edge_of_stability`.
    ema : float, optional
        Decay of an exponential moving average of the weights (0.99, say) that is tracked as well,
        on the same probe: see `ema_trace`.
    ema_every : int, optional
        Observe the average at every so many steps (and the steps before them); by default whenever
        the network itself is observed.
    oui : int, optional
        Pairs of probe samples whose patterns are compared with each other at every observation, for
        the overfitting-underfitting indicator (28 in the code of its authors).
    oui_seed : int
        Seed that draws these pairs, once for the whole run.
    oui_batch : bool
        Also record the indicator as it was redefined in 2026, which counts single units.
    still : int, optional
        Observations without a flip after which a sample counts as standing still.
    unit_times : bool
        Also keep the step of each unit's last flip, see `Trace.unit_times`.
    directions : bool
        Also record the norm of the gradient, its alignment with the step, and the angle between
        successive steps (keeps two more copies of the parameters). Call ``update()`` before
        ``zero_grad()``.

    Raises
    ------
    RegimeError
        If a value is of the wrong kind or out of range, or two choices exclude each other.
    """

    schedule: Callable[[int], bool] | None = None
    quantities: Sequence[str | Quantity] | None = None
    layers: Collection[str] | None = None
    smooth: bool = False
    members: int = 1
    batch_axis: int = 0
    samples: int | None = None
    group: int | None = None
    preactivations: bool = False
    batches: int | None = None
    snapshots: int = 400
    window: int | None = None
    ema: float | None = None
    ema_every: int | None = None
    oui: int | None = None
    oui_seed: int = 0
    oui_batch: bool = False
    still: int | None = None
    unit_times: bool = False
    directions: bool = False

    def __post_init__(self) -> None:
        for name, least in (_LEAST | _LEAST_IF_GIVEN).items():
            if (number := getattr(self, name)) is None and name in _LEAST_IF_GIVEN:
                continue
            whole = isinstance(number, Integral) and not isinstance(number, bool)
            if not whole or number < least:
                raise RegimeError(
                    f"{name} is {number!r}; expected a whole number of at least {least}"
                )
        if self.schedule is not None and not callable(self.schedule):
            raise RegimeError(
                f"the schedule is {self.schedule!r}; expected a function from a step to True or "
                "False, such as lambda step: step % 10 == 0"
            )
        if self.keep is not None and not self.keep:
            raise RegimeError("layers is empty; name the layers to track, or leave it out for all")
        if self.ema is not None and not (isinstance(self.ema, float) and 0 < self.ema < 1):
            raise RegimeError(
                f"ema is {self.ema!r}; expected the decay of the average, a number between 0 and 1 "
                "such as 0.99"
            )
        if self.ema_every is not None and self.ema is None:
            raise RegimeError("ema_every is for an average of the weights; pass ema=0.99 as well")
        for name in _FOR_A_PROBE:
            if self.batches is not None and getattr(self, name):
                raise RegimeError(
                    f"{name} is for a probe, but batches={self.batches} takes the patterns from "
                    f"the training's own forward passes; leave out one of the two"
                )
        self.chosen()

    @property
    def keep(self) -> frozenset[str] | None:
        """Names of the layers to track; None for all."""
        if self.layers is None:
            return None
        return frozenset([self.layers] if isinstance(self.layers, str) else self.layers)

    @property
    def layout(self) -> Layout:
        """How activations are read."""
        return Layout(self.members, self.batch_axis)

    def due(self, step: int) -> bool:
        """Tell whether the network is observed after a step."""
        return self.schedule is None or self.schedule(step) or self.schedule(step + 1)

    def ema_due(self, step: int) -> bool:
        """Tell whether the average of its weights is observed after a step."""
        every = self.ema_every
        return self.due(step) if every is None else step % every in (0, every - 1)

    def chosen(self) -> tuple[Quantity, ...]:
        """Return the quantities to measure."""
        known = {one.name: one for one in QUANTITIES}
        usual = [one for one in QUANTITIES if not one.asked_by or getattr(self, one.asked_by)]
        found: list[Quantity] = []
        asked = (DEFAULT,) if self.quantities is None else self.quantities
        for item in [asked] if isinstance(asked, str) else asked:
            one = known.get(item) if isinstance(item, str) else item
            if item == DEFAULT:
                found += usual
            elif not isinstance(one, Quantity):
                raise RegimeError(
                    f"there is no quantity {item!r}; name some of {', '.join(known)}, or pass "
                    "an object of a subclass of Quantity"
                )
            elif one.asked_by and not getattr(self, one.asked_by, None):
                raise RegimeError(f"the quantity {one.name} needs {one.asked_by}= as well")
            else:
                found.append(one)
        names = [one.name for one in found]
        if twice := {name for name in names if names.count(name) > 1}:
            raise RegimeError(f"quantities holds {', '.join(twice)} twice; name each once")
        return tuple(found)
