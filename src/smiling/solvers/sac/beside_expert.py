"""SAC that is shown the expert's transitions beside its own: what IQ-Learn and SQIL are made of."""

from collections.abc import Sequence

import torch

from smiling.runs.demonstrations import Demonstrations
from smiling.settings import UserError
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.replay import Batch


class SACBesideExpert(SAC):
    """SAC that draws from the expert's transitions with the randomness of each of its seeds."""

    def __init__(
        self, expert: Batch, settings: SACSettings, seed: int | Sequence[int], device: str | torch.device = "cpu"
    ) -> None:
        super().__init__(expert.states.shape[-1], expert.actions.shape[-1], settings, seed, device)
        self.expert = expert

    def expert_batch(self, size: int) -> Batch:
        """`size` of the expert's transitions for each seed, drawn with replacement: (..., size, ...)."""
        count = len(self.expert.states)
        drawn = [torch.randint(count, (size,), generator=own, device=self.device) for own in self._noise]
        rows = torch.stack(drawn).view(*self._leading, size)
        return Batch(*(part[rows] for part in self.expert))

    def joined(self, expert: Batch, learner: Batch) -> Batch:
        """The expert's transitions and, after them, the learner's, for each seed."""
        along = len(self._leading)
        return Batch(*(torch.cat(pair, along) for pair in zip(expert, learner, strict=True)))


def expert_transitions(demonstrations: Demonstrations, action_size: int, with_actions: bool, device: str) -> Batch:
    """The demonstrations as transitions. Where next states are not recorded they are the episode's following rows.

    Raises:
        UserError: if there are none, or actions are asked for and not recorded.
    """
    states = torch.from_numpy(demonstrations.observations)
    rows, last = torch.arange(len(states)), torch.from_numpy(demonstrations.ends() - 1)
    continues = torch.ones(len(states))
    if demonstrations.terminals is not None:
        continues[last[torch.from_numpy(demonstrations.terminals)]] = 0.0
    if demonstrations.next_observations is None:
        rows = rows[~torch.isin(rows, last)]
        if len(rows) == 0:
            raise UserError(
                "this needs transitions, but the demonstrations have one row an episode and no 'next_observations'"
            )
        next_states = states[rows + 1]
    else:
        next_states = torch.from_numpy(demonstrations.next_observations)
    actions = torch.zeros(len(states), action_size)
    if with_actions:
        actions = torch.from_numpy(demonstrations.require_actions())
    expert = Batch(states[rows], actions[rows], torch.zeros(len(rows)), next_states, continues[rows])
    return Batch(*(part.to(device) for part in expert))
