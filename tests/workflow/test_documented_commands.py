"""Commands of README and docs: Snakemake's are planned, scripts run if that takes minutes, of all the flags are known.

Those of conda, git and the shell make or enter environments, and are not tried; docs/library.md has a test of its own.
"""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from commands import ROOT, copy_tree, snakemake, write_files_of, write_zeros

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# What runs for longer than tests may, or is for a machine of its own.
HOURS = (
    "src/collect_demonstrations.py --task cheetah_run --policy expert",
    "src/imitate.py --task cheetah_run",
    "src/imitate.py --task hill",
    "src/measure/coverage_and_power.py",
    "src/measure/cost.py",
    "src/measure/dreamer.py --updates 1",
    "src/measure/environments.py",
    "src/measure/expert_fit.py",
    "src/measure/pins.py",
    "src/measure/policy_rewards.py",
    "src/measure/reference_returns.py",
    "src/measure/seeds.py",
    "src/measure/throughput.py",
    "src/play.py --task cheetah_run --policy results",
    "src/train_expert.py --scale desk",
    "src/train_expert.py --scale paper",
    "src/train_expert.py --task cheetah_run --out expert",
)

# What the profiles of clusters need besides the environment.
PLUGINS = {"slurm": "snakemake_executor_plugin_slurm", "sge": "snakemake_executor_plugin_cluster_generic"}


def commands(program: str) -> list[list[str]]:
    """Commands in the pages' indented blocks that begin with `program`, by their arguments."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        lines = re.findall(rf"^ {{4}}({program} .*)$", text, re.MULTILINE)
        found += [shlex.split(line.split(" && ")[0], comments=True)[1:] for line in lines]
    return found


def test_commands_are_found():
    for program in ("make", "snakemake", "python", "conda"):
        assert len(commands(program)) >= 2, program


@pytest.mark.parametrize("target", sorted({arguments[0] for arguments in commands("make")}))
def test_make_has_the_target(target):
    plan = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert plan.returncode == 0, plan.stderr


@pytest.mark.parametrize("arguments", commands("python"), ids=" ".join)
def test_script_has_the_flags(arguments):
    script, *rest = arguments
    assert {part for part in rest if part.startswith("--")} <= flags_of(script)


@cache
def flags_of(script: str) -> set[str]:
    shown = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return set(re.findall(r"--[a-z][a-z-]*", shown.stdout))


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A tree with what the pages take to be there: demonstrations, one's own and an expert's, the tutorial's method."""
    tree = copy_tree(tmp_path_factory.mktemp("documented") / "tree")
    shutil.copytree(ROOT / "results" / "reference", tree / "results" / "reference", dirs_exist_ok=True)
    write_zeros(tree / "mine.npz", 17)
    for task, size in (("cheetah_run", 17), ("ball_in_cup_catch", 8)):
        folder = tree / "results" / "quick" / task / "demonstrations"
        folder.mkdir(parents=True)
        write_zeros(folder / "demonstrations.npz", size)
    (tree / "swung" / "minari" / "ball_in_cup_catch-v0").mkdir(parents=True)  # which a command before makes
    for page in ("add-a-method.md", "own-task.md", "own-demonstrations.md"):
        write_files_of(page, tree)
    return tree


@pytest.mark.slow
@pytest.mark.parametrize("arguments", commands("snakemake"), ids=" ".join)
def test_workflow_plans_it(arguments, tree):
    for profile, plugin in PLUGINS.items():
        if f"workflow/profiles/{profile}" in arguments and not importlib.util.find_spec(plugin):
            pytest.skip(f"needs pip install '.[{profile}]'")
    planned = snakemake(tree, *(["-n"] if "-n" not in arguments else []), *arguments)
    assert planned.returncode == 0, planned.stdout + planned.stderr


IN_MINUTES = [found for found in commands("python") if not " ".join(found).startswith(HOURS)]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", IN_MINUTES, ids=" ".join)
def test_script_runs_as_it_stands(arguments, tree):
    ran = subprocess.run([sys.executable, *arguments], cwd=tree, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
