"""`preactivation_change`: how much pre-activations change in one step."""

from regime_lib.instrument.tracking.quantities.base import PreactivationQuantity


class PreactivationChange(PreactivationQuantity):
    """Root mean square of the change of pre-activations in the last step."""

    name, field, unit = "preactivation_change", "change", "as pre-activations"
