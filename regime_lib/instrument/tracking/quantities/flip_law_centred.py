"""`flip_law_centred`: how many bits the flip law says will flip if units are centred."""

from regime_lib.instrument.tracking.quantities.base import PreactivationQuantity


class FlipLawCentred(PreactivationQuantity):
    r"""Share of flips predicted if every unit's mean were zero.

    :math:`\frac{1}{\pi} \arctan(\sigma_\delta / \sigma_z)`, averaged over units.
    """

    name, field = "flip_law_centred", "centred"
