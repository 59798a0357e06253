"""What algebra can check of a Transformer: no feed-forward unit's bias feeds back into itself.

Softmax and LayerNorm are no polynomials, so coefficients cannot be read off. What the theorem needs
is less: that a feed-forward pre-activation is its own bias plus an expression without this bias.
Attention and LayerNorm are therefore undefined functions of all that they read: what is found holds
for any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.simulators.exact.symbolic import import_sympy


@dataclass(frozen=True)
class TransformerCheck:
    """What was found about the feed-forward pre-activations, over all blocks."""

    units: int  # pre-activations: blocks times tokens times hidden units
    with_own_bias: int  # how many are their own bias plus an expression without it


def check_transformer(
    blocks: int = 2, tokens: int = 2, width: int = 2, hidden: int = 2, *, tied: bool = False
) -> TransformerCheck:
    """Check the feed-forward pre-activations of a stack of Transformer blocks.

    Rectifiers are symbols, so that all patterns are covered at once. In tied blocks a bias of a
    later block feeds back into itself, and the check must say so.
    """
    sp = import_sympy()
    state = [[sp.Symbol(f"x{i}_{k}") for k in range(width)] for i in range(tokens)]
    units = holding = 0
    for block in range(blocks):
        name = "" if tied else str(block)
        read = [value for row in state for value in row]
        # a token after attention, and what its LayerNorm hands to the feed-forward layer
        after = [
            [sp.Function(f"attention{name}_{i}_{k}")(*read) for k in range(width)]
            for i in range(tokens)
        ]
        for i in range(tokens):
            state[i] = [old + new for old, new in zip(state[i], after[i], strict=True)]
        for i in range(tokens):
            normed = [sp.Function(f"norm{name}_{k}")(*state[i]) for k in range(width)]
            passed = []
            for j in range(hidden):
                bias = sp.Symbol(f"b{name}_{j}")
                rest = sum(sp.Symbol(f"w{name}_{j}_{k}") * normed[k] for k in range(width))
                units += 1
                holding += bias not in rest.free_symbols
                passed.append(sp.Symbol(f"m{block}_{i}_{j}") * (rest + bias))
            for k in range(width):
                back = sum(sp.Symbol(f"u{name}_{k}_{j}") * passed[j] for j in range(hidden))
                state[i][k] = state[i][k] + back
    return TransformerCheck(units, holding)
