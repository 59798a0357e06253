"""The simplified system's laws, derived and checked by computer algebra; sympy loads when called.

Each law is integrated or expanded by sympy and then put back into the equation it must solve: what
remains has to be zero. Our derivation (arXiv 2405.04074, Fig. 5, gives the set-up only).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sympy

    from regime_lib.simulators.training_response.setup import Loss


@dataclass(frozen=True)
class Law:
    """A law in symbols and what is left of it when it is put back."""

    name: str
    formula: sympy.Expr  # an implicit solution is F(u) with F(u) = η a² t + constant
    residual: sympy.Expr  # zero if the law holds

    @property
    def holds(self) -> bool:
        """Whether the residual is zero."""
        return bool(self.residual == 0)


@cache
def implicit_solutions() -> tuple[Law, ...]:
    """Solve du/d(η a² t) = e(u) for both losses and both kinds of target.

    With w = eᵘ the equation has rational coefficients; sympy integrates it, and the derivative of
    the result times the error must be one.
    """
    import sympy as sp

    u, w, y = sp.symbols("u w y", positive=True)
    # u runs over all reals; `positive` only lets logarithms of w = e^u unfold
    laws = []
    for loss in _LOSSES:
        for name, target in (("target one", sp.Integer(1)), ("target inside", y)):
            error = _error(w, target, loss)
            formula = sp.integrate(sp.apart(sp.together(1 / (error * w)), w), w)
            formula = formula.replace(sp.log, lambda inside: sp.log(sp.factor(inside)))
            residual = sp.simplify(sp.diff(formula, w) * w * error - 1)
            laws.append(Law(f"{loss}, {name}", formula.subs(w, sp.exp(u)), residual))
    return tuple(laws)


def early_stage() -> tuple[Law, ...]:
    """Show that u(τ), τ = η a² t, starts as u_0 + e(u_0) τ: a constant response at first.

    The law is written with its next term; put back into du/dτ = e(u), it must leave neither a
    constant nor a term of order τ.
    """
    import sympy as sp

    u0, tau = sp.symbols("u_0 tau", real=True)
    laws = []
    for loss in _LOSSES:
        start = sp.factor(_error(sp.exp(u0), sp.Integer(1), loss))
        guess = u0 + start * tau + start * sp.factor(sp.diff(start, u0)) * tau**2 / 2
        left = sp.diff(guess, tau) - _error(sp.exp(guess), sp.Integer(1), loss)
        constant, linear = (sp.simplify(sp.diff(left, tau, k).subs(tau, 0)) for k in (0, 1))
        laws.append(Law(f"{loss}, early", guess, constant**2 + linear**2))
    return tuple(laws)


def late_stage() -> tuple[Law, ...]:
    """Show that (1 - y) τ → 1 under cross-entropy and 2 (1 - y)² τ → 1 under squared error.

    The formula is the quantity along the implicit solution, as a function of w = eᵘ; the residual
    is its limit minus one.
    """
    import sympy as sp

    w = sp.symbols("w", positive=True)
    rest = 1 / (1 + w)
    solutions = {law.name: law.formula for law in implicit_solutions()}
    u = sp.symbols("u", positive=True)
    laws = []
    for loss, quantity in ((_LOSSES[0], rest), (_LOSSES[1], 2 * rest**2)):
        tau = solutions[f"{loss}, target one"].subs(u, sp.log(w))
        product = sp.simplify(quantity * tau)
        residual = sp.limit(product, w, sp.oo) - 1
        laws.append(Law(f"{loss}, late", product, residual))
    return tuple(laws)


def approach_to_inner_targets() -> tuple[Law, ...]:
    """Show that near a target y inside (0, 1) the error decays at the rate y (1 - y), or its
    square.

    The formula is the rate per unit of τ; the residual is minus the slope of the error at the
    target, less the formula.
    """
    import sympy as sp

    u, y = sp.symbols("u y", positive=True)
    laws = []
    for loss, power in zip(_LOSSES, (1, 2), strict=True):
        error = _error(sp.exp(u), y, loss)
        slope = sp.diff(error, u).subs(u, sp.log(y / (1 - y)))
        rate = (y * (1 - y)) ** power
        laws.append(Law(f"{loss}, approach", rate, sp.simplify(-slope - rate)))
    return tuple(laws)


_LOSSES: tuple[Loss, Loss] = ("cross-entropy", "squared")


def _error(w: sympy.Expr, target: sympy.Expr, loss: Loss) -> sympy.Expr:
    """Minus the derivative of the loss by u, with w = eᵘ."""
    output = w / (1 + w)
    difference = target - output
    return difference if loss == "cross-entropy" else difference * output * (1 - output)
