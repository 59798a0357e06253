"""`flip_law`: how many bits the flip law says will flip."""

from regime_lib.instrument.tracking.quantities.base import PreactivationQuantity


class FlipLaw(PreactivationQuantity):
    """Share of flips predicted from each unit's own mean (see `regime_lib.flip_law`)."""

    name, field = "flip_law", "shifted"
