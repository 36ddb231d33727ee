"""What jobs ask of a cluster: enough for what they hold and take, more with each attempt; no result depends on it."""

import pandas as pd
import pytest

import envs
from smiling.evidence import forecast, jobs
from smiling.experiment import load_experiment
from smiling.settings import effective
from smiling.solvers.sac.replay import Replay

TASK = "humanoid_walk"
COLUMNS = ("scale", "task", "learner", "seeds", "step", "environment", "action")


@pytest.fixture
def measured(tmp_path):
    """36 ms for a step of SMILING at paper: its three million take 30 hours."""
    file = tmp_path / "steps.csv"
    pd.DataFrame([("paper", TASK, "smiling", 1, 36.0, 0, 0)], columns=COLUMNS).to_csv(file, index=False)
    return [file]


def test_minutes_are_of_the_run_with_a_margin_up_to_what_a_cluster_allows(measured):
    longer = load_experiment("paper", ["jobs.minutes=100000"])
    asked = [jobs.minutes(longer, "smiling", TASK, seeds, measured) for seeds in (1, 5)]
    assert [minutes - jobs.STARTING_MINUTES for minutes in asked] == [2 * 30 * 60, 5 * 2 * 30 * 60]
    assert jobs.minutes(longer, "smiling", TASK, 1, measured, attempt=3) == 3 * asked[0]
    for attempt in (1, 7):
        assert jobs.minutes(load_experiment("paper"), "smiling", TASK, 1, measured, attempt) == 1440
    assert jobs.minutes(longer, "bc", TASK, 1, measured) == 100000  # what was not measured


def test_memory_holds_three_times_the_replay_and_grows_to_twice():
    settings = load_experiment("paper")
    replay = Replay(1000, envs.EPISODE_STEPS, *envs.sizes(TASK))
    held = sum(part.numel() * part.element_size() for part in (replay._states, replay._actions, replay.rewards))
    need = 3 * held * settings.sac.replay_capacity / 1000 / 1e6
    asked = [jobs.memory_mb(settings, TASK, attempt=attempt) for attempt in range(1, 6)]
    assert need < asked[0] - settings.jobs.memory_mb < 1.2 * need
    assert [each / asked[0] for each in asked] == pytest.approx([1, 1.5, 2, 2, 2], abs=1e-3)
    assert jobs.memory_mb(settings, None) == settings.jobs.memory_mb


@pytest.mark.parametrize("task", envs.TASKS)
def test_no_transition_is_larger_than_is_asked_for(task):
    assert 4 * (sum(envs.sizes(task)) + 1) <= jobs.TRANSITION_BYTES


def test_a_gpu_is_asked_for_where_the_device_is_one():
    on_gpu, alone = load_experiment("paper", ["training.device=cuda"]), load_experiment("paper")
    assert (jobs.gpus(on_gpu), jobs.gpus(alone)) == (1, 0)
    assert jobs.memory_mb(on_gpu, TASK) - jobs.memory_mb(alone, TASK) == on_gpu.jobs.gpu_memory_mb


def test_no_result_depends_on_what_jobs_ask_for():
    one, other = load_experiment("quick"), load_experiment("quick", ["jobs.minutes=5", "jobs.memory_mb=7"])
    assert effective(one) == effective(other)
    assert one.of_run("smiling", "cheetah_run") == other.of_run("smiling", "cheetah_run")


# What was measured on a GPU


def hours(learner, task, *assignments, seeds=1):
    settings = load_experiment("paper", ["training.device=cuda", "training.one_piece=true", *assignments])
    return forecast.measured_hours(settings, learner, task, seeds, REFERENCE)


REFERENCE = [forecast.REFERENCE / name for name in ("steps.csv", "gpu.csv")]


def test_steps_on_a_gpu_are_the_sum_of_their_parts():
    """docs/speed.md: SAC 2.2 ms, of five seeds 1.5, in TF32 1.8; SMILING's reward 1.3 beside it; 400 000 steps."""
    task, steps = "ball_in_cup_catch", 400_000
    parts = {"evaluation": 41 * 1000 * (0.11678 + 0.36723), "sac": 0.11678 + 0.36723 + 0.14838 + 1.57963}
    expected = (steps * parts["sac"] + parts["evaluation"]) / 3.6e6
    assert hours("expert", task) == pytest.approx(expected, rel=1e-6)
    beside = steps * (0.12552 + 1.19595) / 3.6e6
    assert hours("smiling", task) == pytest.approx(expected + beside, rel=1e-6)
    assert hours("expert", task, seeds=5) < 0.7 * hours("expert", task)
    assert hours("expert", task, "training.matrix_products=tf32") < 0.85 * hours("expert", task)
    assert hours("expert", task, "training.one_piece=false") > 2 * hours("expert", task)
    assert hours("dac", "cheetah_run", "training.matrix_products=tf32") > 0  # its reward was measured in float32 only


def test_a_cpus_measurements_say_nothing_of_a_gpu():
    on_cpu = load_experiment("paper")
    assert forecast.measured_hours(on_cpu, "expert", TASK, 1, REFERENCE) > 300
    assert forecast.measured_hours(on_cpu, "expert", TASK, 1, REFERENCE[1:]) is None
    assert hours("expert", TASK) < 4


def test_memory_of_a_task_of_ones_own_is_for_its_observations(monkeypatch):
    monkeypatch.setattr(envs, "OWN", {})
    monkeypatch.setattr(envs, "sizes", lambda name: {"wide": (1000, 8), "small": (3, 1)}[name])
    asked = [f"tasks.{name}={{env: 'nowhere:made'}}" for name in ("wide", "small")]
    settings = load_experiment("paper", [*asked, "sac.replay_capacity=1000000", "jobs.memory_mb=1"])
    assert jobs.memory_mb(settings, "wide") == 1 + 3 * 4 * (1000 + 8 + 1)
    assert jobs.memory_mb(settings, "small") == jobs.memory_mb(settings, TASK)
