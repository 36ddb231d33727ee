"""Steps of the recurrent state-space model, and the gradient through many of them, written out.

A sequence is a long chain of small products. To autograd all of it is one operation: the chain goes back in as few
operations as it went forward, and the products that give the weights' gradients are taken once, of all steps together.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from smiling.solvers.dreamer.distributions import UNIMIX, Pick
from smiling.solvers.dreamer.layers import NORM_EPS, full


class Weights(NamedTuple):
    """What a step computes with; the last layers are the posterior's or, without `obs_out`, the prior's."""

    img_in: Tensor  # stoch's part of the kernel, (stoch, units)
    img_scale: Tensor
    img_offset: Tensor
    gru: Tensor  # (deter + units, 3 deter)
    gru_scale: Tensor
    gru_offset: Tensor
    logit: Tensor  # (units or deter, stoch)
    logit_bias: Tensor
    obs_out: tuple[Tensor, ...] = ()  # deter's part of the kernel, (deter, units); scale, offset


class Normed(NamedTuple):
    """LayerNorm's input, its mean and 1 / deviation, and its output."""

    product: Tensor
    mean: Tensor
    inverse: Tensor
    out: Tensor


def normed(product: Tensor, scale: Tensor, offset: Tensor) -> Normed:
    """LayerNorm, in float32."""
    product = full(product)
    out, mean, inverse = torch.native_layer_norm(product, scale.shape, scale, offset, NORM_EPS)
    return Normed(product, mean, inverse, out)


def normed_backward(gradient: Tensor, of: Normed, scale: Tensor, offset: Tensor, learns: bool) -> Any:
    """Gradients by LayerNorm's input and, where it `learns`, by its scale and offset."""
    wanted = [True, learns, learns]
    found = torch.ops.aten.native_layer_norm_backward
    return found(gradient, of.product, scale.shape, of.mean, of.inverse, scale, offset, wanted)


class Step(NamedTuple):
    """A step's result, `deter`, `stoch` and `probabilities`, and what its gradient is found from."""

    deter: Tensor
    stoch: Tensor
    probabilities: Tensor
    before: tuple[Tensor, Tensor]  # deter and stoch where the step begins
    joined: Tensor  # [deter, x]
    image: Normed
    parts: Normed
    gates: tuple[Tensor, Tensor, Tensor]  # reset, candidate, update
    observed: Normed | None
    seen: Tensor  # what the logits are a linear function of
    softmax: Tensor
    keep: Tensor | None


def step(
    weights: Weights,
    before: tuple[Tensor, Tensor],
    action: Tensor,
    uniform: Tensor,
    pick: Pick,
    embedding: Tensor | None = None,
    keep: Tensor | None = None,
) -> Step:
    """The next state, after an observation if there is an `embedding`.

    `action` (rows, units) and `embedding` (rows, units) are their parts of the products of `img_in` and `obs_out`;
    `keep` (rows, 1) is 0 where an episode begins, and nothing before it counts; `uniform` (rows, categoricals) decides
    what is drawn.
    """
    deter, stoch = before if keep is None else (before[0] * keep, before[1] * keep)
    image = normed(torch.addmm(action, stoch, weights.img_in), weights.img_scale, weights.img_offset)
    joined = torch.cat([deter, F.silu(image.out)], -1)
    parts = normed(joined @ weights.gru, weights.gru_scale, weights.gru_offset)
    reset, candidate, update = parts.out.chunk(3, -1)
    reset, update = torch.sigmoid(reset), torch.sigmoid(update - 1)
    gates = reset, torch.tanh(reset * candidate), update
    after = torch.lerp(deter, gates[1], update)
    observed, seen = None, after
    if embedding is not None:
        kernel, scale, offset = weights.obs_out
        observed = normed(torch.addmm(embedding, after, kernel), scale, offset)
        seen = F.silu(observed.out)
    logits = full(torch.addmm(weights.logit_bias, seen, weights.logit))
    softmax = logits.view(*uniform.shape, -1).softmax(-1)
    probabilities = softmax * (1 - UNIMIX) + UNIMIX / softmax.shape[-1]
    drawn = pick(probabilities, uniform).flatten(-2)
    return Step(after, drawn, probabilities, (deter, stoch), joined, image, parts, gates, observed, seen, softmax, keep)


class Chain(torch.autograd.Function):
    """Successive `steps` as a function of the actions' and the observations' parts (length, rows, units), and weights.

    Gives deter, stoch and probabilities, (length, rows, ...). A sample's gradient is its probabilities'. No gradient
    flows to the state before the first step, and to weights that are None.
    """

    @staticmethod
    def forward(
        ctx: Any, steps: Sequence[Step], weights: Weights, actions: Tensor, embeddings: Tensor | None, *learnt: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.steps, ctx.weights, ctx.learns = steps, weights, bool(learnt)
        ctx.set_materialize_grads(False)
        ctx.half = torch.is_autocast_enabled(actions.device.type)
        deter, stoch, probabilities = (torch.stack(parts) for parts in list(zip(*steps, strict=True))[:3])
        return deter, stoch, probabilities

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        with torch.autocast(ctx.weights.gru.device.type, torch.bfloat16, enabled=ctx.half):
            found = chain_backward(ctx.steps, ctx.weights, ctx.learns, *gradients)
            image = torch.stack([each.image for each in found])
            if not ctx.learns:
                return None, None, image, None
            observed = torch.stack([each.observed for each in found if each.observed is not None])
            return None, None, image, observed, *weights_gradients(ctx.steps, found, image, observed)


class Products(NamedTuple):
    """Gradients of a step by what its products give, and by the scales and offsets of its norms, where they learn."""

    image: Tensor
    parts: Tensor
    logits: Tensor
    observed: Tensor | None
    image_norm: Sequence[Tensor]
    parts_norm: Sequence[Tensor]
    observed_norm: Sequence[Tensor]


def chain_backward(
    steps: Sequence[Step],
    weights: Weights,
    learns: bool,
    deters: Tensor | None,
    stochs: Tensor | None,
    probabilities: Tensor | None,
) -> list[Products]:
    """Of each step, from the last to the first, given those by its results."""
    found: list[Products] = []
    of_deter, of_stoch = torch.zeros_like(steps[-1].deter), torch.zeros_like(steps[-1].stoch)
    for index in reversed(range(len(steps))):
        if deters is not None:
            of_deter = of_deter + deters[index]
        if stochs is not None:
            of_stoch = of_stoch + stochs[index]
        of_probabilities = of_stoch.view_as(steps[index].probabilities)
        if probabilities is not None:
            of_probabilities = of_probabilities + probabilities[index]
        products, of_deter, of_stoch = step_backward(steps[index], weights, learns, of_deter, of_probabilities)
        found.append(products)
    return found[::-1]


def step_backward(
    of: Step, weights: Weights, learns: bool, of_deter: Tensor, of_probabilities: Tensor
) -> tuple[Products, Tensor, Tensor]:
    """Of one step: by its products, and by deter and stoch where it begins."""
    logits = torch._softmax_backward_data(of_probabilities * (1 - UNIMIX), of.softmax, -1, of.softmax.dtype).flatten(-2)
    seen = full(logits @ weights.logit.mT)
    observed, observed_norm = None, []
    if of.observed is None:
        of_deter = of_deter + seen
    else:
        kernel, scale, offset = weights.obs_out
        out = torch.ops.aten.silu_backward(seen, of.observed.out)
        observed, *observed_norm = normed_backward(out, of.observed, scale, offset, learns)
        of_deter = of_deter + full(observed @ kernel.mT)
    out, of_deter = gates_backward(of, of_deter)
    parts, *parts_norm = normed_backward(out, of.parts, weights.gru_scale, weights.gru_offset, learns)
    joined = full(parts @ weights.gru.mT)
    size = of_deter.shape[-1]
    out = torch.ops.aten.silu_backward(joined[:, size:], of.image.out)
    image, *image_norm = normed_backward(out, of.image, weights.img_scale, weights.img_offset, learns)
    of_deter, of_stoch = of_deter + joined[:, :size], full(image @ weights.img_in.mT)
    if of.keep is not None:
        of_deter, of_stoch = of_deter * of.keep, of_stoch * of.keep
    norms = image_norm, parts_norm, observed_norm
    return Products(image, parts, logits, observed, *norms), of_deter, of_stoch


def gates_backward(of: Step, of_deter: Tensor) -> tuple[Tensor, Tensor]:
    """By what LayerNorm gives the gates, and by the previous deter as far as it is mixed in."""
    reset, candidate, update = of.gates
    size = update.shape[-1]
    of_candidate = of_deter * update
    before_tanh = torch.ops.aten.tanh_backward(of_candidate, candidate)
    of_reset = torch.ops.aten.sigmoid_backward(before_tanh * of.parts.out[:, size : 2 * size], reset)
    of_update = torch.ops.aten.sigmoid_backward(of_deter * (candidate - of.before[0]), update)
    out = torch.cat([of_reset, before_tanh * reset, of_update], -1)
    return out, of_deter - of_candidate


def weights_gradients(
    steps: Sequence[Step], found: Sequence[Products], image: Tensor, observed: Tensor
) -> tuple[Tensor, ...]:
    """By each of the posterior's weights, in their order, of all steps together."""
    stoch = torch.cat([each.before[1] for each in steps])
    joined, seen, deter = (torch.cat([getattr(each, name) for each in steps]) for name in ("joined", "seen", "deter"))
    parts, logits = (torch.cat([getattr(each, name) for each in found]) for name in ("parts", "logits"))
    image_norm, parts_norm, observed_norm = (
        [torch.stack(by).sum(0) for by in zip(*(getattr(each, name) for each in found), strict=True)]
        for name in ("image_norm", "parts_norm", "observed_norm")
    )
    return (
        *(stoch.mT @ image.flatten(0, 1), *image_norm),
        *(joined.mT @ parts, *parts_norm),
        *(seen.mT @ logits, logits.sum(0)),
        *(deter.mT @ observed.flatten(0, 1), *observed_norm),
    )
