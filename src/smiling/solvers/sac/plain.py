"""SAC as it is usually written: a network each for actor and critics, autograd and torch.optim throughout.

What `sac.SAC` does faster is measured and tested against it. It holds one seed and starts from a `SAC`'s state.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smiling.solvers.sac.agent import SAC
from smiling.solvers.sac.perceptron import MLP, EnsembleLinear
from smiling.solvers.sac.replay import Batch
from smiling.solvers.sac.squashed_gaussian import LOG_STD_RANGE


class PlainSAC:
    """A copy of `solver`, of one seed, that learns by the plain path."""

    def __init__(self, solver: SAC) -> None:
        self.settings, self.target_entropy = solver.settings, solver.target_entropy
        self.actor = sequential(solver.actor.body, 0)
        members = range(solver.settings.critics)
        self.critics = nn.ModuleList(sequential(solver.critics.body, member) for member in members)
        self.targets = nn.ModuleList(sequential(solver.targets.body, member) for member in members)
        self.log_temperature = nn.Parameter(solver.log_temperature.detach().flatten()[0].clone())
        self.optimisers = [
            torch.optim.Adam(parameters, lr=lr)
            for parameters, lr in (
                (self.critics.parameters(), self.settings.critic_lr),
                (self.actor.parameters(), self.settings.actor_lr),
                ([self.log_temperature], self.settings.temperature_lr),
            )
        ]
        self.updates = 0

    def update(self, batch: Batch, noise: Tensor, actor_noise: Tensor) -> None:
        """One step of critics, actor and temperature, and of the targets where they are due; noises (batch, action)."""
        temperature = self.log_temperature.exp().detach()
        with torch.no_grad():
            actions, log_prob = self.sample(batch.next_states, noise)
            value = self.q(self.targets, batch.next_states, actions).amin(0) - temperature * log_prob
            target = batch.rewards + self.settings.discount * batch.continues * value
        losses = [F.mse_loss(q, target) for q in self.q(self.critics, batch.states, batch.actions)]
        self.step(0, sum(losses[1:], losses[0]))
        if self.updates % self.settings.actor_every == 0:
            actions, log_prob = self.sample(batch.states, actor_noise)
            q = self.q(self.critics, batch.states, actions).amin(0)
            self.step(1, (temperature * log_prob - q).mean())
            self.step(2, self.log_temperature.exp() * (-log_prob.detach().mean() - self.target_entropy))
        if self.updates % self.settings.target_every == 0:
            with torch.no_grad():
                for ours, theirs in zip(self.targets.parameters(), self.critics.parameters(), strict=True):
                    ours.mul_(1 - self.settings.tau).add_(self.settings.tau * theirs)
        self.updates += 1

    def step(self, which: int, loss: Tensor) -> None:
        """One step of an optimiser."""
        self.optimisers[which].zero_grad()
        loss.backward()
        self.optimisers[which].step()

    def sample(self, states: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions and their log densities."""
        mean, log_std = self.actor(states).chunk(2, dim=-1)
        low, high = LOG_STD_RANGE
        log_std = low + 0.5 * (high - low) * (torch.tanh(log_std) + 1)
        normal = torch.distributions.Normal(mean, log_std.exp())
        raw_action = mean + log_std.exp() * noise
        log_slope = 2 * (math.log(2) - raw_action - F.softplus(-2 * raw_action))
        return torch.tanh(raw_action), (normal.log_prob(raw_action) - log_slope).sum(-1)

    @staticmethod
    def q(critics: nn.ModuleList, states: Tensor, actions: Tensor) -> Tensor:
        """Values by each critic, (critics, batch)."""
        pairs = torch.cat([states, actions], -1)
        return torch.stack([critic(pairs).squeeze(-1) for critic in critics])


def sequential(body: MLP, member: int) -> nn.Sequential:
    """A copy of one perceptron of `body`."""
    parts: list[nn.Module] = []
    for layer in body.layers:
        assert isinstance(layer, EnsembleLinear)
        weight, bias = layer.weight.detach()[member], layer.bias.detach()[member, 0]
        inputs, outputs = weight.shape
        linear = nn.Linear(inputs, outputs, device=weight.device)
        linear.weight.data, linear.bias.data = weight.T.clone(), bias.clone()
        normalised = [nn.LayerNorm(len(bias), elementwise_affine=False)] if body.layer_norm else []
        parts += [linear, *normalised, nn.ReLU()]
    return nn.Sequential(*parts[: len(parts) - (2 if body.layer_norm else 1)])
