"""The perceptron, alone and as an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from regime_lib.lab import MLP, MLPEnsemble
from tests.sentences import refusal

#: With and without hidden layers, narrow and wide ones.
SHAPES = [(5, 3), (6, 7, 3), (4, 9, 20), (3, 20, 15, 16), (8, 1, 17, 2)]
sizes_of_networks = st.lists(st.integers(1, 20), min_size=2, max_size=4)


def layers_of(sizes: Sequence[int]) -> list[nn.Linear]:
    return [nn.Linear(below, above) for below, above in pairwise(sizes)]


@given(sizes=sizes_of_networks, seed=st.integers(0, 2**32 - 1))
def test_parameters_are_those_after_manual_seed_and_the_global_state_is_not_moved(
    sizes: list[int], seed: int
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        expected = [value for layer in layers_of(sizes) for value in layer.parameters()]
    before = torch.get_rng_state()
    ours = list(MLP(sizes, seed).parameters())
    assert torch.equal(torch.get_rng_state(), before)
    assert len(ours) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))


def test_the_parameters_do_not_depend_on_the_default_device() -> None:
    expected = MLP((3, 4, 2), seed=1).state_dict()
    with torch.device("meta"):
        ours = MLP((3, 4, 2), seed=1).state_dict()
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_the_forward_pass_is_affine_and_relu_in_turn() -> None:
    model = MLP((5, 8, 6, 3), seed=2)
    inputs = torch.randn(11, 5)
    hidden = (inputs @ model.hidden1.weight.T + model.hidden1.bias).clamp(min=0)
    hidden = (hidden @ model.hidden2.weight.T + model.hidden2.bias).clamp(min=0)
    expected = hidden @ model.output.weight.T + model.output.bias
    torch.testing.assert_close(model(inputs), expected)


@pytest.mark.parametrize("model", [MLP((5, 8, 6, 3), 0), MLPEnsemble((5, 8, 6, 3), [0, 1])])
def test_layers_have_names_that_a_reader_recognises(model: nn.Module) -> None:
    names = [name for name, _ in model.named_children()]
    assert names == ["hidden1", "relu1", "hidden2", "relu2", "output"]
    assert isinstance(model.relu1, nn.ReLU)


@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("seeds", [[4], [3, 0, 3]])
def test_members_start_as_their_solo_networks(sizes: tuple[int, ...], seeds: list[int]) -> None:
    ensemble = MLPEnsemble(sizes, seeds)
    for index, seed in enumerate(seeds):
        solo = MLP(sizes, seed).state_dict()
        for name, value in ensemble.state_dict().items():
            assert value.shape[0] == len(seeds)
            assert torch.equal(value[index], solo[name])


@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("shared", [True, False])
def test_outputs_and_gradients_are_those_of_the_members(
    sizes: tuple[int, ...], shared: bool
) -> None:
    ensemble = MLPEnsemble(sizes, [3, 1, 2]).double()
    inputs = torch.randn(*([] if shared else [3]), 7, sizes[0], dtype=torch.float64)
    inputs.requires_grad_()
    upstream = torch.randn(3, 7, sizes[-1], dtype=torch.float64)
    outputs = ensemble(inputs)
    assert outputs.shape == (3, 7, sizes[-1])
    (outputs * upstream).sum().backward()
    expected_gradient = torch.zeros_like(inputs)
    for index in range(3):
        solo = ensemble.member(index)
        given_to_it = (inputs if shared else inputs[index]).detach().requires_grad_()
        output = solo(given_to_it)
        torch.testing.assert_close(outputs[index], output)
        (output * upstream[index]).sum().backward()
        for name, parameter in solo.named_parameters():
            torch.testing.assert_close(ensemble.get_parameter(name).grad[index], parameter.grad)
        (expected_gradient if shared else expected_gradient[index]).add_(given_to_it.grad)
    torch.testing.assert_close(inputs.grad, expected_gradient)


@pytest.mark.parametrize("name", ["hidden1", "output"])
def test_first_and_second_derivatives_agree_with_finite_differences(name: str) -> None:
    layer = MLPEnsemble((4, 4, 3), [0, 1]).double().get_submodule(name)

    def outputs(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (inputs,)).tanh()

    inputs = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    values = (inputs, layer.weight, layer.bias)
    assert torch.autograd.gradcheck(outputs, values)
    assert torch.autograd.gradgradcheck(outputs, values)


def test_activations_keep_members_and_samples_in_front_and_lie_in_order() -> None:
    ensemble = MLPEnsemble((5, 8, 3), [0, 1, 2, 3])
    seen: list[Tensor] = []
    ensemble.relu1.register_forward_hook(lambda *args: seen.append(args[2]))
    ensemble(torch.randn(6, 5))
    assert seen[0].shape == (4, 6, 8)
    assert seen[0].is_contiguous()


def test_a_member_is_a_copy_of_its_own() -> None:
    ensemble = MLPEnsemble((4, 6, 3), [5, 6]).double().eval()
    solo = ensemble.member(1)
    assert solo.seed == 6
    assert solo.output.weight.dtype == torch.float64
    assert not solo.training
    before = ensemble.output.weight.detach().clone()
    with torch.no_grad():
        solo.output.weight.zero_()
    assert torch.equal(ensemble.output.weight, before)


def test_making_an_ensemble_does_not_move_the_global_generator() -> None:
    before = torch.get_rng_state()
    MLPEnsemble((4, 6, 3), [5, 6]).member(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_mistakes_are_named() -> None:
    ensemble = MLPEnsemble((4, 6, 3), [5, 6])
    refusal("(4,)", lambda: MLP((4,), 0))
    refusal("(4, 0, 3)", lambda: MLP((4, 0, 3), 0))
    refusal("at least one seed", lambda: MLPEnsemble((4, 3), []))
    refusal("there is no member 2", lambda: ensemble.member(2))
    refusal("there is no member -1", lambda: ensemble.member(-1))
    refusal("takes 4 features", lambda: MLP((4, 3), 0)(torch.randn(2, 5)))
    refusal("takes 4 features", lambda: ensemble(torch.randn(2, 5)))
    refusal("an ensemble of 2 networks", lambda: ensemble(torch.randn(3, 7, 4)))


@pytest.mark.parametrize(("activation", "bend"), [("tanh", torch.tanh), ("linear", lambda x: x)])
def test_other_activations_bear_their_names_and_members_keep_them(
    activation: str, bend: Callable[[Tensor], Tensor]
) -> None:
    ensemble, inputs = MLPEnsemble((5, 8, 3), [2, 3], activation), torch.randn(7, 5)
    assert [name for name, _ in ensemble.named_children()][1] == f"{activation}1"
    for index, seed in enumerate((2, 3)):
        solo = MLP((5, 8, 3), seed, activation)
        expected = solo.output(bend(solo.hidden1(inputs)))
        torch.testing.assert_close(solo(inputs), expected)
        torch.testing.assert_close(ensemble(inputs)[index], expected)
        torch.testing.assert_close(ensemble.member(index)(inputs), expected)


def test_an_unknown_activation_is_refused() -> None:
    refusal("relu, gelu, tanh, linear", lambda: MLP((5, 8, 3), 0, "sine"))
