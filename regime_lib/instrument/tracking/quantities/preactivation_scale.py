"""`preactivation_scale`: how large pre-activations are."""

from regime_lib.instrument.tracking.quantities.base import PreactivationQuantity


class PreactivationScale(PreactivationQuantity):
    """Standard deviation of pre-activations before the step, root mean square over units."""

    name, field, unit = "preactivation_scale", "scale", "as pre-activations"
