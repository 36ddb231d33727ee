"""AdRIL's rewards by hand over three rounds, alone and through SAC's replay."""

import pytest
import torch

from smiling.imitation import Imitation
from smiling.methods import adril
from smiling.methods.adril import AdRIL, Rounds
from smiling.runs.folder import RunFolder
from smiling.settings import UserError
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.agent import SACSettings
from smiling.solvers.sac.replay import Batch
from smiling.solvers.sac.training import Training
from smiling.training import TrainingSettings


def test_rewards_over_three_rounds():
    """Round 0: all are current. Round 1: those of 0 have -1. Round 2: those of 0 and 1 have -1/2."""
    rounds, seen = Rounds(), []
    for expected in ([0.0], [-1.0, 0.0], [-0.5, -0.5, 0.0]):
        seen.append(rounds.along(torch.zeros(3)))
        assert rounds.in_batch(torch.stack(seen)).tolist() == expected
        rounds.update(lambda count: torch.zeros(count, 3))
    again = Rounds()
    again.load_state_dict(rounds.state_dict())
    assert again.round == 3


class Watched(AdRIL):
    """Keeps the batches that SAC learns from, and when."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.learnt = []

    def joined(self, expert, learner):
        self.learnt.append(super().joined(expert, learner))
        return self.learnt[-1]


@pytest.mark.parametrize("reward_for", ["batch", "replay"])
def test_batches_of_a_run_have_the_rewards_of_their_rounds(tmp_path, reward_for):
    """Rounds of 300 steps: which round a transition is of is told by the state that it is found with in the replay."""
    expert = Batch(torch.full((6, 8), 50.0), torch.zeros(6, 2), torch.zeros(6), torch.full((6, 8), 50.0), torch.ones(6))
    small = SACSettings(width=8, batch=16, seed_steps=300, replay_capacity=3000)
    settings = TrainingSettings(evaluate_every=1000, reward_update_every=300, reward_for=reward_for)
    solver = Watched(expert, small, seed=[0])
    training = Training("ball_in_cup_catch", solver, settings, [0], [Rounds()], with_actions=True)
    with RunFolder({0: tmp_path / "seed0"}, {"test": True}, 1e9, write_policy) as folder:
        training.run(1000, folder, "test")
    (replay,) = training.replays
    places = {tuple(replay.states(torch.tensor([index]))[0].tolist()): index for index in range(999)}
    for update, batch in enumerate(solver.learnt):
        step = 300 + update  # nothing is learnt before
        current = (step - 1) // 300  # at a step the policy is updated before the reward
        assert batch.rewards[0, :16].tolist() == [1.0] * 16
        assert (batch.states[0, :16] == 50).all()
        for state, reward in zip(batch.states[0, 16:], batch.rewards[0, 16:], strict=True):
            place = places[tuple(state.tolist())]
            of_round = place // 300  # the reward learns before the step is taken and stored
            assert reward == (-1 / current if of_round < current else 0)


def test_it_is_refused_on_dreamer():
    given = Imitation("test", "humanoid_sit", [0], True, None, 0, None, "dreamer", None, None, None)
    with pytest.raises(UserError, match="AdRIL runs on SAC.*leave adril out there"):
        adril.run(given)
