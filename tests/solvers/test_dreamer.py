"""DreamerV3's parts: sizes, replay, policies on disk, schedule, resuming."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_dreamer import TINY

import envs
from smiling.experiment import load_experiment
from smiling.reward import LearnedReward
from smiling.runs.folder import RunFolder
from smiling.score.cost import CostSettings
from smiling.settings import UserError, validate
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.policy import DreamerPolicy
from smiling.solvers.dreamer.replay import Places, SequenceReplay
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.training import DreamerTraining
from smiling.solvers.policies import read_policy, write_policy
from smiling.training import TrainingSettings

pytestmark = pytest.mark.long


@pytest.fixture
def task(monkeypatch) -> str:
    """The point of tiny_tasks, as a task of the suite."""
    monkeypatch.setitem(envs.TASKS, "point", ("tiny_tasks", "point"))
    return "point"


def parameters(*modules: torch.nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


# Size


def dense(inputs: int, outputs: int, layers: int) -> int:
    """Parameters of dense layers without bias, each followed by a layer normalisation with scale and shift."""
    return inputs * outputs + (layers - 1) * outputs**2 + 2 * outputs * layers


def test_paper_size_has_the_parameters_of_humanoid_bench():
    """By hand: the layers of DreamerV3 at HumanoidBench's sizes, on 51 numbers of state and 19 of action.

    Of the whole world model, HumanoidBench's own count.
    """
    solver = Dreamer(51, 19, DreamerSettings(), seed=0)
    latent = 1024 + 32 * 32
    assert parameters(solver.behaviour.actor) == dense(latent, 640, 3) + 640 * 2 * 19 + 2 * 19
    assert parameters(solver.behaviour.critic) == dense(latent, 640, 3) + 640 * 255 + 255
    assert parameters(solver.behaviour.slow_critic) == parameters(solver.behaviour.critic)
    world = solver.world_model
    assert parameters(world.encoder) == dense(51, 1024, 5)
    assert parameters(world.decoder) == dense(latent, 1024, 5) + 1024 * 51 + 51
    assert parameters(world.reward) == dense(latent, 640, 3) + 640 * 255 + 255
    assert parameters(world.cont) == dense(latent, 640, 3) + 640 + 1
    assert parameters(world) == pytest.approx(23.85e6, abs=0.005e6)


def test_paper_settings_are_those_of_humanoid_bench():
    own = DreamerSettings()
    assert (own.kl_dynamic, own.kl_representation, own.free_nats) == (0.5, 0.1, 1.0)
    assert (own.horizon, own.trace, own.entropy, own.tau) == (15, 0.95, 3e-4, 0.02)
    assert own.discount == pytest.approx(1 - 1 / 333)
    assert (own.model_lr, own.actor_lr, own.critic_lr) == (1e-4, 3e-5, 3e-5)
    assert own.batch * own.sequence / own.env_steps_per_update == 64  # the train ratio
    assert own.num_envs == 2


def test_bench_tasks_run_dreamer_at_paper_scale():
    paper = load_experiment("paper")
    for task in ("humanoid_sit", "humanoid_crawl", "humanoid_pole"):
        assert paper.of_solver(task) == DreamerSettings()
        assert paper.of_method("smiling", task).cost == CostSettings(samples=100)
        cloning = paper.of_method("bc", task)
        assert (cloning.width, cloning.depth, cloning.lr) == (640, 2, 3e-5)
        assert cloning.log_std_range == pytest.approx((math.log(0.1), 0))
        assert paper.of_training(task).evaluate_every == 100_000
    assert len(paper.task_names()) * len(paper.methods) * len(paper.seeds) == 120


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_envs": 3}, "num_envs is 3: it must divide"),
        ({"env_steps_per_update": 15}, "env_steps_per_update is 15: it must be a multiple of num_envs"),
        ({"first_update": 100}, "first_update is 100: too early for sequences of 64"),
        ({"replay_capacity": 200}, "replay_capacity is 200: too small"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        validate(DreamerSettings, changes)


def test_steps_that_are_no_whole_rounds_are_refused():
    with pytest.raises(UserError, match="humanoid_sit.*multiple of 2000"):
        load_experiment("smoke", ["tasks.humanoid_sit.env_steps=3000"])


# Replay


def filled(rows: int, capacity: int = 40, length: int = 7) -> SequenceReplay:
    """Two environments; in row n of environment e the state is 1000 e + n, action and reward follow from it."""
    replay = SequenceReplay(capacity, 2, 1, 1)
    for row in range(rows):
        for environment in range(2):
            state = torch.tensor([1000.0 * environment + row])
            if row % length < length - 1:
                replay.add(environment, state, -state, 2 * state[0])
            else:
                replay.end(environment, state, 2 * state[0], terminated=environment == 1)
    return replay


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(5, 70), length=st.integers(1, 5), seed=st.integers(0, 99))
def test_sequences_are_successive_rows_of_one_environment(rows, length, seed):
    replay = filled(rows)
    places = replay.draw_sequences(16, length, torch.Generator().manual_seed(seed))
    batch = replay.sequences(places)
    state = batch["state"][..., 0]
    assert batch["state"].shape == (length, 16, 1)
    assert torch.equal(state[1:] - state[:-1], torch.ones(length - 1, 16))
    assert ((state % 1000) >= rows - len(replay)).all()
    assert ((state % 1000) < rows).all()
    last = (state % 1000) % 7 == 6
    assert torch.equal(batch["action"][1:, :, 0], torch.where(last, 0.0, -state)[:-1])  # that led there
    assert torch.equal(batch["reward"], 2 * state)
    assert torch.equal(batch["is_first"][1:], ((state[1:] % 1000) % 7 == 0).float())
    assert batch["is_first"][0].all()  # whatever was before it
    assert torch.equal(batch["is_terminal"], (last & (state >= 1000)).float())


def test_all_starts_are_drawn_equally_often():
    replay = filled(70)  # the ring has wrapped: rows 50 to 69 are left
    places = replay.draw_sequences(30_000, 6, torch.Generator().manual_seed(0))
    counts = torch.bincount(places.rows[0] - 50, minlength=15)
    assert len(counts) == 15
    assert ((counts - 2000.0) ** 2 / 2000).sum().item() < 36.1  # 99.9 % point of chi-square, 14 degrees of freedom
    assert 14_500 < places.environments[0].sum().item() < 15_500


def test_state_buffer_is_the_latest_states_of_all_environments():
    replay = filled(18)
    places = replay.draw(2000, torch.Generator().manual_seed(0), among_latest=10)
    assert set(replay.states(places)[:, 0].tolist()) == {*range(13, 18), *range(1013, 1018)}


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(2, 60))
def test_neighbours_of_a_row_are_those_of_its_episode(rows):
    """Against the rows one by one: a row's neighbour is itself where an episode or the ring ends."""
    replay = filled(rows)
    kept = range(rows - len(replay), rows)
    places = Places(torch.tensor(kept), torch.zeros(len(kept), dtype=torch.long))
    ends = [row + 1 not in kept or (row + 1) % 7 == 0 for row in kept]
    begins = [row - 1 not in kept or row % 7 == 0 for row in kept]
    after = Places(torch.tensor([row if end else row + 1 for row, end in zip(kept, ends, strict=True)]), places[1])
    assert torch.equal(replay.next_states(places), replay.states(after))
    assert replay.before(places).rows.tolist() == [
        row if begin else row - 1 for row, begin in zip(kept, begins, strict=True)
    ]


def test_empty_replay_is_refused():
    with pytest.raises(ValueError, match="does not hold enough"):
        filled(3).draw_sequences(1, 4, torch.Generator())


@pytest.mark.parametrize("rows", [12, 33])
def test_restored_replay_goes_on_like_the_saved_one(rows):
    first, second = filled(rows), SequenceReplay(40, 2, 1, 1)
    second.load_state_dict(first.state_dict())
    for replay in (first, second):
        for environment in range(2):
            replay.add(environment, torch.ones(1), torch.ones(1), torch.ones(()))
    kept = torch.arange(second.added[0] - len(second), second.added[0])
    everything = Places(kept, torch.zeros(len(second), dtype=int))
    for name, values in first.sequences(everything).items():
        assert torch.equal(values, second.sequences(everything)[name])


def test_replay_of_a_million_steps_is_below_1_gb():
    """With a copy of it, as a checkpoint takes one."""
    replay = SequenceReplay(DreamerSettings().replay_capacity, 2, 51, 19)
    bytes_held = sum(part.numel() * part.element_size() for part in vars(replay).values() if torch.is_tensor(part))
    assert bytes_held < 0.3e9
    assert 2 * bytes_held < 1e9


# Randomness, policies


def play(policy: DreamerPolicy, states: torch.Tensor) -> torch.Tensor:
    act = policy.begin(states.shape[1], policy.noise(3))
    return torch.stack([act(step) for step in states])


def test_policy_from_disk_acts_like_the_one_written(tmp_path, generator):
    solver = Dreamer(3, 2, TINY, seed=1)
    write_policy(tmp_path / "policy.safetensors", solver.policy)
    states = torch.randn(6, 4, 3, generator=generator)
    actions = play(read_policy(tmp_path / "policy.safetensors"), states)
    assert torch.equal(actions, play(solver.policy, states))
    assert not torch.equal(actions, play(Dreamer(3, 2, TINY, seed=2).policy, states))


def test_policy_remembers_the_episode(generator):
    """Episodes that end in the same states: another past, other actions."""
    policy, states = Dreamer(3, 2, TINY, seed=1).policy, torch.randn(5, 20, 3, generator=generator)
    other = torch.cat([states[:-1] + 1, states[-1:]])
    assert not torch.equal(play(policy, states)[-1], play(policy, other)[-1])


def test_policy_of_other_shape_is_refused(tmp_path):
    path, policy = tmp_path / "policy.safetensors", Dreamer(3, 2, TINY, seed=1).policy
    policy.state_size = 4  # what the file says, but not its weights
    write_policy(path, policy)
    with pytest.raises(UserError, match="not a policy written by this suite"):
        read_policy(path)


# Schedule


class Counting(LearnedReward):
    """Counts what it is asked for; its reward is the first coordinate."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []
        self.updates: list[torch.Tensor] = []

    def update(self, draw):
        self.updates.append(draw(5000))
        return {"reward_updates": float(len(self.updates))}

    def pointwise(self, features):
        self.sizes.append(tuple(features.shape))
        return features[:, 0]

    def state_dict(self):
        return {"updates": self.updates}

    def load_state_dict(self, saved):
        self.updates = saved["updates"]


def training(task: str, reward: LearnedReward | None = None, with_actions: bool = False, **changes) -> DreamerTraining:
    sizes = envs.sizes(task)
    settings = TrainingSettings(**({"evaluate_every": 2000} | changes))
    rewards = None if reward is None else [reward]
    return DreamerTraining(task, Dreamer(*sizes, TINY, seed=7), settings, [7], rewards, with_actions)


def run(learner: DreamerTraining, folder: Path, steps: int) -> list[dict[str, float]]:
    with RunFolder({7: folder}, {"settings": learner.solver.settings.model_dump()}, 0.0, write_policy) as held:
        learner.run(steps, held, "test")
    return learner.curves[0]


def test_updates_come_as_often_as_set(task, tmp_path):
    reward = Counting()
    learner = training(task, reward)
    curve = run(learner, tmp_path, 4000)
    assert [row["env_step"] for row in curve] == [0, 2000, 4000]
    assert learner.solver.updates == (4000 - 1000) // 50
    assert len(reward.updates) == 3  # at 1000, 2000, 3000
    assert reward.sizes == [(4 * 8, 2)] * learner.solver.updates  # a whole batch at once
    assert learner.replays[0].added == [2 * 1001] * 2  # the states of resets and of ends are offered too


def test_first_update_at_the_papers_sizes_is_when_a_batch_of_sequences_is_there(task, monkeypatch):
    """Of two environments, 71 rows each: 8 sequences of 64 begin in each. Then one update in 16 steps, 54 to step 1000.

    The learned reward learns at 1000 for the first time, so that the policy's first updates see it as it was prepared.
    """
    own, events = DreamerSettings(), []
    shape = {name: getattr(own, name) for name in ("batch", "sequence", "env_steps_per_update", "first_update")}
    solver = Dreamer(2, 2, TINY.model_copy(update=shape), seed=7)
    learner = DreamerTraining(task, solver, TrainingSettings(), [7], [Counting()])
    monkeypatch.setattr(solver, "update", lambda batch: events.append((learner.step, len(learner.replays[0]))) or {})
    monkeypatch.setattr(Counting, "update", lambda self, draw: events.append("reward") or {})
    learner._round()
    assert events[0] == (142, 71)
    assert own.num_envs * (71 - own.sequence + 1) == own.batch
    assert [step for step, _ in events[:54]] == [142 + 16 * n for n in range(54)]
    assert events[54] == "reward"
    assert events.count("reward") == 1  # the second is due with the next episode's first step


def test_actions_are_stored_and_shown_as_they_were_sampled(task, tmp_path):
    """Some outside [-1, 1], to which the environments clip them; the demonstrations of such experts hold the same."""
    reward = Counting()
    learner = training(task, reward, with_actions=True)
    run(learner, tmp_path, 2000)
    stored = learner.replays[0]._actions
    assert (stored.abs() > 1).float().mean() > 0.01
    shown = reward.updates[0][:, 2:]
    assert (shown.abs() > 1).any()
    assert {tuple(action) for action in shown[:200].tolist()} <= {tuple(row) for row in stored.flatten(0, 1).tolist()}


def test_learned_reward_sees_actions_where_it_may(task, tmp_path):
    reward = Counting()
    run(training(task, reward, with_actions=True), tmp_path, 2000)
    assert set(reward.sizes) == {(32, 4)}
    assert reward.updates[0].shape == (5000, 4)


def test_state_buffer_holds_the_latest_states(task, tmp_path):
    reward = Counting()
    learner = training(task, reward, state_buffer=200)
    run(learner, tmp_path, 4000)
    latest = {tuple(state) for state in learner.replays[0]._states.flatten(0, 1).tolist()}
    assert {tuple(state) for state in reward.updates[-1].tolist()} <= latest
    assert len(reward.updates[-1].unique(dim=0)) <= 200


def test_slow_critic_starts_as_the_critic_and_follows_it(generator):
    solver = Dreamer(2, 2, TINY, seed=0)
    batch = {name: torch.rand(8, 4, 2, generator=generator) for name in ("state", "action")}
    batch |= {name: torch.zeros(8, 4) for name in ("reward", "is_first", "is_terminal")}

    def weights(name: str) -> torch.Tensor:
        return torch.nn.utils.parameters_to_vector(getattr(solver.behaviour, name).parameters()).detach()

    solver.update(batch)
    assert torch.equal(weights("slow_critic"), weights("critic"))
    before = weights("slow_critic")
    solver.update(batch)
    torch.testing.assert_close(weights("slow_critic"), 0.98 * before + 0.02 * weights("critic"))


# Resuming


class Interrupted(Exception):
    """In place of a killed process."""


@pytest.mark.parametrize("with_reward", [False, True])
def test_interrupted_training_goes_on_to_the_same_curve(task, tmp_path, with_reward, monkeypatch):
    def fresh() -> DreamerTraining:
        return training(task, Counting() if with_reward else None)

    whole = fresh()
    expected = run(whole, tmp_path / "whole", 4000)
    first = fresh()
    learn, count = first._learn, iter(range(10**6))

    def learn_then_die() -> None:
        if next(count) == 1700:
            raise Interrupted
        learn()

    monkeypatch.setattr(first, "_learn", learn_then_die)
    with pytest.raises(Interrupted):
        run(first, tmp_path / "cut", 4000)
    torch.rand(5)  # another process has another global stream
    second = fresh()
    assert run(second, tmp_path / "cut", 4000) == expected
    for name, weights in whole.solver.policy.state_dict().items():
        assert torch.equal(weights, second.solver.policy.state_dict()[name])
    assert all(math.isfinite(value) for row in expected for value in row.values())


def test_checkpoint_of_other_settings_is_refused(task, tmp_path):
    run(training(task), tmp_path, 2000)
    wider = TINY.model_copy(update={"width": 17})
    with (
        RunFolder({7: tmp_path}, {"settings": wider.model_dump()}, 0.0, write_policy) as folder,
        pytest.raises(UserError, match="width: 16 there, 17 here"),
    ):
        folder.load()


def test_best_policy_is_that_of_the_best_evaluation(task, tmp_path):
    learner = training(task)
    learner.keep_best = True
    weights = []
    (evaluator,) = learner.evaluators
    returns = evaluator.returns
    evaluator.returns = lambda *arguments: weights.append(_copy(learner)) or returns(*arguments)
    curve = run(learner, tmp_path, 4000)
    best = weights[int(np.argmax([row["return"] for row in curve]))]
    with RunFolder({7: tmp_path}, {}, 0.0, write_policy) as folder:
        learner.finish(folder)
    kept = read_policy(tmp_path / "policy.safetensors").state_dict()
    assert all(torch.equal(value, best[name]) for name, value in kept.items())


def _copy(learner: DreamerTraining) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in learner.solver.policy.state_dict().items()}
