"""The linear regions of a ReLU network on the plane, as polygons: cut, not sampled.

A box is cut by the first layer's lines; inside each piece the next layer's pre-activations are
affine again, and its lines cut on. All pieces are convex. The arithmetic is that of the numbers
given: with fractions every corner is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Point = tuple[Any, Any]
Plane = tuple[Any, Any, Any]
"""The affine function a u + b v + c of a point (u, v)."""


@dataclass(frozen=True)
class Region:
    """A piece of the plane on which one activation pattern holds."""

    corners: tuple[Point, ...]  # the convex polygon, in order
    pattern: tuple[bool, ...]  # which units are on inside, layer after layer
    outputs: tuple[Plane, ...]  # the network's outputs inside: ``a u + b v + c`` each

    @property
    def area(self) -> Any:
        """The area, by the shoelace formula."""
        turned = (*self.corners[1:], self.corners[0])
        twice = sum(u * q - p * v for (u, v), (p, q) in zip(self.corners, turned, strict=True))
        return abs(twice) / 2

    def crossing(self, plane: Plane) -> tuple[Point, Point] | None:
        """Return the two ends of a line's piece inside, or None if it misses the region."""
        positive, negative = _cut(self.corners, plane, 0)
        if positive is None or negative is None:
            return None
        shared = [corner for corner in positive if corner in negative]
        return (shared[0], shared[-1]) if len(shared) >= 2 else None


def linear_regions(
    weights: Sequence[Any],
    biases: Sequence[Any],
    low: Point,
    high: Point,
    *,
    tolerance: Any = 0,
) -> tuple[Region, ...]:
    """Cut a box into the linear regions of a network with two inputs; they overlap on edges only.

    Numbers are of any kind that computes, such as `float` or `Fraction`. In floating point, a
    pre-activation at a corner that is nearer to zero than the tolerance counts as zero.
    """
    (left, bottom), (right, top) = low, high
    box = ((left, bottom), (right, bottom), (right, top), (left, top))
    pieces: list[tuple[tuple[Point, ...], tuple[bool, ...], list[Plane]]]
    pieces = [(box, (), [(1, 0, 0), (0, 1, 0)])]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        finer = []
        for corners, pattern, inputs in pieces:
            planes = _affine(weight, bias, inputs)
            for polygon, on in _cut_by_all(corners, planes, tolerance):
                passed = [p if o else (0, 0, 0) for p, o in zip(planes, on, strict=True)]
                finer.append((polygon, (*pattern, *on), passed))
        pieces = finer
    return tuple(
        Region(corners, pattern, tuple(_affine(weights[-1], biases[-1], inputs)))
        for corners, pattern, inputs in pieces
    )


def _affine(weight: Any, bias: Any, inputs: Sequence[Plane]) -> list[Plane]:
    """Return a layer's outputs as functions of the point, given its inputs as such."""
    return [
        (
            sum(w * p[0] for w, p in zip(row, inputs, strict=True)),
            sum(w * p[1] for w, p in zip(row, inputs, strict=True)),
            sum(w * p[2] for w, p in zip(row, inputs, strict=True)) + shift,
        )
        for row, shift in zip(weight, bias, strict=True)
    ]


def _cut_by_all(
    corners: tuple[Point, ...], planes: Sequence[Plane], tolerance: Any
) -> Iterator[tuple[tuple[Point, ...], tuple[bool, ...]]]:
    pieces: list[tuple[tuple[Point, ...], tuple[bool, ...]]] = [(corners, ())]
    for plane in planes:
        finer = []
        for polygon, on in pieces:
            positive, negative = _cut(polygon, plane, tolerance)
            if positive is not None:
                finer.append((positive, (*on, True)))
            if negative is not None:
                finer.append((negative, (*on, False)))
        pieces = finer
    yield from pieces


def _cut(
    corners: tuple[Point, ...], plane: Plane, tolerance: Any
) -> tuple[tuple[Point, ...] | None, tuple[Point, ...] | None]:
    """Cut a convex polygon by a line; return the parts where the function is above and below 0."""
    a, b, c = plane
    values = [a * u + b * v + c for u, v in corners]
    values = [0 if abs(value) <= tolerance else value for value in values]
    if max(values) <= 0:
        return None, corners
    if min(values) >= 0:
        return corners, None
    positive: list[Point] = []
    negative: list[Point] = []
    for k, (point, value) in enumerate(zip(corners, values, strict=True)):
        following, after = corners[(k + 1) % len(corners)], values[(k + 1) % len(corners)]
        if value >= 0:
            positive.append(point)
        if value <= 0:
            negative.append(point)
        if value * after < 0:
            share = value / (value - after)
            meeting = (
                point[0] + share * (following[0] - point[0]),
                point[1] + share * (following[1] - point[1]),
            )
            positive.append(meeting)
            negative.append(meeting)
    return tuple(positive), tuple(negative)
