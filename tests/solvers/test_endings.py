"""Episodes that end, by termination or at any length: what is stored, what is learnt from it, and going on in one."""

import numpy as np
import pytest
import tiny_dreamer
import tiny_tasks
import torch
from torch import Tensor

import envs
from smiling import evaluation
from smiling.evaluation import Evaluator
from smiling.methods.iq_learn import IQLearn, IQLearnSettings
from smiling.runs.folder import RunFolder
from smiling.runs.seeding import derive
from smiling.settings import UserError
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.training import DreamerTraining
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.replay import Batch
from smiling.solvers.sac.training import Training
from smiling.training import Loop, TrainingSettings

SMALL = SACSettings(width=8, batch=16, seed_steps=900, replay_capacity=3000)
TINY = tiny_dreamer.TINY.model_copy(update={"replay_capacity": 9000})
SETTINGS = TrainingSettings(evaluate_every=1000, evaluation_episodes=2, checkpoint_seconds=0)


@pytest.fixture(autouse=True)
def task(monkeypatch) -> str:
    for name in ("corridor", "absorbing"):
        monkeypatch.setitem(envs.TASKS, name, ("tiny_tasks", name))
    monkeypatch.setattr(envs, "time_limit", lambda name: tiny_tasks.CUT_AFTER)
    return "corridor"


def on_sac(seeds: tuple[int, ...] = (3, 5), task: str = "corridor", **changes: object) -> Training:
    settings = SETTINGS.model_copy(update=changes)
    return Training(task, SAC(*envs.sizes(task), SMALL, seed=seeds), settings, seeds)


def on_dreamer(task: str = "corridor") -> DreamerTraining:
    settings = SETTINGS.model_copy(update={"evaluate_every": 2000})
    return DreamerTraining(task, Dreamer(*envs.sizes(task), TINY, seed=7), settings, [7])


def on_sac_absorbing() -> Training:
    return on_sac(task="absorbing")


def on_dreamer_absorbing() -> DreamerTraining:
    return on_dreamer("absorbing")


def run(learner: Loop, folder, steps: int) -> Loop:
    with RunFolder({seed: folder / str(seed) for seed in learner.seeds}, {}, 0.0, write_policy) as held:
        learner.run(steps, held, "test")
    return learner


def is_outside(states: Tensor) -> Tensor:
    return (states.abs() > tiny_tasks.EXIT).any(-1)


# What is stored


def test_transitions_end_where_their_episodes_do(tmp_path):
    """Terminated are those that leave the square; after them and after twelve steps another episode begins."""
    for replay in run(on_sac(), tmp_path, 1000).replays:
        batch = replay.batch(replay.latest(1000))
        outside = is_outside(batch.next_states)
        assert torch.equal(batch.continues, (~outside).float())
        assert not is_outside(batch.states).any()
        goes_on = (batch.next_states[:-1] == batch.states[1:]).all(-1)
        assert not goes_on[outside[:-1]].any()
        ends = torch.cat([torch.tensor([-1]), torch.nonzero(~goes_on)[:, 0]])
        lengths = ends.diff()[1:]  # of whole episodes
        assert lengths.max() == tiny_tasks.CUT_AFTER
        assert len(lengths.unique()) > 4
        cut = lengths[~outside[ends[2:]]]
        assert len(cut) > 10
        assert (cut == tiny_tasks.CUT_AFTER).all()


def test_each_seed_has_the_episodes_that_it_has_alone(tmp_path):
    """While actions are uniformly random they are equal to the bit, whatever the companions' episodes do."""
    together = run(on_sac((3, 5, 8)), tmp_path / "together", 1000)
    for index, seed in enumerate((3, 5, 8)):
        (alone,) = run(on_sac((seed,)), tmp_path / str(seed), 1000).replays
        rows = torch.arange(500)
        for mine, other in zip(together.replays[index].batch(rows), alone.batch(rows), strict=True):
            assert torch.equal(mine, other)


def test_environments_in_the_background_change_nothing(tmp_path):
    one, other = (run(on_sac(overlap=overlap), tmp_path / str(overlap), 1000) for overlap in (False, True))
    assert one.curves == other.curves
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)


def test_dreamers_streams_are_its_environments(tmp_path):
    learner = run(on_dreamer(), tmp_path, 4000)
    (replay,) = learner.replays
    assert replay.added[0] != replay.added[1]  # each has a row more for each of its episodes
    for environment, count in enumerate(replay.added):
        states = replay._states[:count, environment]
        first, terminal = replay._first[:count, environment], replay._terminal[:count, environment]
        assert torch.equal(terminal, is_outside(states))
        begins = torch.nonzero(first)[:, 0]
        assert count == 2000 + len(begins) - (not learner._over[environment])
        ends = begins[1:] - 1
        assert (replay._actions[ends, environment] == 0).all()
        lengths = begins.diff() - 1  # a row more than actions are taken
        assert lengths.max() == tiny_tasks.CUT_AFTER
        assert (lengths[~terminal[ends]] == tiny_tasks.CUT_AFTER).all()
        assert terminal.sum() == terminal[ends].sum() + (count - 1 == torch.nonzero(terminal)[-1, 0])
        rewards = replay._rewards[:count, environment]
        assert (rewards[first] == 0).all()
        expected = torch.tensor([tiny_tasks.near(state.numpy()) for state in states[~first]])
        torch.testing.assert_close(rewards[~first], expected)


def test_absorbing_states_lead_to_themselves_once_and_nothing_is_done_there(tmp_path):
    (replay,) = run(on_sac((3,), "absorbing"), tmp_path, 1000).replays
    batch = replay.batch(replay.latest(1000))
    there, comes = batch.states[:, -1] == 1, batch.next_states[:, -1] == 1
    assert (batch.continues == 1).all()
    assert there.sum() > 50
    assert torch.equal(there[1:], comes[:-1] & ~there[:-1])
    assert comes[there].all()
    assert (batch.states[there][:, :-1] == 0).all()
    assert (batch.actions[there] == 0).all()
    assert (batch.rewards[there] == 0).all()
    assert (batch.actions[~there] != 0).all()
    assert not is_outside(batch.states[~there][:, :-1]).any()


def test_dreamer_learns_absorbing_states_as_others(tmp_path):
    (replay,) = run(on_dreamer("absorbing"), tmp_path, 2000).replays
    states, actions = replay._states[: min(replay.added)], replay._actions[: min(replay.added)]
    there = states[..., -1] == 1
    assert there.sum() > 50
    assert not replay._terminal.any()
    assert (actions[there] == 0).all()
    for environment in range(2):
        runs = torch.nonzero(there[:, environment] & ~replay._first[: len(there), environment])[:, 0]
        assert (runs[1:].diff().clamp(max=2).unique().tolist()) == [1, 2]  # twice, then another episode


def test_dreamers_player_forgets_what_was_before_an_episode(generator):
    """Where one of two episodes begins anew, its actions are those of a new player; the other's go on."""
    policy, states = Dreamer(2, 2, TINY, seed=1).policy, torch.randn(6, 2, 2, generator=generator)
    player, other = policy.begin(2, policy.noise(3)), policy.begin(2, policy.noise(3))
    for here in states[:3]:
        player(here), other(here)
    player.forget(1)
    new = policy.begin(2, other._noise)
    state = other._noise.get_state()
    goes_on = other(states[3])
    other._noise.set_state(state)
    begun = new(states[3])
    found = player(states[3])
    assert torch.equal(found[0], goes_on[0])
    assert torch.equal(found[1], begun[1])


# Evaluation


@pytest.mark.parametrize("speed", [1.0, 0.16, 0.05])
def test_an_evaluation_counts_each_episode_to_its_end(speed):
    """Straight to the right: out after two to four steps, or about ten, or cut off after twelve."""
    expected = []
    for episode in range(4):
        env, total, over = tiny_tasks.Corridor(), 0.0, False
        env.reset(seed=derive(2, "evaluation", 1, episode))
        while not over:
            _, reward, terminated, truncated, _ = env.step(np.array([speed, 0.0], np.float32))
            total, over = total + reward, terminated or truncated
        expected.append(total)
    evaluator = Evaluator("corridor", 4, seed=2)
    found = evaluator.returns(lambda states: torch.tensor([[speed, 0.0]]).expand(len(states), 2), index=1)
    assert found.tolist() == expected


def test_an_episode_without_an_end_is_told_of(monkeypatch):
    monkeypatch.setattr(evaluation, "LONGEST_EPISODE", 5)
    with pytest.raises(
        UserError, match="an episode of corridor goes on after 5 steps; give it a time_limit of at most"
    ):
        Evaluator("corridor", 1, seed=2).returns(torch.zeros_like, index=0)


# Going on


class Interrupted(Exception):
    """In place of a killed process."""


@pytest.mark.long
@pytest.mark.parametrize("fresh", [on_sac, on_dreamer, on_sac_absorbing, on_dreamer_absorbing])
@pytest.mark.parametrize("told_after", [None, 1733])
def test_a_run_goes_on_in_the_midst_of_episodes(fresh, told_after, tmp_path, monkeypatch):
    """Killed after a round, or told to stop within one, where some episodes are on their way: the same bits."""
    whole = run(fresh(), tmp_path / "whole", 4000)
    first = fresh()
    advance, count = first._advance, iter(range(10**6))
    save = first._save
    held = []
    monkeypatch.setattr(first, "_save", lambda folder: held.append(folder) or save(folder))

    def advance_then_die() -> None:
        taken = next(count)
        if taken == told_after:
            assert not all(first._over)
            first._save(held[-1])
        if taken == 1740:
            raise Interrupted
        advance()

    monkeypatch.setattr(first, "_advance", advance_then_die)
    with pytest.raises(Interrupted):
        run(first, tmp_path / "cut", 4000)
    torch.rand(5)  # another process has another global stream
    second = fresh()
    begun = []
    reset = second._begin_episodes
    monkeypatch.setattr(second, "_begin_episodes", lambda: begun.append(all(second._over)) or reset())
    run(second, tmp_path / "cut", 4000)
    assert not begun[0]  # at least one went on
    assert second.curves == whole.curves
    torch.testing.assert_close(second.state_dict(), whole.state_dict(), rtol=0, atol=0, equal_nan=True)


# What is learnt


def test_values_before_a_termination_and_before_a_time_limit_are_those_by_hand(generator):
    """Rewards of 1 and no entropy: 1 where it ends there; 1 / (1 - discount) where a state leads to itself for ever,
    which it does however often time limits cut it off.
    """
    settings = SACSettings(
        width=32, batch=64, discount=0.8, critic_lr=3e-3, initial_temperature=1e-6, learn_temperature=False, tau=0.1
    )
    solver = SAC(2, 1, settings, seed=0)
    ends, goes_on = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    states = torch.stack([ends, goes_on]).repeat(32, 1)
    next_states = goes_on.expand(64, 2)  # of the terminated ones too: it must not be looked at
    continues = torch.tensor([0.0, 1.0]).repeat(32)
    for _ in range(1500):
        actions = 2 * torch.rand(64, 1, generator=generator) - 1
        solver.update(Batch(states, actions, torch.ones(64), next_states, continues))
    actions = torch.linspace(-0.9, 0.9, 64)[:, None]
    with torch.no_grad():
        found = solver.critics(states, actions).mean(0).unflatten(0, (32, 2)).mean(0)
    torch.testing.assert_close(found, torch.tensor([1.0, 5.0]), rtol=0.03, atol=0)


def test_an_absorbing_state_has_the_value_of_its_reward_for_ever(generator):
    """r / (1 - discount), without any entropy, which SAC's values have elsewhere; and what leads there bootstraps."""
    settings = SACSettings(
        width=32, batch=64, discount=0.8, critic_lr=3e-3, initial_temperature=0.5, learn_temperature=False, tau=0.1
    )
    solver = SAC(2, 1, settings, seed=0)
    solver.absorbing = True
    before, absorbing = torch.tensor([0.5, 0.0]), torch.tensor([0.0, 1.0])
    states, rewards = torch.stack([before, absorbing]).repeat(32, 1), torch.tensor([1.0, -2.0]).repeat(32)
    batch = Batch(states, torch.zeros(64, 1), rewards, absorbing.expand(64, 2), torch.ones(64))
    for _ in range(1500):
        solver.update(batch)
    with torch.no_grad():
        found = solver.critics(states[:2], torch.zeros(2, 1)).mean(0)
        value = solver.soft_value(solver.critics, states[1:2], torch.randn(1, 1, generator=generator))
    torch.testing.assert_close(found, torch.tensor([1 - 0.8 * 10.0, -10.0]), rtol=0.03, atol=0)
    torch.testing.assert_close(value, torch.tensor([-10.0]), rtol=0.03, atol=0)


def test_actor_and_temperature_learn_as_if_absorbing_states_were_not_in_the_batch(generator):
    states = torch.cat([torch.randn(24, 3, generator=generator), torch.zeros(24, 1)], -1)
    absorbing = torch.tensor([0.0, 0, 0, 1]).expand(8, 4)
    noise = torch.randn(32, 2, generator=generator)
    solver = SAC(4, 2, SMALL, seed=0)
    report, gradients = solver.actor_gradients({"states": states, "noise": noise[:24]})
    solver.absorbing = True
    both, same = solver.actor_gradients({"states": torch.cat([states, absorbing]), "noise": noise})
    torch.testing.assert_close(both, report)
    torch.testing.assert_close(same, gradients)


@pytest.mark.parametrize("with_actions", [False, True])
def test_no_batch_has_an_action_in_absorbing_states(with_actions):
    """Neither IQ-Learn's expert of states only, which takes the policy's actions, has one there."""
    absorbing = torch.tensor([[0.0, 0.0, 1.0]]).expand(5, 3)
    expert = Batch(absorbing, torch.zeros(5, 2), torch.zeros(5), absorbing, torch.ones(5))
    solver = IQLearn(expert, IQLearnSettings(sac=SMALL), with_actions, [3], "cpu")
    training = Training("absorbing", solver, SETTINGS, [3])
    for _ in range(60):
        training._begin_episodes()
        training._advance()
    both = solver.prepare(Batch(*(part[None] for part in training.replays[0].batch(training.replays[0].latest(60)))))
    there = both["states"][..., -1] == 1
    assert 60 < there.sum() < 120
    assert (both["actions"][there] == 0).all()
