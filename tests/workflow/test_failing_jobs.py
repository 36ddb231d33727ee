"""Every rule, its command made to fail: the workflow fails, names the log, and leaves nothing that counts as made."""

import re
import stat
from pathlib import Path

import pytest
from commands import ROOT, copy_tree, snakemake, write_zeros

from smiling import methods

pytestmark = pytest.mark.long

# In the place of the rules' programs: writes to the log, begins its outputs, and ends as $HOW says.
FAILING = """#!/bin/bash
echo "about to fail"
while [ $# -gt 1 ]; do
    case "$1" in --out | --report) out="$2" ;; esac
    shift
done
if [ -d "$out" ]; then echo half > "$out/curve.csv"; elif [ -n "$out" ]; then echo half | tee "$out" > "$out.csv"; fi
case "$HOW" in exits) exit 3 ;; "is killed") kill -KILL $$ ;; esac
"""
OWN = "tasks={cheetah_run: {demonstrations: own.npz}}"
TASKS = "only_tasks=ball_in_cup_catch,cheetah_run"
RUNS = "results/smoke/ball_in_cup_catch"
FIGURES = "figures/smoke"
# The rules in groups none of which depends on another of its group: for each a file, and what else is configured.
GROUPS = (
    (
        (),
        {
            "expert": f"{RUNS}/expert/run.json",
            "draw_figure2": f"{FIGURES}/figure2.png",
            "measure_throughput": f"{FIGURES}/throughput/steps.csv",
            "measure_cost": f"{FIGURES}/throughput/costs.csv",
        },
    ),
    (
        (OWN,),
        {
            "collect": f"{RUNS}/demonstrations/returns.json",
            "adopt": "results/smoke/cheetah_run/demonstrations/returns.json",
            "draw_throughput": f"{FIGURES}/throughput/throughput.png",
        },
    ),
    (
        (),
        {
            **{name: f"{RUNS}/states/{name}/seed0/curve.csv" for name in methods.bases()},
            "film": f"{FIGURES}/figure1/cheetah_run_expert.webm",
        },
    ),
    (("seeds_together=2",), {"together0": f"{RUNS}/states/smiling/seed1/curve.csv"}),
    (
        (),
        {
            "draw_figure1": f"{FIGURES}/figure1.png",
            "draw_curves": f"{FIGURES}/figure3.png",
            "write_table1": f"{FIGURES}/table1.md",
            "write_table2": f"{FIGURES}/table2.md",
            "write_leaderboard": f"{FIGURES}/leaderboard.md",
            "summarise": f"{FIGURES}/results/results.md",
            "check_claims": f"{FIGURES}/claims/claims.md",
            "list_runs": f"{FIGURES}/runs.md",
            "draw_page": f"{FIGURES}/index.html",
            "draw_ablations": f"{FIGURES}/ablations.png",
        },
    ),
    ((), {"write_report": f"{FIGURES}/report.html"}),
)
# What a job's log holds, whole; of a program that is killed bash may say so.
LOGGED = {"exits": "about to fail\n", "is killed": r"about to fail\n(\S.*: line \d+: +\d+ Killed .*\n)?"}
PRINTING = {"status": (), "check_method": ("method=smiling",), "forecast": ()}  # these make no file
PLAIN = {"figure1", "figure2", "figure3", "figure4", "figure5", "table1", "table2", "results", "claims"} | {
    *(
        "page",
        "leaderboard",
        "report",
        "ablations",
        "experts",
        "demonstrations",
        "runs",
        "throughput",
        "artefacts",
        "all",
    )  # these run no command
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A tree in which every rule's program fails."""
    tree = copy_tree(tmp_path_factory.mktemp("failing") / "tree")
    (tree / "programs").mkdir()
    for name in ("python", "snakemake"):
        program = tree / "programs" / name
        program.write_text(FAILING)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    write_zeros(tree / "own.npz", 17)
    return tree


@pytest.fixture(scope="module")
def files(tree) -> list[Path]:
    """All that the workflow makes."""
    listed = snakemake(tree, "--summary", "all", "throughput", "ablations", "--config", "scale=smoke", TASKS).stdout
    made = [line.split("\t")[0] for line in listed.splitlines() if line.startswith(("results/", "figures/"))]
    assert len(made) > 50
    return [tree / file for file in {*made, *(file for _, targets in GROUPS for file in targets.values())}]


def attempt(tree, how, targets, *config, rules=()):
    """Make `targets` anew by `rules` and no other."""
    asked = ("--cores", "1", "--keep-going", *(("--allowed-rules", *rules) if rules else ()), "--force", *targets)
    config = ("--config", "scale=smoke", TASKS, "replace=true", *config)
    return snakemake(tree, *asked, *config, programs=tree / "programs", HOW=how)


@pytest.mark.parametrize("how", ["exits", "is killed"])
@pytest.mark.parametrize(("config", "targets"), GROUPS)
def test_a_job_whose_program_fails_fails_the_workflow_and_leaves_nothing(config, targets, how, tree, files):
    for file in files:  # so that nothing else has to be made
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    done = attempt(tree, how, targets.values(), *config, rules=targets)
    assert done.returncode != 0
    for rule, file in targets.items():
        told = re.search(rf"^failed: {rule}; its log (\S+) ends:\n +about to fail$", done.stderr, re.MULTILINE)
        assert told, done.stderr
        assert re.fullmatch(LOGGED[how], (tree / told[1]).read_text())
        assert not (tree / file).exists()


@pytest.mark.parametrize("target", PRINTING)
def test_a_target_that_prints_fails_with_its_program(target, tree, files):
    done = attempt(tree, "exits", [target], *PRINTING[target])
    assert done.returncode != 0
    assert f"failed: {target}; its log logs/{target}.log ends:" in done.stderr


def test_no_rule_is_left_out():
    rules = {
        name
        for file in [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").rglob("*.smk")]
        for name in re.findall(r"^ *(?:rule|use rule imitate as) (\w+)(?: with)?:", file.read_text(), re.MULTILINE)
    }
    tried = {rule for _, targets in GROUPS for rule in targets} - {"together0"}
    # `help` runs no program but the shell's own; `imitate` is run under the methods' names.
    assert rules - PLAIN - {"help", "imitate"} == tried | PRINTING.keys()
