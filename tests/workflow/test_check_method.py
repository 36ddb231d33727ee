"""The contract of a run, and what check_method says of programs that keep it and that break it."""

import json

import pytest
from commands import check_methods, copy_tree

from smiling.runs import contract

pytestmark = pytest.mark.long

# Somebody else's program: right, but for the fault that it is given.
PROGRAM = """
import argparse, json, time
from pathlib import Path

flags = argparse.ArgumentParser()
flags.add_argument("--fault")
flags.add_argument("--demos")
flags.add_argument("--out", type=Path)
options = flags.parse_args()
if options.fault == "actions" and options.demos == "state_actions":
    raise NotImplementedError("actions")
if options.demos == "state_actions" and options.fault != "actions":
    raise SystemExit("error: this method sees no actions; leave it out there")
values = [1.0, 2.0, 3.0, 4.0]
if options.fault == "nondeterministic":
    values[2] = time.time()
if options.fault == "forgetful":
    begun = options.out / "begun"
    values[3] += begun.exists()
    begun.touch()
    time.sleep(6)
rows = "".join(f"{step},{value}\\n" for step, value in zip(range(0, 4000, 1000), values))
(options.out / "run.json").write_text(json.dumps({"settings": {}, "wall_seconds": 1.0, "provenance": {}}))
(options.out / "curve.csv").write_text("env_step,return\\n" + rows)
"""
RULE = """
rule {name}:
    input:
        demonstrations=f"{{DEMOS}}/demonstrations.npz",
    output:
        **named_files(RUN, "curve.csv", "run.json"),
    log:
        f"logs/{{RUN_NAME}}.log",
    wildcard_constraints:
        method="{name}",
    shell:
        "python src/program.py --fault {name} --demos {{wildcards.demos}} --out $(dirname {{output.run}}) 2>&1 "
        "| tee -i {{log}}"
"""
FAULTS = ("nondeterministic", "forgetful", "actions")


def test_programs_that_break_the_contract_are_caught_for_the_right_reason(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    (tree / "src" / "program.py").write_text(PROGRAM)
    for name in ("right", *FAULTS):
        (tree / "workflow" / "rules" / "methods" / f"{name}.smk").write_text(RULE.format(name=name))
    done, said = check_methods(tree, "right", *FAULTS)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "FAILS" not in said["right"], said["right"]
    assert said["right"].count("passes") == 5
    assert "FAILS   the same seed gives the same curve: the curves differ" in said["nondeterministic"]
    assert "passes  the same seed" in said["forgetful"]
    assert "FAILS   killed, it goes on to the same curve: the curves differ" in said["forgetful"]
    assert "FAILS   demonstrations with actions, or a refusal in a sentence: NotImplementedError" in said["actions"]
    assert all(said[name].count("FAILS") == 1 for name in FAULTS)


@pytest.fixture
def run(tmp_path):
    """A run that keeps the contract."""
    record = {"settings": {}, "wall_seconds": 1.0, "provenance": {}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    (tmp_path / "curve.csv").write_text("env_step,return\n0,1\n1000,2\n2000,3\n")
    return tmp_path


def test_run_that_keeps_the_contract_has_no_problems(run):
    assert contract.problems(run, 2000, 1000) == []


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("curve.csv", None, "curve.csv is missing"),
        ("curve.csv", "", "is not a table"),
        ("curve.csv", "step,return\n0,1\n", "lacks the column env_step"),
        ("curve.csv", "env_step,return\n0,1\n1000,nan\n2000,3\n", "not a finite number"),
        ("curve.csv", "env_step,return\n0,1\n1000,high\n2000,3\n", "not a finite number"),
        ("curve.csv", "env_step,return\n1000,1\n2000,2\n", "must begin at 0 and rise"),
        ("curve.csv", "env_step,return\n0,1\n2000,2\n", "must be 0, 1000, 2000, ... up to 2000"),
        ("curve.csv", "env_step,return\n0,1\n1000,2\n", "up to 2000"),
        ("run.json", None, "run.json is missing"),
        ("run.json", "{", "is not JSON"),
        ("run.json", "[]", "is not a JSON object"),
        ("run.json", '{"settings": {}, "provenance": {}}', "lacks 'wall_seconds'"),
    ],
)
def test_each_breach_of_the_contract_is_named(run, file, content, problem):
    (run / file).unlink()
    if content is not None:
        (run / file).write_text(content)
    (found,) = contract.problems(run, 2000, 1000)
    assert problem in found
