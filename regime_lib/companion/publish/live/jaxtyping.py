"""What the browser takes for jaxtyping: names for shapes that check nothing and weigh nothing."""

from __future__ import annotations

from typing import Any


class _Shaped:
    """An array of some shape: ``Float[np.ndarray, "n d"]`` is the array's type."""

    def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
        return item[0]


Bool = Float = Int = Integer = Num = Real = Shaped = UInt8 = _Shaped
