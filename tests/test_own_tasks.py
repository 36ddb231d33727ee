"""A task of a user's own in the settings: what is said of it, what a run is known by, what is refused."""

import json

import pytest

import envs
from smiling.experiment import load_experiment
from smiling.overrides import assignments, parse_overrides, typed
from smiling.settings import UserError

HOPPER = "tasks.hopper.env=gymnasium:Hopper-v5"


@pytest.fixture(autouse=True)
def _registry(monkeypatch):
    monkeypatch.setattr(envs, "OWN", {})


def test_one_line_is_enough_where_the_scale_has_steps_for_it():
    settings = load_experiment("smoke", [HOPPER, "only_tasks=hopper"])
    assert settings.task("hopper").env_steps == 3000
    assert settings.task("hopper").expert_steps == 3000
    assert settings.spec_of("hopper").env == "gymnasium:Hopper-v5"
    assert envs.check_name("hopper") == "hopper"
    assert envs.OWN["hopper"] == envs.Spec("gymnasium:Hopper-v5")


def test_what_the_user_says_goes_before_the_scale():
    said = ["own_task.env_steps=5000", "tasks.hopper={env: 'gymnasium:Hopper-v5', expert_steps: 7000}"]
    task = load_experiment("smoke", said).task("hopper")
    assert (task.env_steps, task.expert_steps) == (5000, 7000)


@pytest.mark.parametrize(
    ("said", "absorbing"),
    [([], False), (["absorbing=true"], True), (["absorbing=true", "tasks.hopper.absorbing=false"], False)],
)
def test_absorbing_states_are_asked_for_of_all_own_tasks_or_of_one(said, absorbing):
    settings = load_experiment("smoke", [HOPPER, *said])
    assert settings.spec_of("hopper").absorbing is absorbing
    assert envs.is_absorbing("hopper") is absorbing
    assert settings.spec_of("cheetah_run") is None


def test_a_run_is_known_by_what_makes_its_task():
    of_run = [
        load_experiment("smoke", [f"tasks.{name}={{{text}}}"]).of_run("smiling", name)["task"]
        for name, text in {
            "a": "env: 'gymnasium:Hopper-v5'",
            "b": "env: 'gymnasium:Hopper-v5', kwargs: {frame_skip: 2}",
            "c": "env: 'gymnasium:Hopper-v5', time_limit: 200",
            "d": "env: 'gymnasium:Hopper-v5', absorbing: true",
            "e": "env: 'gymnasium:Hopper-v4'",
        }.items()
    ]
    assert len({json.dumps(known) for known in of_run}) == 5
    assert of_run[1] == {
        "env": "gymnasium:Hopper-v5",
        "kwargs": {"frame_skip": 2},
        "time_limit": None,
        "absorbing": False,
    }


def test_expert_and_demonstrations_are_known_by_it_too():
    settings = load_experiment("smoke", [HOPPER])
    spec = settings.spec_of("hopper").model_dump()
    assert settings.of_expert("hopper")["task"] == settings.of_demonstrations("hopper")["task"] == spec


def test_runs_on_the_suites_tasks_are_known_by_what_they_were():
    settings = load_experiment("smoke", [HOPPER, "absorbing=true"])
    assert settings.of_run("smiling", "cheetah_run").keys() == {"env_steps", "method", "sac", "training"}
    assert settings.of_expert("cheetah_run").keys() == {"expert_steps", "expert", "sac", "training"}


def test_what_an_environment_is_given_survives_the_command_line():
    kwargs = {"options": {}, "a.b": 1, "nested": {"x": {"y=z": [1, {"w": None}]}, "t": "on"}}
    tasks = {"mine": {"env": "my_package.tasks:make", "kwargs": kwargs}}
    assert parse_overrides(assignments({"tasks": tasks})) == {"tasks": tasks}
    settings = load_experiment("smoke", assignments({"tasks": tasks}))
    assert envs.OWN["mine"].kwargs == settings.task("mine").kwargs == kwargs


REFUSED = [
    (
        ["tasks.hopper={env_steps: 3000, expert_steps: 3000}"],
        "unknown task 'hopper'.*write tasks.hopper.env, such as gymnasium:Hopper-v5",
    ),
    (["tasks.Hopper.env=gymnasium:Hopper-v5"], "'Hopper' is no name for a task"),
    (["tasks.hopper/1.env=gymnasium:Hopper-v5"], "'hopper/1' is no name for a task"),
    (["tasks.cheetah_run.env=gymnasium:Hopper-v5"], "'cheetah_run' is a task of the suite's own"),
    (["tasks.cheetah_run.kwargs={a: 1}"], "'kwargs' is for a task of your own"),
    (["tasks.cheetah_run.time_limit=10"], "'time_limit' is for a task of your own"),
    (["tasks.cheetah_run.absorbing=true"], "'absorbing' is for a task of your own"),
    (["tasks.cheetah_run.absorbing=false"], "'absorbing' is for a task of your own"),
    (["tasks.humanoid_sit.env_steps=3000", "tasks.humanoid_sit.solver=dreamer"], "of 2000, a round in every environm"),
    (
        [HOPPER, "tasks.hopper.time_limit=1"],
        "'tasks.hopper.time_limit' is 1: input should be greater than or equal to 2",
    ),
    (
        [HOPPER, "tasks.hopper.time_limit=1000000000000"],
        "'tasks.hopper.time_limit' is 1000000000000: input should be less than or equal to 100000",
    ),
    (
        [HOPPER, "tasks.hopper.solver=dreamer", "tasks.hopper.env_steps=4000"],
        "'tasks.hopper.expert_steps' is 3000: with DreamerV3 it is a multiple of 2000, a round in every "
        r"environment \(1000 steps, dreamer.num_envs=2\); own_task.expert_steps is of all tasks of your own",
    ),
    (
        [HOPPER, "own_task={env_steps: 4000, expert_steps: 4000}", "tasks.hopper.solver=dreamer"]
        + ["tasks.hopper.method_steps.bc=5000"],
        "'tasks.hopper.method_steps.bc' is 5000: with DreamerV3 it is a multiple of 2000",
    ),
    ([HOPPER, "tasks.hopper.kwargs=3"], "'tasks.hopper.kwargs' is 3"),
    ([HOPPER, "tasks.hopper.kwarg={}"], "'tasks.hopper.kwarg' is unknown"),
    ([HOPPER, "tasks.hopper.env_steps=1500"], "multiple of 1000"),
    ([HOPPER, "own_task=3"], "'own_task' is 3"),
    ([HOPPER, "own_task.env_stpes=3000"], "'tasks.hopper.env_stpes' is unknown"),
    ([HOPPER, "own_task.env_steps=1500"], "'tasks.hopper.env_steps' is 1500"),
    (["tasks.mine.env=3"], "'tasks.mine.env' is 3: input should be a valid string"),
]


@pytest.mark.parametrize(("said", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_cannot_be_said_of_a_task(said, sentence):
    with pytest.raises((UserError, envs.TaskError), match=sentence):
        load_experiment("smoke", said)


def test_a_scale_without_steps_for_it_asks_for_them(tmp_path, monkeypatch):
    monkeypatch.setattr("smiling.scale_files.SCALES", tmp_path)
    (tmp_path / "bare.yaml").write_text("tasks: {cheetah_run: {env_steps: 1000, expert_steps: 1000}}\n")
    with pytest.raises(
        UserError, match="'tasks.hopper.env_steps' is missing; .*'tasks.hopper.expert_steps' is missing"
    ):
        load_experiment("bare", [HOPPER])


def test_two_tasks_of_one_name_in_one_process_are_refused():
    load_experiment("smoke", [HOPPER])
    load_experiment("smoke", [HOPPER])
    with pytest.raises(envs.TaskError, match="there is another task 'hopper' already"):
        load_experiment("smoke", [HOPPER, "tasks.hopper.time_limit=10"])


def test_texts_that_are_numbers_are_numbers():
    """Snakemake's --config reads {a: 3} as {'a': '3'}."""
    texts = {"a": "3", "b": ["-2.5", "1e-3", "x.xml"], "c": {"d": "true", "e": "null", "f": "off"}, "g": "2024-01-01"}
    read = {"a": 3, "b": [-2.5, 0.001, "x.xml"], "c": {"d": True, "e": None, "f": "off"}, "g": "2024-01-01"}
    assert typed(texts) == read
    assert typed(read) == read
