"""The training loop seen from outside: what the solver is given, when, and that the task's reward never reaches it."""

import pytest
import torch

from smiling.reward import EpisodeReward, LearnedReward
from smiling.runs.contract import evaluated_at
from smiling.runs.folder import RunFolder
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.training import Training
from smiling.training import TrainingSettings

pytestmark = pytest.mark.long

TASK = "cheetah_run"
SMALL = SACSettings(width=8, batch=32, seed_steps=1000, replay_capacity=3000)


class SumOfState(LearnedReward):
    """A reward that is known: the sum of the feature; it records when it was updated and on what."""

    def __init__(self) -> None:
        self.updated_on: list[torch.Tensor] = []

    def update(self, draw):
        self.updated_on.append(draw(500))
        return {"updates": float(len(self.updated_on))}

    def pointwise(self, features):
        return features.sum(-1)

    def in_batch(self, rewards):
        return rewards + 1

    def state_dict(self):
        return {}


class Watched(SAC):
    """A solver that keeps the batches it is given."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.batches = []

    def update(self, batch):
        self.batches.append(batch)
        return super().update(batch)


def trained(tmp_path, steps=3000, reward=None, with_actions=False, seeds=(0,), **settings) -> Training:
    settings = TrainingSettings(**{"evaluate_every": 1000, "checkpoint_seconds": 1e9} | settings)
    rewards = None if reward is None else [reward]
    training = Training(TASK, Watched(17, 6, SMALL, seed=seeds), settings, seeds, rewards, with_actions)
    with RunFolder({seed: tmp_path / f"seed{seed}" for seed in seeds}, {"test": True}, 1e9, write_policy) as folder:
        training.run(steps, folder, "test")
    return training


@pytest.mark.parametrize("reward_for", ["batch", "replay"])
@pytest.mark.parametrize("with_actions", [False, True])
def test_solver_gets_the_methods_reward_for_every_transition(tmp_path, reward_for, with_actions):
    training = trained(tmp_path, 2000, SumOfState(), with_actions, reward_for=reward_for)
    assert len(training.solver.batches) == 1000
    for batch in training.solver.batches[::50]:
        features = torch.cat([batch.states, batch.actions], -1) if with_actions else batch.states
        torch.testing.assert_close(batch.rewards, features.sum(-1) + 1)


class SumOfTransition(SumOfState):
    """The same of states and those after them."""

    transitions = True


@pytest.mark.parametrize("reward_for", ["batch", "replay"])
@pytest.mark.parametrize("with_actions", [False, True])
def test_reward_of_transitions_sees_the_next_states(tmp_path, reward_for, with_actions):
    reward = SumOfTransition()
    training = trained(tmp_path, 2000, reward, with_actions, reward_for=reward_for)
    for batch in training.solver.batches[::50]:
        seen = (batch.states, batch.actions, batch.next_states) if with_actions else (batch.states, batch.next_states)
        torch.testing.assert_close(batch.rewards, torch.cat(seen, -1).sum(-1) + 1)
    assert reward.updated_on[0].shape == (500, 40 if with_actions else 34)


class RunningSum(EpisodeReward):
    """What the features of the episode have summed up to."""

    def begin(self):
        self.total = torch.zeros(())

    def along(self, feature):
        self.total = self.total + feature.sum()
        return self.total

    def update(self, draw):
        return {}

    def in_batch(self, rewards):
        return rewards + 1

    def state_dict(self):
        return {}


@pytest.mark.parametrize("reward_for", ["batch", "replay"])
def test_reward_along_episodes_is_given_once_in_the_episodes_order(tmp_path, reward_for):
    training = trained(tmp_path, 2000, RunningSum(), reward_for=reward_for)
    (replay,) = training.replays
    states = replay.states(torch.arange(1999))
    expected = torch.cat([states[:1000].sum(-1).cumsum(0), states[1000:].sum(-1).cumsum(0)])
    torch.testing.assert_close(replay.rewards[:1999], expected, rtol=1e-3, atol=1e-2)
    given = torch.cat([batch.rewards for batch in training.solver.batches]).flatten() - 1
    assert (given[:, None] - replay.rewards[:1999]).abs().amin(-1).max() < 1e-3  # also of those just stored: no NaN


def test_task_reward_is_not_even_stored_beside_a_learned_one(tmp_path):
    training = trained(tmp_path, 2000, SumOfState())
    assert torch.isnan(training.replays[0].rewards[:2000]).all()


def test_expert_gets_the_tasks_reward(tmp_path):
    training = trained(tmp_path, 2000)
    rewards = torch.cat([batch.rewards for batch in training.solver.batches])
    stored = training.replays[0].rewards[: training.replays[0].added]
    assert torch.isin(rewards, stored).all()
    assert (stored >= 0).all()
    assert stored.std() > 0


def test_one_update_a_step_after_the_seed_steps_and_a_reward_update_every_thousand(tmp_path):
    reward = SumOfState()
    training = trained(tmp_path, 4000, reward)
    assert training.step == training.replays[0].added == 4000
    assert training.solver.updates == 3000
    assert len(reward.updated_on) == 3  # at steps 1000, 2000 and 3000
    assert [row["env_step"] for row in training.curves[0]] == [0, 1000, 2000, 3000, 4000]
    assert [row.get("updates") for row in training.curves[0]] == [None, None, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(("every", "times"), [(1000, [1000, 2000, 3000, 4000, 5000]), (1001, [1001, 2002, 3003, 4004])])
def test_reward_has_learnt_four_times_before_the_policy_first_does(every, times, monkeypatch):
    """Every thousand steps from the first thousand on, while actions are random too: the paper's 5000 are over then."""
    events = []
    monkeypatch.setattr(SumOfState, "update", lambda self, draw: events.append(("reward", training.step)) or {})
    monkeypatch.setattr(Watched, "update", lambda self, batch: events.append(("policy", training.step)) or {})
    paper = SMALL.model_copy(update={"seed_steps": SACSettings().seed_steps})
    settings = TrainingSettings(evaluate_every=10_000, reward_update_every=every)
    training = Training(TASK, Watched(17, 6, paper, seed=(0,)), settings, (0,), [SumOfState()])
    for _ in range(6):
        if training.step > 5000:
            break
        training._round()
    events = [event for event in events if event[1] <= 5000]
    policy = events.index(("policy", 5000))
    assert [step for name, step in events[:policy]] == times[:4]
    assert [step for name, step in events if name == "reward"] == times
    assert events[policy:] == [("policy", 5000), *(("reward", step) for step in times[4:])]


def test_action_is_chosen_then_the_policy_updated_then_the_step_taken(monkeypatch):
    events = []

    class Told(Watched):
        def explore(self, state):
            events.append("choose")
            return super().explore(state)

        def update(self, batch):
            events.append("update")
            assert training.replays[0].added == training.step  # without the transition that is under way
            return {}

    training = Training(TASK, Told(17, 6, SMALL, seed=(0,)), TrainingSettings(), (0,))
    (env,) = training.envs
    take = env.step
    monkeypatch.setattr(env, "step", lambda action: events.append("step") or take(action))
    training._round()
    assert events == ["step"] * 1000
    training._round()
    assert events[1000:] == ["choose", "update", "step"] * 1000


def test_last_evaluation_is_at_the_end_whatever_the_distance(tmp_path):
    """A curve's end is the trained policy's, also where the steps are no multiple of the distance."""
    for every, steps in ((2000, [0, 2000, 3000]), (10_000, [0, 3000])):
        training = trained(tmp_path / str(every), 3000, evaluate_every=every)
        assert [row["env_step"] for row in training.curves[0]] == steps == evaluated_at(3000, every)


def test_state_buffer_is_the_latest_states(tmp_path):
    reward = SumOfState()
    training = trained(tmp_path, 3000, reward, state_buffer=100)
    latest = training.replays[0].states(training.replays[0].latest(1100))[:100]  # the 100 before the third episode
    for state in reward.updated_on[-1]:
        assert (state == latest).all(-1).any()


def test_seed_steps_are_uniform_random_actions(tmp_path):
    training = trained(tmp_path, 1000)
    actions = training.replays[0].actions(training.replays[0].latest(1000))
    assert actions.min() < -0.95
    assert actions.max() > 0.95
    assert actions.mean().abs() < 0.05
    assert actions.var().item() == pytest.approx(1 / 3, rel=0.05)


def test_next_state_of_a_transition_is_the_following_state(tmp_path):
    replay = trained(tmp_path, 2000).replays[0]
    batch = replay.batch(replay.latest(1500))
    inside = torch.ones(1499, dtype=torch.bool)
    inside[499] = False  # there an episode ends and another begins
    assert torch.equal(batch.next_states[:-1][inside], batch.states[1:][inside])
    assert not torch.equal(batch.next_states[499], batch.states[500])


@pytest.mark.parametrize("reward_for", ["batch", "replay"])
def test_environments_in_the_background_change_nothing(tmp_path, reward_for):
    """The same curves and weights to the bit: what is drawn before its environment has answered is waited for."""
    parts = []
    for overlap in (False, True):
        folder = tmp_path / str(overlap)
        training = trained(folder, 3000, SumOfState(), seeds=(0,), reward_for=reward_for, overlap=overlap)
        parts.append((training.curves, training.solver.state_dict(), training.replays[0].state_dict()))
    torch.testing.assert_close(*parts, rtol=0, atol=0, equal_nan=True)


def test_seeds_side_by_side_learn_what_each_learns_alone(tmp_path):
    """Neither the companions nor their number enter a seed's curve, networks or transitions, beyond rounding."""
    together = trained(tmp_path / "together", 2000, seeds=(3, 5, 8))
    for index, seed in enumerate((3, 5, 8)):
        alone = trained(tmp_path / "alone", 2000, seeds=(seed,))
        for mine, other in zip(together.curves[index], alone.curves[0], strict=True):
            assert mine == pytest.approx(other, rel=1e-3)
        torch.testing.assert_close(
            together.replays[index].state_dict(), alone.replays[0].state_dict(), rtol=1e-3, atol=1e-3
        )
        weights = together.policies()[index].state_dict(), alone.policies()[0].state_dict()
        torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-4)


def test_each_seed_has_its_own_reward(tmp_path):
    class Constant(SumOfState):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def pointwise(self, features):
            return torch.full(features.shape[:1], self.value)

        def in_batch(self, rewards):
            return rewards

    settings = TrainingSettings(evaluate_every=1000)
    training = Training(TASK, Watched(17, 6, SMALL, seed=(0, 1)), settings, (0, 1), [Constant(2.0), Constant(3.0)])
    with RunFolder({0: tmp_path / "a", 1: tmp_path / "b"}, {}, 1e9, write_policy) as folder:
        training.run(2000, folder, "test")
    for batch in training.solver.batches:
        assert (batch.rewards == torch.tensor([[2.0], [3.0]])).all()
