"""Adam on one flat vector: one operation a step, however many layers a network has."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw as fused_step

WHOLE = 64  # elements: flat vectors are multiples of it, so that none is left to a kernel's end, which rounds otherwise

DECAY = 0.01  # of weights, torch's default for AdamW
# torch's own defaults.
RULE: dict[str, Any] = {"beta1": 0.9, "beta2": 0.999, "amsgrad": False, "maximize": False, "fused": True}


def flatten(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Move the parameters into one vector, of which they become views: writing to one writes to the other.

    Zeros fill its end. A parameter's arithmetic is then the same wherever in the vector it stands: a seed's weights are
    to the bit those that it has without the seeds beside it.
    """
    parameters = list(parameters)
    sizes = [parameter.numel() for parameter in parameters]
    flat = parameters[0].data.new_zeros(-(-sum(sizes) // WHOLE) * WHOLE)
    for parameter, part in zip(parameters, flat[: sum(sizes)].split(sizes), strict=True):
        part.copy_(parameter.data.flatten())
        parameter.data = part.view(parameter.shape)
    return flat


class Adam:
    """Kingma & Ba (2015), by torch's fused kernel; with a decay of weights, AdamW (Loshchilov & Hutter, 2019).

    Gradients whose norm, of all together, is above `clip` are scaled down to it.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        decay: float = 0.0,
        eps: float = 1e-8,
        clip: float | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.flat = flatten(self.parameters)
        self._size = sum(parameter.numel() for parameter in self.parameters)
        self._gradient = torch.zeros_like(self.flat)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        self.steps = torch.zeros((), device=self.flat.device)
        self.lr, self.clip = lr, clip
        self.rule: dict[str, Any] = {**RULE, "weight_decay": decay, "eps": eps}

    def minimise(self, loss: Tensor) -> Tensor:
        """One step down the gradient of `loss`, which is returned detached; no other parameter gets a gradient."""
        self.step(self.gradients(loss))
        return loss.detach()

    def gradients(self, loss: Tensor, keep_graph: bool = False) -> Sequence[Tensor]:
        """Of `loss` by each parameter; another loss may be asked about afterwards where the graph is kept.

        A loss that is not a scalar counts by its sum: the losses of several seeds side by side, of which none depends
        on another's parameters.
        """
        return torch.autograd.grad(loss, self.parameters, torch.ones_like(loss), retain_graph=keep_graph)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """One step down the gradients."""
        torch.cat([gradient.flatten() for gradient in gradients], out=self._gradient[: self._size])
        if self.clip is not None:
            norm = torch.linalg.vector_norm(self._gradient)
            self._gradient.mul_((self.clip / norm).clamp(max=1.0))
        largest: list[Tensor] = []  # AMSGrad's, which is not asked for
        vectors = [self.flat], [self._gradient], [self.mean], [self.square], largest, [self.steps]
        fused_step(*vectors, lr=self.lr, **self.rule)

    def state_dict(self) -> dict[str, Tensor]:
        """Moments and step count; the parameters belong to their networks."""
        return {"mean": self.mean, "square": self.square, "steps": self.steps}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Inverse of `state_dict`."""
        for name, value in saved.items():
            getattr(self, name).copy_(value)


def adamw(parameters: Iterable[nn.Parameter], lr: float) -> Adam:
    """The optimiser of score models and discriminators: torch's AdamW at a constant rate (the authors' code)."""
    return Adam(parameters, lr, decay=DECAY)
