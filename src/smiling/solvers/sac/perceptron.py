"""Multi-layer perceptrons side by side, one batched product for all, with a backward pass of their own.

ReLU, orthogonal weights, zero biases, as in Yarats & Kostrikov's pytorch_sac (2020). Small networks spend their time
between the products rather than in them: to autograd a whole perceptron is one operation, which computes the gradients
that are asked for and no others.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from smiling.products import batched

NARROW = 16  # columns of a product below which BLAS's batched product is faster transposed: up to six times
NORM_EPS = 1e-5  # torch's for layer_norm

N = TypeVar("N", bound=nn.Module)


def product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right of each pair in a batch: (n, a, b) x (n, b, c) -> (n, a, c), perhaps not contiguous."""
    if left.shape[-1] == 1:
        return left * right
    if right.shape[-1] < NARROW:
        return batched(right.mT, left.mT).mT
    return batched(left, right)


class EnsembleLinear(nn.Module):
    """Weights of `members` linear layers of one size: (members, in, out), and biases (members, 1, out)."""

    def __init__(self, members: int, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))
        for member in self.weight.data:
            nn.init.orthogonal_(member, generator=generator)


class MLP(nn.Module):
    """`members` perceptrons of `depth` hidden ReLU layers, evaluated side by side; layer-normalised if asked."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        depth: int,
        generator: torch.Generator,
        members: int = 1,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth, outputs]
        self.layers = nn.ModuleList(EnsembleLinear(members, a, b, generator) for a, b in pairwise(sizes))
        self.layer_norm = layer_norm
        self._one: Tensor
        self._zero: Tensor
        # Without these, layer_norm takes a path that is slower by half.
        self.register_buffer("_one", torch.ones(width), persistent=False)
        self.register_buffer("_zero", torch.zeros(width), persistent=False)

    def forward(self, x: Tensor, frozen: bool = False) -> Tensor:
        """(members, batch, inputs) -> (members, batch, outputs); to `frozen` weights no gradient flows."""
        layers: Any = self.layers  # EnsembleLinear each, which a ModuleList does not say
        parameters: list[Tensor] = [part for layer in layers for part in (layer.weight, layer.bias)]
        if frozen:
            parameters = [part.detach() for part in parameters]
        scale = (self._one, self._zero) if self.layer_norm else None
        return _Perceptrons.apply(x, scale, *parameters)


def side_by_side(networks: Sequence[N]) -> N:
    """One network that holds the members of all of `networks`, in their order."""
    together = copy.deepcopy(networks[0])
    for name, parameter in together.named_parameters():
        parameter.data = torch.cat([network.get_parameter(name).data for network in networks])
    return together


class _Perceptrons(torch.autograd.Function):
    """Both passes of an `MLP`: its input, layer_norm's (scale, shift) or None, and weight and bias of each layer."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: tuple[Tensor, Tensor] | None, *parameters: Tensor) -> Tensor:
        weights, biases = parameters[::2], parameters[1::2]
        inputs, normalised = [x], []
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            x = product(x, weight).add_(bias)  # a third faster than baddbmm
            if scale is not None:
                y, mean, deviation = torch.native_layer_norm(x, x.shape[-1:], *scale, NORM_EPS)
                normalised += [x, mean, deviation]
                x = y
            x = x.relu_()
            inputs.append(x)
        ctx.scale, ctx.depth = scale, len(weights) - 1
        ctx.save_for_backward(*weights, *inputs, *normalised)
        return product(x, weights[-1]).add_(biases[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        count = ctx.depth + 1
        weights, inputs, normalised = _cut(ctx.saved_tensors, count, count)
        of_input, _, *of_parameters = ctx.needs_input_grad
        found: list[Tensor | None] = []  # of the parameters, from the last to the first
        for layer in reversed(range(count)):
            if layer < ctx.depth:
                gradient = torch.ops.aten.threshold_backward(gradient, inputs[layer + 1], 0)
            if layer < ctx.depth and ctx.scale is not None:
                gradient = _before_norm(gradient, ctx.scale, *normalised[3 * layer : 3 * layer + 3])
            weighs, shifts = of_parameters[2 * layer : 2 * layer + 2]
            found.append(gradient.sum(1, keepdim=True) if shifts else None)
            found.append(product(inputs[layer].mT, gradient) if weighs else None)
            if layer > 0 or of_input:
                gradient = product(gradient, weights[layer].mT)
        return (gradient if of_input else None, None, *reversed(found))


def _cut(parts: Sequence[Tensor], *lengths: int) -> list[Sequence[Tensor]]:
    """`parts` in pieces of these lengths, and what is left."""
    pieces = []
    for length in lengths:
        pieces.append(parts[:length])
        parts = parts[length:]
    return [*pieces, parts]


def _before_norm(gradient: Tensor, scale: tuple[Tensor, Tensor], x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Gradient by layer_norm's input `x`, of that by its output."""
    wanted = [True, False, False]  # by the input, not by scale and shift
    backward = torch.ops.aten.native_layer_norm_backward
    return backward(gradient, x, x.shape[-1:], mean, deviation, *scale, wanted)[0]
