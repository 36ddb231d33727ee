"""Settings: messages that name key, value and what is allowed; layers; hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smiling import scale_files
from smiling.experiment import load_experiment
from smiling.methods.smiling import SmilingSettings
from smiling.overrides import assignments, parse_overrides
from smiling.score.cost import CostSettings
from smiling.settings import UserError, differences, merge, validate
from smiling.solvers.sac.agent import SACSettings

TREES = st.recursive(
    st.one_of(
        st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text("abc xyz", max_size=5)
    ),
    lambda inner: st.dictionaries(st.text("abcdef", min_size=1, max_size=4), inner, min_size=1, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), TREES, max_size=4)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        SACSettings().width = 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"wdith": 3}, r"setting 'sac.wdith' is unknown; known here: actor_every, actor_lr, .*width"),
        ({"width": 0}, r"setting 'sac.width' is 0: input should be greater than or equal to 1"),
        ({"tau": "much"}, r"setting 'sac.tau' is 'much': input should be a valid number"),
    ],
)
def test_message_names_key_value_and_what_is_allowed(values, message):
    with pytest.raises(UserError, match=message):
        validate(SACSettings, values, where="sac")


def test_message_reaches_into_nested_settings():
    with pytest.raises(UserError, match=r"'smiling.score_model.diffusion.step' is unknown; known here: first_beta"):
        validate(SmilingSettings, {"score_model": {"diffusion": {"step": 3}}}, where="smiling")


@given(MAPPINGS, MAPPINGS)
def test_merge_keeps_what_is_not_overridden(base, override):
    merged = merge(base, override)
    assert set(merged) == {*base, *override}
    assert merge(merged, override) == merged
    assert all(merged[key] == value for key, value in base.items() if key not in override)


@given(MAPPINGS)
def test_assignments_and_parsing_are_inverse(overrides):
    assert parse_overrides(assignments(overrides)) == overrides


@given(st.lists(st.one_of(st.integers(), st.text(max_size=200)), max_size=60))
def test_long_lists_stay_in_one_line(values):
    """A command line has no others: YAML would fold at 80 characters."""
    (text,) = assignments({"key": values})
    assert "\n" not in text
    assert parse_overrides([text]) == {"key": values}


def test_many_seeds_and_methods_reach_every_job():
    seeds, methods = list(range(100, 140)), ["smiling", "dac", "dac-airl", "iq_learn", "bc", "diffail", "sqil"]
    asked = load_experiment("smoke", assignments({"seeds": seeds, "methods": methods}))
    assert (asked.seeds, asked.methods) == (tuple(seeds), tuple(methods))


def test_what_is_named_twice_counts_once():
    asked = load_experiment(
        "quick", ["methods=smiling,dac,smiling", "only_tasks=cheetah_run,cheetah_run", "seeds=1,2,1"]
    )
    assert (asked.methods, asked.only_tasks, asked.seeds) == (("smiling", "dac"), ("cheetah_run",), (1, 2))


def test_a_scale_builds_on_another(tmp_path, monkeypatch):
    for name, content in (
        ("small", "tasks: {cheetah_run: {env_steps: 3000, expert_steps: 4000}}\nsac: {width: 8, batch: 16}"),
        ("wide", "base: small\nsac: {width: 64}"),
        ("one", "base: other\n"),
        ("other", "base: one\n"),
        ("lost", "base: nothing\n"),
    ):
        (tmp_path / f"{name}.yaml").write_text(content)
    monkeypatch.setattr(scale_files, "SCALES", tmp_path)
    wide = load_experiment("wide")
    assert (wide.scale, wide.experiment, wide.sac.width, wide.sac.batch) == ("wide", "wide", 64, 16)
    assert wide.task("cheetah_run").expert_steps == 4000
    with pytest.raises(UserError, match="'one' is its own base: one -> other -> one"):
        load_experiment("one")
    with pytest.raises(UserError, match="unknown scale 'nothing'"):
        load_experiment("lost")


def test_settings_without_effect_on_a_result_are_no_part_of_what_it_depends_on():
    plain, other = (
        load_experiment("smoke", more) for more in ([], ["training.checkpoint_seconds=9", "training.overlap=true"])
    )
    assert plain.of_run("dac", "cheetah_run") == other.of_run("dac", "cheetah_run")
    assert plain.of_expert("cheetah_run") == other.of_expert("cheetah_run")
    assert plain.settings_of_run("dac", "cheetah_run") != other.settings_of_run("dac", "cheetah_run")
    more_episodes = load_experiment("smoke", ["expert.evaluation_episodes=7", "expert.trajectories=4"])
    assert plain.of_expert("cheetah_run") == more_episodes.of_expert("cheetah_run")
    assert plain.of_demonstrations("cheetah_run") != more_episodes.of_demonstrations("cheetah_run")


@given(MAPPINGS, MAPPINGS)
def test_differences_are_empty_only_for_equal_mappings(old, new):
    assert differences(old, old) == []
    assert (differences(old, new) == []) == (old == new) or not set(old) ^ set(new)


@pytest.mark.parametrize(
    ("scale", "assignments", "message"),
    [
        ("huge", [], "unknown scale 'huge'; known scales: desk, paper, quick, smoke"),
        ("quick", ["sac.batchsize=3"], "'sac.batchsize' is unknown"),
        ("quick", ["only_tasks=[walker_run]"], "unknown task 'walker_run'; known tasks: .*cheetah_run"),
        ("quick", ["only_tasks=humanoid_walk"], "task 'humanoid_walk' is not of scale 'quick'"),
        ("quick", ["methods=smiling,gail"], "unknown method 'gail'; known methods: .*bc, "),
        ("quick", ["seeds=[-1]"], "'seeds.0' is -1"),
        ("quick", ["method_settings.dac.penalty=-1"], "'method_settings.dac.penalty' is -1"),
        ("quick", ["method_settings.gail.penalty=1"], "unknown method 'gail'"),
        ("quick", ["tasks.cheetah_run.env_steps=1500"], "'tasks.cheetah_run.env_steps' is 1500: .*multiple of 1000"),
        ("quick", ["training.matrix_products=tf32"], "'tf32' is for device 'cuda'; leave it out on a CPU"),
        ("quick", ["training.matrix_products=bf16"], "'training.matrix_products' is 'bf16'.*'float32' or 'tf32'"),
        ("quick", ["experiment=../elsewhere"], "'experiment' is '../elsewhere'"),
        (
            "quick",
            ["experiment=reference"],
            "'experiment' is 'reference': the folder of the curves that come with the suite",
        ),
        ("quick", ["width"], "--set width: write key=value"),
    ],
)
def test_invalid_experiment_is_refused_in_a_sentence(scale, assignments, message):
    with pytest.raises(UserError, match=message):
        load_experiment(scale, assignments)


def test_paper_scale_is_table_2_and_the_papers_steps():
    paper = load_experiment("paper")
    assert paper.seeds == (0, 1, 2, 3, 4)
    assert paper.methods == ("smiling", "dac", "iq_learn", "bc")
    assert paper.task("ball_in_cup_catch").env_steps == 400_000
    assert paper.task("cheetah_run").env_steps == paper.task("humanoid_walk").env_steps == 3_000_000
    smiling, dac = (paper.of_method(name, "cheetah_run") for name in ("smiling", "dac"))
    model = smiling.score_model
    assert (model.width, model.lr, model.batch, model.time_size, model.diffusion.steps) == (256, 5e-3, 1024, 16, 5000)
    assert (smiling.states_per_update, smiling.expert_epochs, smiling.reward_std) == (100_000, 4000, 0.1)
    assert smiling.cost == CostSettings(samples=28, estimator="stein")  # as accurate
    assert CostSettings() == CostSettings(samples=500, estimator="grid")
    assert (dac.width, dac.lr, dac.batch, dac.states_per_update, dac.penalty) == (256, 5e-3, 1024, 100_000, 10)
    assert (paper.training.evaluate_every, paper.training.evaluation_episodes) == (10_000, 1)
    assert paper.of_training("humanoid_sit").evaluate_every == 100_000
    assert paper.of_training("humanoid_walk") == paper.training
    assert paper.training.reward_for == "batch"


def test_settings_are_layered_class_scale_task_variant():
    quick = load_experiment("quick", ["tasks.cheetah_run.method_settings.dac.penalty=3"])
    assert quick.of_method("dac", "cheetah_run").penalty == 3
    assert quick.of_method("dac", "ball_in_cup_catch").penalty == 10
    assert quick.of_method("dac-linear", "cheetah_run").linear
    assert quick.of_method("dac", "cheetah_run").width == 256
