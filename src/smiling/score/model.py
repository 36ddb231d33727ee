"""The score model: a noise predictor fitted by denoising score matching (paper section 3.3, Algorithm 1, Table 2).

With eps the noise predicted at s_t, the score is -eps / sqrt(1 - alpha_bar_t).
"""

import math
from collections.abc import Callable

import torch
from numpy.typing import ArrayLike
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from smiling.optimiser import Adam, adamw
from smiling.score.diffusion import DiffusionSettings, alpha_bar, diffuse
from smiling.settings import Settings

LEAK = 0.01  # slope of LeakyReLU below zero, torch's default


class ScoreModelSettings(Settings):
    """Table 2 of the paper; the time's embedding and optimiser are those of the authors' code."""

    diffusion: DiffusionSettings = DiffusionSettings()
    width: int = Field(256, ge=1, description="units of the hidden layer")
    time_size: int = Field(16, ge=4, multiple_of=2, description="size of the time's embedding")
    time_width: int = Field(32, ge=1, description="hidden units of the embedding's MLP")
    linear: bool = Field(False, description="no activation anywhere (Figure 5)")
    lr: float = Field(5e-3, gt=0)
    batch: int = Field(1024, ge=1)


def sinusoidal(times: Tensor, size: int) -> Tensor:
    """Sines, then cosines, at rates from 1 to 1/10 000, both included, as the authors' code has it: (n,) -> (n, size).

    Vaswani et al. (2017) divide by size // 2, and so stay short of the slowest.
    """
    rates = torch.exp(-math.log(10_000) * torch.arange(size // 2, device=times.device) / (size // 2 - 1))
    angles = times[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class ScoreModel(nn.Module):
    """One hidden layer on the noisy state and the embedded time; predicts the noise."""

    alpha_bar: Tensor  # (steps,)
    embedded: Tensor  # (steps, time_size)

    def __init__(self, state_size: int, settings: ScoreModelSettings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        self.state_size = state_size
        self.slope = 1.0 if settings.linear else LEAK
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.time_in = nn.Linear(settings.time_size, settings.time_width)
            self.time_out = nn.Linear(settings.time_width, settings.time_size)
            self.hidden = nn.Linear(state_size + settings.time_size, settings.width)
            self.out = nn.Linear(settings.width, state_size)
        self.register_buffer("alpha_bar", alpha_bar(settings.diffusion), persistent=False)
        embedded = sinusoidal(torch.arange(settings.diffusion.steps), settings.time_size)
        self.register_buffer("embedded", embedded, persistent=False)

    def embedding(self, times: Tensor) -> Tensor:
        """Of integer times: (n,) -> (n, time_size)."""
        return self.time_out(F.leaky_relu(self.time_in(self.embedded[times]), self.slope))

    def time_bias(self, times: Tensor) -> Tensor:
        """What time adds to the hidden layer before its activation, its bias included: (n,) -> (n, width)."""
        return F.linear(self.embedding(times), self.hidden.weight[:, self.state_size :], self.hidden.bias)

    def forward(self, noisy: Tensor, times: Tensor) -> Tensor:
        """Predicted noise for noisy states (n, state) at integer times (n,): (n, state)."""
        hidden = self.hidden(torch.cat([noisy, self.embedding(times)], -1))
        return self.out(F.leaky_relu_(hidden, self.slope))


def denoising_loss(model: ScoreModel, states: Tensor, times: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error on the noise: score matching weighted by 1 - alpha_bar (lines 1 and 3 of Algorithm 1)."""
    noisy = diffuse(states, noise, model.alpha_bar[times, None])
    return F.mse_loss(model(noisy, times), noise)


def score_optimiser(model: ScoreModel) -> Adam:
    """AdamW on the model's parameters, at its settings' rate."""
    return adamw(model.parameters(), model.settings.lr)


def fit_pass(model: ScoreModel, optimiser: Adam, states: Tensor, generator: torch.Generator) -> Tensor:
    """One pass over `states` (n, state), already in random order; the mean loss, a scalar tensor."""
    losses = []
    for batch in states.split(model.settings.batch):
        times = torch.randint(len(model.alpha_bar), (len(batch),), generator=generator, device=batch.device)
        noise = torch.randn(batch.shape, generator=generator, device=batch.device)
        losses.append(optimiser.minimise(denoising_loss(model, batch, times, noise)))
    return torch.stack(losses).mean()


def fit(
    model: ScoreModel,
    states: Tensor,
    epochs: int,
    generator: torch.Generator,
    watch: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """`epochs` passes over `states` (n, state), each in a new random order (line 1 of Algorithm 1).

    `watch` is told how many passes are done after each. Returns the last pass's mean loss, a scalar tensor.
    """
    optimiser = score_optimiser(model)
    for epoch in range(epochs):
        order = torch.randperm(len(states), generator=generator, device=generator.device)
        loss = fit_pass(model, optimiser, states[order], generator)
        watch(epoch + 1)
    return loss


def fit_score_model(
    states: ArrayLike, settings: ScoreModelSettings | None = None, epochs: int = 4000, seed: int = 0
) -> ScoreModel:
    """A score model of `states` (n, state), an array or a tensor; 4000 epochs are the paper's, for 5000 states.

    Raises:
        ValueError: if `states` is not a table of finite numbers with a row at least, or `epochs` is below 1.
    """
    table = torch.as_tensor(states, dtype=torch.float32)
    if table.ndim != 2 or not table.numel() or not table.isfinite().all():
        raise ValueError(f"states must be finite numbers of shape (n, state), n > 0, but are {tuple(table.shape)}")
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}: fit at least once")
    model = ScoreModel(table.shape[1], settings or ScoreModelSettings(), seed).to(table.device)
    fit(model, table, epochs, torch.Generator(table.device).manual_seed(seed))
    return model
