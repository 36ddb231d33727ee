"""What is said of speed: operations counted by torch's own counter, totals and forecasts by hand."""

import json

import pandas as pd
import pytest
import steps
import torch
from commands import assert_refused, run_here, run_well
from dreamer import update_operations as dreamer_operations
from steps import update_operations
from throughput import with_totals
from torch.utils.flop_counter import FlopCounterMode

import envs
from smiling.experiment import load_experiment
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.replay import SequenceReplay
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.sac.agent import SAC, SACSettings
from smiling.solvers.sac.replay import Batch


def test_operations_are_those_of_an_update():
    settings = SACSettings(width=24, batch=16)
    solver = SAC(5, 3, settings, [0])
    random = torch.Generator().manual_seed(0)
    batch = Batch(*(torch.rand(1, 16, *size, generator=random) for size in ((5,), (3,), (), (5,), ())))
    with FlopCounterMode(display=False) as counter:
        solver.update(batch)
    outer = 2 * 16 * 24 * settings.critics  # of a gradient by the only output and the last layer's weights: not counted
    assert update_operations(settings, 5, 3) == counter.get_total_flops() + 2 * outer


def test_operations_of_dreamer_are_those_of_an_update():
    """But for two gradients of the critic that nothing uses: by the first state, and of the last state's value."""
    sizes = {"width": 24, "depth": 2, "encoder_width": 20, "encoder_depth": 2, "recurrent": 16, "categoricals": 4}
    settings = DreamerSettings(**sizes, classes=5, batch=3, sequence=6, horizon=4, num_envs=1)
    solver, replay = Dreamer(5, 3, settings, seed=0), SequenceReplay(100, 1, 5, 3)
    for _ in range(20):
        replay.add(0, torch.ones(5), torch.ones(3), torch.ones(()))
    batch = replay.sequences(replay.draw_sequences(3, 6, torch.Generator().manual_seed(0)))
    with FlopCounterMode(display=False) as counter:
        solver.update(batch)
    first, rest = 36 * 24, 24 * 24 + 24 * 255  # the critic's layers
    unused = 2 * 3 * 6 * ((first + rest) + (first + 2 * rest))
    assert dreamer_operations(settings, 5, 3) == counter.get_total_flops() - unused


ROW = {"scale": "quick", "task": "cheetah_run", "solver": "sac", "seeds": 1, "environment": 0.2, "action": 0.1}


def test_totals_are_sums_and_a_learned_reward_counts_over_the_plain_update():
    rows = [
        {**ROW, "learner": "expert", "critics": 2.0, "actor": 1.0},
        {**ROW, "learner": "smiling", "critics": 2.0, "actor": 1.0, "reward": 0.5, "reward update": 0.1},
        {**ROW, "learner": "iq_learn", "in one piece": 4.0},
    ]
    table = with_totals(rows).set_index("learner")
    assert table["step"].to_dict() == pytest.approx({"expert": 3.3, "smiling": 3.9, "iq_learn": 4.3})
    assert table["steps_per_second"]["expert"] == pytest.approx(1000 / 3.3)
    assert table["update_over_solver"]["smiling"] == pytest.approx(3.6 / 3)
    assert table["update_over_solver"][["expert", "iq_learn"]].isna().all()


def test_what_is_measured_are_the_rewards_and_learners_of_the_methods_asked_for(monkeypatch):
    """PWIL's reward is given along episodes; IQ-Learn, SQIL and AdRIL have solvers of their own; BC neither."""
    assert list(steps.rewards_of(load_experiment("quick"))) == ["smiling", "dac"]
    asked = load_experiment("smoke", ["methods=gmmil,iq_learn,pwil,adril,dac-linear,sqil,bc,difo"])
    assert list(steps.rewards_of(asked)) == ["gmmil", "pwil", "dac-linear", "difo"]
    assert list(steps.learners_of(asked)) == ["iq_learn", "adril", "sqil"]
    monkeypatch.setattr(steps, "SHORTEST_SECONDS", 0.0)
    for method in steps.rewards_of(asked):  # states, or pairs of them
        parts = steps.reward_parts(asked, "ball_in_cup_catch", method)
        assert set(parts) == {"reward update", "reward"}
        assert all(value > 0 for value in parts.values())


@pytest.fixture
def measured(tmp_path):
    """Measurements of quick's tasks in round numbers: 4 ms a step, of which 1 ms is environment and action."""
    rows = [
        {**ROW, "task": task, "learner": learner, "seeds": seeds, "environment": 0.5, "action": 0.5, "critics": 3.0}
        for task in ("ball_in_cup_catch", "cheetah_run")
        for learner in ("expert", "smiling", "dac", "iq_learn")
        for seeds in (1, 5)
    ]
    with_totals(rows).to_csv(tmp_path / "steps.csv", index=False)
    record = {
        "settings": {"quick": {"training": {"device": "cpu"}}},
        "provenance": {"hardware": {"processor": "a processor"}},
    }
    (tmp_path / "steps.json").write_text(json.dumps(record))
    return tmp_path / "steps.csv"


def test_forecast_is_steps_times_their_cost(measured):
    steps = "tasks={cheetah_run: {expert_steps: 32000, env_steps: 12000}}"
    settings = ("--scale", "quick", "--set", "only_tasks=cheetah_run", "--set", "methods=[smiling,bc]", "--set", steps)
    told = run_well("forecast.py", *settings, "--throughput", measured, "--cores", 2, how=run_here)
    # The expert's 32 000 steps at 4 ms and 9 evaluations, the runs' 12 000 and 4; three episodes of 1 ms a step each.
    hours = (32_000 * 4 + 9 * 3000 + 5 * (12_000 * 4 + 4 * 3000)) / 3_600_000
    assert f"{hours:.3g} core-hours; {hours / 2:.3g} hours with 2 jobs" in told


def test_forecast_without_measurements_says_how_to_measure(measured, tmp_path):
    assert_refused(run_here("forecast.py", "--throughput", tmp_path / "none.csv"), "measure first", "throughput")
    pd.read_csv(measured).assign(scale="smoke").to_csv(measured, index=False)
    assert_refused(
        run_here("forecast.py", "--scale", "quick", "--throughput", measured), "no measurement of scale 'quick'"
    )


def test_figure_without_measurements_is_refused(tmp_path):
    files = ("--throughput", tmp_path / "none.csv", "--costs", tmp_path / "none.csv")
    assert_refused(
        run_here("measure/draw_throughput.py", *files, "--out", tmp_path / "figure"), "none.csv: there is no such file"
    )
    assert not list(tmp_path.iterdir())


def test_a_round_of_a_task_whose_episodes_terminate_is_of_several(monkeypatch):
    monkeypatch.setattr(envs, "OWN", {})
    envs.add("hopper", envs.Spec("gymnasium:Hopper-v5"))
    replay, _ = steps.random_play("hopper", torch.device("cpu"))
    assert replay.added == envs.ROUND_STEPS
    batch = replay.batch(replay.latest(envs.ROUND_STEPS))
    ended = batch.continues == 0
    assert ended.sum() > 10  # by random actions a hopper falls within some dozens of steps
    follows = (batch.next_states[:-1] == batch.states[1:]).all(1)
    assert torch.equal(follows, ~ended[:-1])
