"""The quantities of a trace, each in a file of its own, and the one list of them."""

from __future__ import annotations

from inspect import getdoc

from regime_lib.instrument.tracking.quantities.always_on import AlwaysOn
from regime_lib.instrument.tracking.quantities.base import Quantity
from regime_lib.instrument.tracking.quantities.dead import Dead
from regime_lib.instrument.tracking.quantities.flip_law import FlipLaw
from regime_lib.instrument.tracking.quantities.flip_law_centred import FlipLawCentred
from regime_lib.instrument.tracking.quantities.gradient_alignment import GradientAlignment
from regime_lib.instrument.tracking.quantities.gradient_norm import GradientNorm
from regime_lib.instrument.tracking.quantities.lag import Lag
from regime_lib.instrument.tracking.quantities.oui import OUI
from regime_lib.instrument.tracking.quantities.oui_batch import OUIBatch
from regime_lib.instrument.tracking.quantities.pattern_change import PatternChange
from regime_lib.instrument.tracking.quantities.pattern_from_end import PatternFromEnd
from regime_lib.instrument.tracking.quantities.pattern_from_start import PatternFromStart
from regime_lib.instrument.tracking.quantities.pattern_net_change import PatternNetChange
from regime_lib.instrument.tracking.quantities.preactivation_change import PreactivationChange
from regime_lib.instrument.tracking.quantities.preactivation_scale import PreactivationScale
from regime_lib.instrument.tracking.quantities.step_angle import StepAngle
from regime_lib.instrument.tracking.quantities.still import Still
from regime_lib.instrument.tracking.quantities.units_settled import UnitsSettled
from regime_lib.instrument.tracking.quantities.weight_change import WeightChange
from regime_lib.instrument.tracking.quantities.weight_change_rel import WeightChangeRel
from regime_lib.instrument.tracking.quantities.weight_from_end import WeightFromEnd
from regime_lib.instrument.tracking.quantities.weight_from_start import WeightFromStart
from regime_lib.instrument.tracking.quantities.weight_norm import WeightNorm

# To add a quantity, write its file and name it here. Its docstring is its definition, also in the
# documentation: this module's docstring becomes the table of them.
_PATTERNS = (PatternChange, PatternFromStart, PatternFromEnd, PatternNetChange)
_UNITS = (Dead, AlwaysOn, OUI, OUIBatch, Still, UnitsSettled, Lag)
_PREACTIVATIONS = (PreactivationScale, PreactivationChange, FlipLaw, FlipLawCentred)
_WEIGHTS = (WeightChange, WeightChangeRel, WeightNorm, WeightFromStart, WeightFromEnd)
_DIRECTIONS = (GradientNorm, GradientAlignment, StepAngle)

#: All of them, in the order that they have in a trace.
QUANTITIES: tuple[Quantity, ...] = tuple(
    kind() for kind in (*_PATTERNS, *_UNITS, *_PREACTIVATIONS, *_WEIGHTS, *_DIRECTIONS)
)


def _table() -> str:
    """Write the list in reStructuredText, for the documentation."""
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - Quantity", "     - Definition"]
    lines += ["     - Unit", "     - Option"]
    for one in QUANTITIES:
        text = (getdoc(type(one)) or "").replace("\n", "\n       ")
        lines += [f"   * - `{one.name}`", f"     - {text}", f"     - {one.unit}"]
        lines += [f"     - `{one.asked_by}`" if one.asked_by else "     -"]
    return "\n".join(lines)


__doc__ = f"{__doc__}\n{_table()}\n"
