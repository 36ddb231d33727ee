"""Adam on one flat vector: a handful of tensor operations a step, however many layers a network has."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def flatten(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Move the parameters into one vector, of which they become views: writing to one writes to the other."""
    parameters = list(parameters)
    flat = torch.cat([parameter.data.flatten() for parameter in parameters])
    for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.data = part.view(parameter.shape)
    return flat


class Adam:
    """Kingma & Ba (2015), as torch.optim.Adam computes it. It counts its steps on the device, so it can be captured."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.betas, self.eps = lr, betas, eps
        self.flat = flatten(self.parameters)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        self.steps = torch.zeros((), dtype=torch.float64, device=self.flat.device)

    def minimise(self, loss: Tensor) -> Tensor:
        """One step down the gradient of `loss`, which is returned detached; no other parameter gets a gradient.

        A loss that is not a scalar counts by its sum: the losses of several seeds side by side, of which none depends
        on another's parameters.
        """
        gradients = torch.autograd.grad(loss.sum(), self.parameters)
        self._step(torch.cat([gradient.flatten() for gradient in gradients]))
        return loss.detach()

    @torch.no_grad()
    def _step(self, gradient: Tensor) -> None:
        first, second = self.betas
        self.steps += 1
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        # flat -= step_size * mean / (sqrt(square) / scale + eps), in as few passes over memory as can be
        step_size = self.lr / (1 - first**self.steps)
        scale = (1 - second**self.steps).sqrt()
        divisor = self.square.sqrt().mul_((1 / (scale * step_size)).to(self.flat.dtype))
        divisor.add_((self.eps / step_size).to(self.flat.dtype))
        self.flat.addcdiv_(self.mean, divisor, value=-1)

    def state_dict(self) -> dict[str, Tensor]:
        """Moments and step count; the parameters belong to their networks."""
        return {"mean": self.mean, "square": self.square, "steps": self.steps}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Inverse of `state_dict`."""
        for name, value in saved.items():
            getattr(self, name).copy_(value)
