"""Records of somebody else's program: read as they are, or refused in a sentence that names the file and the key."""

import json

import pytest
from commands import assert_refused, read_or_refused, run_here
from finished_runs import experiment, flags, made_by, write_returns, write_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smiling.evidence import curves, finished
from smiling.runs import contract
from smiling.settings import UserError

TASK = "ball_in_cup_catch"
SETTINGS = (f"only_tasks=[{TASK}]", "methods=[dac]", "seeds=[0]")
RETURNS = (1.0, 2.0, 3.0, 4.0)
GROUP = finished.RunGroup(TASK, "states", "dac", (0,))


@pytest.fixture
def results(tmp_path):
    """A finished run."""
    write_returns(tmp_path / "results", experiment(*SETTINGS), TASK)
    write_run(tmp_path / "results", experiment(*SETTINGS), TASK, "dac", 0, RETURNS)
    return tmp_path / "results"


def rewrite(path, key, value):
    """Have the record say `value` under `key`, dots between the levels."""
    record = json.loads(path.read_text())
    *above, last = key.split(".")
    part = record
    for name in above:
        part = part[name]
    part[last] = value
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("label", 3, "a text"),
        ("method", ["dac"], "a text"),
        ("task", {}, "a text"),
        ("seed", "0", "a whole number"),
        ("seed", True, "a whole number"),
        ("settings", [1, 2], "an object"),
        ("settings", "lr 0.1", "an object"),
        ("demonstrations", 12, "a text"),
        ("curve", ["f"], "a text"),
        ("bits", "own", "an object"),
        ("bits.alike", ["this machine"], "a text"),
        ("wall_seconds", "60 s", "a number"),
        ("wall_seconds", float("nan"), "a finite number"),
        ("steps_per_second", {"mean": 3}, "a number"),
        ("final_return", "high", "a number"),
        ("provenance", "our program", "an object"),
        ("provenance", ["our program"], "an object"),
        ("provenance.command", ["python", "train.py"], "a text"),
        ("provenance.commit", 12, "a text"),
        ("provenance.git", "c0ffee", "an object"),
        ("provenance.git.commit", 12, "a text"),
        ("provenance.git.modified", "yes", "true or false"),
        ("provenance.python", 3.11, "a text"),
        ("provenance.versions", ["torch 2.13"], "an object"),
        ("provenance.versions.torch", 2.13, "a text"),
        ("provenance.hardware", "a laptop", "an object"),
        ("provenance.hardware.gpu", ["H100"], "a text"),
    ],
)
def test_a_record_of_another_type_is_refused_by_file_and_key(key, value, expected, results):
    path = results / TASK / "states" / "dac" / "seed0" / "run.json"
    rewrite(path, key, value)
    told = f"run.json: '{key}' is "
    for read in (
        lambda: finished.makers(results, experiment(*SETTINGS), [GROUP]),
        lambda: curves.read_curves(results),
    ):
        with pytest.raises(UserError) as refused:
            read()
        assert told in str(refused.value)
        assert str(refused.value).endswith(f"it should be {expected}")
    assert f"run.json: '{key}' is " in " ".join(contract.problems(path.parent, 3000, 1000))


@pytest.mark.parametrize(
    ("key", "value"),
    [("expert_return", "900"), ("random_episodes", 3), ("random_episodes", ["a"]), ("settings", []), ("digest", 1)],
)
def test_returns_of_another_type_are_refused_by_file_and_key(key, value, results):
    rewrite(results / TASK / "demonstrations" / "returns.json", key, value)
    with pytest.raises(UserError, match=rf"returns.json: '{key}.* it should be"):
        finished.normalised(results, experiment(*SETTINGS), GROUP)


@pytest.mark.parametrize("script", ["list_runs.py", "draw_curves.py"])
def test_scripts_refuse_it_in_a_sentence(script, results, tmp_path):
    rewrite(results / TASK / "states" / "dac" / "seed0" / "run.json", "provenance", "our program")
    figure = ("--figure", "figure3") if script == "draw_curves.py" else ()
    out = tmp_path / "out"
    done = run_here(script, *figure, *flags(*SETTINGS), "--results", results, "--out", out)
    assert_refused(done, "seed0/run.json: 'provenance' is 'our program'; it should be an object")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, "\x00", "null", '"text"'])
def test_what_is_no_record_is_refused(text, results):
    path = results / TASK / "states" / "dac" / "seed0" / "run.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is not (a )?JSON"):
        contract.read_record(path)
    assert "run.json is not" in " ".join(contract.problems(path.parent, 3000, 1000))


def test_what_a_program_leaves_out_is_unknown(results):
    folder = results / TASK / "states" / "dac" / "seed0"
    for provenance in (None, {}, {"git": None, "versions": None, "hardware": None}, {"git": {"commit": None}}):
        rewrite(folder / "run.json", "provenance", provenance)
        rewrite(folder / "run.json", "bits", provenance and {"alike": None})
        made = finished.makers(results, experiment(*SETTINGS), [GROUP])
        assert finished.stands_on(made) == ("1 runs of commit unknown, on unknown (bits of unknown), with unknown")


@pytest.mark.parametrize("git", [{}, {"git": None}, {"git": {"commit": None}}])
def test_a_commit_that_is_said_alone_is_read(git, results):
    provenance = {name: value for name, value in made_by().items() if name != "git"} | git | {"commit": "beef"}
    rewrite(results / TASK / "states" / "dac" / "seed0" / "run.json", "provenance", provenance)
    assert finished.makers(results, experiment(*SETTINGS), [GROUP])["commits"] == {"beef": 1}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)
KEYS = (
    *("label", "method", "task", "seed", "settings", "curve", "bits", "bits.alike", "provenance", "wall_seconds"),
    *("provenance.git", "provenance.git.commit", "provenance.versions", "provenance.hardware", "provenance.python"),
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEYS), VALUES)
def test_whatever_a_record_says_it_is_read_or_refused(results, key, value):
    path = results / TASK / "states" / "dac" / "seed0" / "run.json"
    whole = path.read_text()
    rewrite(path, key, value)
    read_or_refused(lambda: finished.stands_on(finished.makers(results, experiment(*SETTINGS), [GROUP])))
    read_or_refused(lambda: curves.read_curves(results))
    path.write_text(whole)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"env_step,return\n0,high\n", b"env_step,return\nzero,1\n", b"\x00"]
)
def test_a_curve_that_is_no_table_of_numbers_is_refused(content, results):
    folder = results / TASK / "states" / "dac" / "seed0"
    (folder / "curve.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"curve.csv"):
        curves.read_curve(folder)
    assert "curve.csv" in " ".join(contract.problems(folder, 3000, 1000))
