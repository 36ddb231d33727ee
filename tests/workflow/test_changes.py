"""docs/changes.md, row by row: what a person changes, and what Snakemake then does."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from commands import ROOT, copy_tree, planned, snakemake
from pdf_text import text_of

from smiling.runs.demonstrations import read_demonstrations, write_demonstrations

pytestmark = pytest.mark.long

TASK = "ball_in_cup_catch"
CONFIG = ("--config", "scale=smoke", f"only_tasks={TASK}", "methods=dac,bc", "seeds=0,1")
RUNS = Path("results", "smoke", TASK)
RECORD = RUNS / "states" / "dac" / "seed0" / "run.json"
ALL = {"expert": 1, "collect": 1, "dac": 2, "bc": 2}
PENALTY = "method_settings={dac: {penalty: 5}}"
REFUSED = "refused"

# The rows of a plain experiment: what is configured or edited (file, old, new), and what is planned or refused.
CONFIGURED = {
    "a setting, by `--config`": ((PENALTY,), REFUSED),
    "a setting, with `experiment=NAME`": ((PENALTY, "experiment=other"), ALL),
    "a method's setting, with `replace=true`": ((PENALTY, "replace=true"), {"dac": 2}),
    "a solver's setting, with `replace=true`": (("sac={width: 17}", "replace=true"), ALL),
    "`training.checkpoint_seconds`, `training.overlap`": (("training={checkpoint_seconds: 9, overlap: true}",), {}),
    "`expert.evaluation_episodes`": (("expert={evaluation_episodes: 2}",), {"collect": 1}),
    "`tasks.TASK.normalise`": ((f"tasks={{{TASK}: {{normalise: {{expert: 900, random: 90}}}}}}",), {"draw_curves": 1}),
    "fewer seeds, methods or tasks": (("seeds=1", "methods=dac"), {}),
    "more seeds": (("seeds=0,1,2",), {"dac": 1, "bc": 1}),
}
EDITED = {
    "a setting, in a scale's file": (
        ("workflow/config/scales/smoke.yaml", "width: 16, updates: 20", "width: 17, updates: 20"),
        REFUSED,
    ),
    "a method's code": (("src/smiling/methods/dac.py", "REWARD_FLOOR = 1e-8", "REWARD_FLOOR = 2e-8"), {"dac": 2}),
    "a solver's code": (("src/smiling/solvers/sac/agent.py", "self.updates += 1", "self.updates += 2"), ALL),
    "comments, docstrings, layout of code": (
        ("src/smiling/methods/dac.py", '"""The discriminator as a reward."""', '"""A reward."""\n    # so\n'),
        {},
    ),
    "code that only reports (`WITHOUT_EFFECT` in `runs/provenance.py`)": (
        ("src/smiling/runs/progress.py", "SECONDS_BETWEEN_LINES = 15.0", "SECONDS_BETWEEN_LINES = 9.0"),
        {},
    ),
    "a figure's code, the page's template": (("src/draw_curves.py", "COLUMNS = 3", "COLUMNS = 2"), {"draw_curves": 1}),
}
OTHERS = {
    *("a run is deleted", "the content of demonstrations of your own", "their file's time, compression or `made_by`"),
    *("their path, to another file of the same content", "their path, to a file of another content"),
    *("the expert's demonstrations, to your own", "a seed is deleted of those trained together (`seeds_together`)"),
    "which part of them is shown (`trajectories`, `subsample`)",
    *("their path, to one that does not exist", "a file among an external program's `sources`"),
    *("versions of packages or Python, commit, machine", "a curve or a record, by hand"),
    "`.snakemake` is deleted, or the tree is moved",
    # tests/workflow/test_own_tasks.py
    "what a task of your own is made by (`env`, `kwargs`, `time_limit`, `absorbing`)",
    "the module of a task of your own, or one beside it that it imports",
}


def test_the_docs_table_is_what_is_tested():
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", (ROOT / "docs" / "changes.md").read_text(), re.MULTILINE)[1:]
    tested = {**CONFIGURED, **EDITED, **dict.fromkeys(OTHERS)}
    assert {what for what, _ in rows} == tested.keys()
    assert {what for what, then in rows if then == REFUSED} - OTHERS == {
        what for what, case in tested.items() if case and case[1] == REFUSED
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A tree in which Figure 3 has been made at smoke scale, for one task and two methods."""
    return made(copy_tree(tmp_path_factory.mktemp("changes") / "tree"), *CONFIG)


def made(tree: Path, *config: str) -> Path:
    done = snakemake(tree, "--cores", "2", "figure3", *config)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


def plan(tree: Path, *config: str) -> dict[str, int] | str:
    """Jobs that would be done, but for the drawing that follows; or what is said instead."""
    done = snakemake(tree, "-n", "figure3", *config)
    if done.returncode:
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr
    jobs = planned(done.stdout + done.stderr)
    drawn = jobs.pop("draw_curves", 0)
    jobs.pop("figure3", None)
    return jobs or ({"draw_curves": drawn} if drawn else {})


def assert_done(then: dict[str, int] | str, expected: dict[str, int] | str) -> None:
    if expected == REFUSED:
        assert isinstance(then, str)
        assert re.search(r"experiment 'smoke' has results of other settings .* there, .* here", then)
    else:
        assert then == expected


@contextmanager
def edited(path: Path, content: str | bytes) -> Iterator[None]:
    """The file with another content, for a while."""
    original = path.read_bytes()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        yield
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize("what", CONFIGURED)
def test_configuration(what, finished):
    config, expected = CONFIGURED[what]
    then = plan(finished, *CONFIG, *config)
    if what.startswith("fewer"):
        then.pop("draw_curves")
    assert_done(then, expected)


@pytest.mark.parametrize("what", EDITED)
def test_edit(what, finished):
    (name, old, new), expected = EDITED[what]
    content = (finished / name).read_text()
    assert old in content
    with edited(finished / name, content.replace(old, new, 1)):
        assert_done(plan(finished, *CONFIG), expected)


def test_a_run_is_deleted(finished):
    run = finished / RECORD.parent
    run.rename(finished / "kept")
    assert plan(finished, *CONFIG) == {"dac": 1}
    (finished / "kept").rename(run)


def test_a_seed_is_deleted_of_those_trained_together(finished):
    assert plan(finished, *CONFIG, "seeds_together=2") == {"draw_curves": 1}  # whose record has the setting
    run = finished / RECORD.parent
    run.rename(finished / "kept")
    assert plan(finished, *CONFIG, "seeds_together=2") == {"together0": 1}
    (finished / "kept").rename(run)


def test_the_experts_demonstrations_to_your_own(finished):
    write_mine(finished, np.random.default_rng(0))
    mine = f"tasks={{{TASK}: {{demonstrations: mine.npz}}}}"
    assert_done(plan(finished, *CONFIG, mine), REFUSED)
    assert plan(finished, *CONFIG, mine, "replace=true") == {"adopt": 1, "dac": 2, "bc": 2}


@pytest.mark.parametrize("target", ["help", "status", "figure2", "table1", "runs --config methods=bc"])
def test_what_needs_no_result_of_other_settings_is_not_refused(target, finished):
    name, *further = target.split()
    assert snakemake(finished, "-n", name, *CONFIG, PENALTY, *further[1:]).returncode == 0


def test_versions_commit_machine(finished):
    record = json.loads((finished / RECORD).read_text())
    record["provenance"]["versions"]["torch"] = "2.99"
    record["provenance"]["hardware"]["processor"] = "another"
    with edited(finished / RECORD, json.dumps(record)):
        assert plan(finished, *CONFIG) == {}
        done = snakemake(finished, "--cores", "1", "figure3", "--forcerun", "draw_curves", *CONFIG)
    assert done.returncode == 0, done.stderr
    assert "note: made differently among its 4 runs: 2 sets of packages, 2 kinds of machine" in done.stdout
    drawn = json.loads((finished / "figures" / "smoke" / "figure3.json").read_text())
    assert sorted(drawn["made_by"]["packages"].values()) == [1, 3]


def test_a_curve_by_hand(finished):
    curve = finished / RECORD.with_name("curve.csv")
    content = curve.read_text()
    with edited(curve, content.replace("\n3000,", "\n3000,9")):
        done = snakemake(finished, "--cores", "1", "figure3", *CONFIG)
    assert done.returncode != 0
    told = r"dac/seed0/run.json is not of what lies there: curve: '\w+' there, '\w+' here; delete \S+/dac/seed0 to"
    assert re.search(told, done.stderr)
    assert not (finished / "figures" / "smoke" / "figure3.png").exists()
    made(finished, *CONFIG)


def test_snakemake_forgets_and_the_tree_is_moved(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "moved", ignore=shutil.ignore_patterns(".snakemake"))
    assert plan(tmp_path / "moved", *CONFIG) == {}
    assert plan(tmp_path / "moved", *CONFIG[:3], "methods=dac", "seeds=0,1") == {"draw_curves": 1}
    name, old, new = EDITED["a figure's code, the page's template"][0]
    with edited(tmp_path / "moved" / name, (ROOT / name).read_text().replace(old, new)):
        assert plan(tmp_path / "moved", *CONFIG) == {"draw_curves": 1}
    assert_done(plan(tmp_path / "moved", *CONFIG, PENALTY), REFUSED)


PROGRAM = """
import json, sys
from pathlib import Path

out = Path(sys.argv[1])
(out / "run.json").write_text(json.dumps({"settings": {"lr": 0.1}, "wall_seconds": 1.0, "provenance": {}}))
(out / "curve.csv").write_text("env_step,return\\n0,1\\n1000,2\\n2000,3\\n3000,4\\n")
"""
RULE = '''
"""Their Method: from elsewhere."""


rule theirs:
    input:
        demonstrations=demonstrations_of(RUN),
        standing=standing_of(RUN),
    output:
        **named_files(RUN, "curve.csv", "run.json"),
    log:
        f"logs/{RUN_NAME}.log",
    wildcard_constraints:
        method="theirs",
    params:
        sources=sources("theirs.py"),
    shell:
        "python theirs.py $(dirname {output.run}) 2>&1 | tee -i {log}"
'''
OWN = (*CONFIG[:3], "methods=theirs,bc", "seeds=0", f"tasks={{{TASK}: {{demonstrations: mine.npz}}}}")


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A tree in which an external program and BC have learnt from a file of demonstrations."""
    tree = copy_tree(tmp_path_factory.mktemp("own") / "tree")
    (tree / "theirs.py").write_text(PROGRAM)
    (tree / "workflow" / "rules" / "methods" / "theirs.smk").write_text(RULE)
    write_mine(tree, np.random.default_rng(0))
    return made(tree, *OWN)


def write_mine(tree: Path, random: np.random.Generator) -> None:
    arrays = {"observations": random.normal(size=(40, 8)), "actions": random.uniform(-1, 1, size=(40, 2))}
    np.savez(tree / "mine.npz", **arrays, rewards=np.ones(40), episode_starts=np.array([0, 20]))


def test_nothing_changes(own):
    assert plan(own, *OWN) == {}
    assert "Their Method" in text_of(own / "figures" / "smoke" / "figure3.pdf")


def test_the_content_of_demonstrations_of_your_own(own):
    with edited(own / "mine.npz", (own / "mine.npz").read_bytes()):
        write_mine(own, np.random.default_rng(1))
        assert plan(own, *OWN) == {"adopt": 1, "theirs": 1, "bc": 1}


def test_their_file_without_its_content(own):
    mine = read_demonstrations(own / "mine.npz", 8, 2)
    with edited(own / "mine.npz", b""):
        write_demonstrations(own / "mine.npz", mine)
        assert plan(own, *OWN) == {}


def test_their_path_to_another_file(own):
    shutil.copy(own / "mine.npz", own / "copy.npz")
    asked = (*OWN[:-1], f"tasks={{{TASK}: {{demonstrations: copy.npz}}}}")
    assert plan(own, *asked) == {"adopt": 1, "theirs": 1}  # theirs does not say what it learnt from
    with edited(own / "mine.npz", (own / "mine.npz").read_bytes()):
        write_mine(own, np.random.default_rng(1))
        shutil.copy(own / "mine.npz", own / "copy.npz")
    assert_done(plan(own, *asked), REFUSED)


@pytest.mark.parametrize("part", ["trajectories: 1", "subsample: 5"])
def test_which_part_of_them_is_shown(part, own):
    asked = f"tasks={{{TASK}: {{demonstrations: {{file: mine.npz, {part}}}}}}}"
    assert_done(plan(own, *OWN[:-1], asked), REFUSED)


def test_their_path_to_one_that_does_not_exist(own):
    then = plan(own, *OWN[:-1], f"tasks={{{TASK}: {{demonstrations: mein.npz}}}}")
    assert f"setting 'tasks.{TASK}.demonstrations' is 'mein.npz': there is no such file" in then


def test_the_sources_of_an_external_program(own):
    with edited(own / "theirs.py", PROGRAM.replace("3000,4", "3000,5")):
        assert plan(own, *OWN) == {"theirs": 1}
