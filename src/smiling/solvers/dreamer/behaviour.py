"""DreamerV3's actor and critic, which learn from what the world model imagines."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from smiling.solvers.dreamer.distributions import BINS, TwoHot, deviation, entropy
from smiling.solvers.dreamer.layers import Head, Output, full, hidden_layers
from smiling.solvers.dreamer.recurrence import Chain, step
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.world_model import Latent, WorldModel

LOW, HIGH = 0.05, 0.95  # quantiles of the returns, between which their range is
SCALE_DECAY = 0.99
LEAST_SCALE = 1.0


class Actor(nn.Module):
    """A diagonal Gaussian over actions at each state of the world model."""

    def __init__(self, features: int, action_size: int, settings: DreamerSettings, random: torch.Generator) -> None:
        super().__init__()
        self.hidden = hidden_layers(features, settings.width, settings.depth, random)
        self.mean = Output(settings.width, action_size, random)
        self.deviation = Output(settings.width, action_size, random)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each (..., action)."""
        x = self.hidden(features)
        return torch.tanh(full(self.mean(x))), deviation(full(self.deviation(x)))


class Trajectory(NamedTuple):
    """What is imagined: states' `features` (horizon + 1, rows, ...), again those `arrived` at, without the first, and
    `actions` and the policy's `deviations` in all but the last.
    """

    features: Tensor
    arrived: Tensor
    actions: Tensor
    deviations: Tensor


def imagine(world: WorldModel, actor: Actor, start: Latent, uniform: Tensor, normal: Tensor) -> Trajectory:
    """Follow the policy from `start` (rows, ...) for as many steps as there is noise for.

    `uniform` (horizon, rows, categoricals) decides what is drawn, `normal` (horizon, rows, action) the actions. No
    gradient flows from an action into the state that it is taken in.
    """
    rssm, latent, steps, played = world.rssm, (*start.detach(),), [], []
    weights = rssm.weights(observing=False)
    for drawn, noise in zip(uniform, normal, strict=True):
        mean, deviation = actor(torch.cat(latent, -1))
        action = torch.addcmul(mean, deviation, noise)
        part = rssm.actions(action)
        played.append((action, deviation, part))
        with torch.no_grad():
            steps.append(step(weights, latent, part, drawn, rssm.pick))
        latent = steps[-1][:2]
    actions, deviations, parts = (torch.stack(each) for each in zip(*played, strict=True))
    deter, stoch, _ = Chain.apply(steps, weights, parts, None)
    arrived = torch.cat([deter, stoch], -1)
    return Trajectory(torch.cat([start.features()[None], arrived]), arrived, actions, deviations)


def lambda_returns(reward: Tensor, value: Tensor, discount: Tensor, trace: float) -> Tensor:
    """R_t = r_t + d_t ((1 - lambda) v_t + lambda R_{t+1}), all of the state that step t arrives at: (horizon, rows)."""
    one_step = reward + discount * value * (1 - trace)
    returns = [value[-1]]
    for now, factor in zip(one_step.flip(0), (discount * trace).flip(0), strict=True):
        returns.append(torch.addcmul(now, factor, returns[-1]))
    return torch.stack(returns[:0:-1])


def weights(cont: Tensor, discount: float) -> Tensor:
    """Probability, discounted, that an imagined episode still goes on at each state: (states, rows)."""
    return torch.cumprod(discount * cont, 0) / discount


def moved_range(known: Tensor, returns: Tensor) -> Tensor:
    """Moving averages (2,) of the low and the high quantile of all `returns`."""
    levels = torch.linspace(LOW, HIGH, 2, device=returns.device)
    return torch.lerp(torch.quantile(returns.flatten(), levels), known, SCALE_DECAY)


def return_scale(known: Tensor) -> Tensor:
    """By which returns are divided: their range, or 1 if that is less."""
    return (known[1] - known[0]).clamp(min=LEAST_SCALE)


class Values(NamedTuple):
    """Of a trajectory: its states' `cont`, `weight`, the critic's `logits` and their means; its steps' `reward` and
    lambda-`returns`; each (states or steps, rows).
    """

    cont: Tensor
    weight: Tensor
    reward: Tensor
    returns: Tensor
    logits: Tensor
    value: Tensor


class Behaviour(nn.Module):
    """Actor, critic and the slow critic, which follows it."""

    def __init__(self, features: int, action_size: int, settings: DreamerSettings, random: torch.Generator) -> None:
        super().__init__()
        self.settings = settings
        self.actor = Actor(features, action_size, settings, random)
        self.critic, self.slow_critic = (
            Head(features, BINS, settings.width, settings.depth, random, outscale=0) for _ in range(2)
        )

    def values(self, world: WorldModel, dreamt: Trajectory, is_terminal: Tensor, two_hot: TwoHot) -> Values:
        """What the world model and the critic say of what was imagined, with gradients."""
        reward = two_hot.mean(world.reward(dreamt.arrived))
        cont = torch.cat([1 - is_terminal[None], torch.sigmoid(full(world.cont(dreamt.arrived)).squeeze(-1))])
        logits = self.critic(dreamt.features)
        value, discount = two_hot.mean(logits), self.settings.discount
        returns = lambda_returns(reward, value[1:], discount * cont[1:], self.settings.trace)
        return Values(cont, weights(cont, discount).detach(), reward, returns, logits, value)

    def actor_loss(self, values: Values, deviations: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Through the dynamics: from the returns, less the baseline, back to each action; and the mean entropy."""
        surprise, bonus = entropy(deviations), self.settings.entropy
        advantage = (values.returns - values.value[:-1]) / scale
        return (values.weight[:-1] * (-advantage - bonus * surprise)).mean(), surprise.detach().mean()

    def critic_loss(self, values: Values, features: Tensor, two_hot: TwoHot) -> Tensor:
        """-log p(return) - log p(slow critic's value); `features` (steps, rows, ...) are constants, as is the rest."""
        with torch.no_grad():
            slow = two_hot.mean(self.slow_critic(features))
        targets = torch.stack([values.returns.detach(), slow])
        return (values.weight[:-1] * two_hot.loss(values.logits[:-1], targets).sum(0)).mean()
