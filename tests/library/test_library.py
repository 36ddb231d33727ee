"""`import smiling` as a researcher has it: from a wheel, in another environment, the examples of docs/library.md."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import ROOT

import smiling
from smiling import bits
from smiling.runs.demonstrations import read_demonstrations

pytestmark = pytest.mark.long

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.DOTALL)
HEAVY = ("mujoco", "matplotlib", "torch", "pandas", "dm_control")


def python(interpreter: Path | str, code: str, folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in `folder`, with nothing of this tree on the path; words `before` the call are a shell's."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    call = [*before, str(interpreter), "-c", code]
    return subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the wheel, and for the rest what this one has."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"  # a copy: a build leaves files beside the sources
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".snakemake", "results", "figures", "logs", "__pycache__", "build"
    )
    shutil.copytree(ROOT, tree, ignore=ignored)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(tree)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if built.returncode and "setuptools" in built.stderr:
        pytest.skip("no registry to fetch setuptools from, which builds the wheel")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("smiling_benchmark-*.whl")
    shutil.rmtree(tree)
    venv.create(folder / "environment", with_pip=False, symlinks=True)
    interpreter = folder / "environment" / "bin" / "python"
    paths = python(interpreter, "import sysconfig; print(sysconfig.get_paths()['purelib'])", folder).stdout.strip()
    call = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", paths, str(wheel)]
    subprocess.run(call, check=True, timeout=300)
    # Not processed for .pth files of its own, so that this tree's editable install stays out of the way.
    Path(paths, "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return interpreter


@pytest.mark.long
def test_examples_run_from_the_wheel_in_another_folder(installed, tmp_path, demonstrations_file):
    assert demonstrations_file.parent == tmp_path
    where = python(installed, "import smiling, envs; print(smiling.__file__, envs.__file__)", tmp_path)
    assert str(installed.parents[1]) in where.stdout
    assert str(ROOT) not in where.stdout, where.stdout
    assert len(EXAMPLES) == 4
    printed = []
    for example in EXAMPLES:
        done = python(installed, example, tmp_path)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    low, high = map(float, re.findall(r"-?\d+\.\d+", printed[0])[:2])
    assert low < 0 < high
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"seed0", "seed1"}
    assert "step 1000: rewards from" in printed[2]
    assert "smiling" in printed[3]


BY_BC = """
from pathlib import Path
import torch, smiling
out = Path("runs")
smiling.imitate(smiling.load_experiment("smoke"), "bc", "ball_in_cup_catch", Path("demonstrations.npz"), out, [0])
"""


@pytest.mark.skipif(bits.why_not_here() is not None, reason="this machine cannot be pinned")
def test_a_program_with_the_wheel_is_pinned_by_its_environment_or_told_why_not(
    installed, tmp_path, demonstrations_file
):
    free = ("env", *(f"--unset={name}" for name in bits.pins("any")))
    printed = subprocess.run([installed, "-m", "smiling.bits", "any"], capture_output=True, text=True, cwd=tmp_path)
    for before, alike in ((free, bits.OWN), (("env", *printed.stdout.split()), "every x86-64 with AVX2")):
        done = python(installed, BY_BC, tmp_path, *before)
        assert done.returncode == 0, done.stderr
        said = json.loads((tmp_path / "runs" / "seed0" / "run.json").read_text())["bits"]
        assert said["alike"] == alike
        assert (f"note: bits are {bits.OWN}, not those of 'any': {said['because']}" in done.stdout) == (
            alike == bits.OWN
        )


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_short(example):
    assert sum(bool(line.strip()) for line in example.splitlines()) <= 24


def test_training_example_has_fifteen_lines_at_most():
    assert "imitate(" in EXAMPLES[1]
    assert sum(bool(line.strip()) for line in EXAMPLES[1].splitlines()) <= 15


RULES = ROOT / "workflow" / "rules" / "common.smk"


def test_import_loads_nothing_heavy(tmp_path):
    code = f"import sys, smiling; print([name for name in {HEAVY} if name in sys.modules])"
    done = python(sys.executable, code, tmp_path)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_cost_needs_no_simulator_and_no_plots(tmp_path):
    code = "import sys, smiling; smiling.Cost, smiling.fit_score_model, smiling.SAC, smiling.Smiling; "
    code += "print([name for name in ('matplotlib', 'mujoco', 'dm_control') if name in sys.modules])"
    done = python(sys.executable, code, tmp_path)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_what_the_snakefile_reads_loads_no_statistics_and_no_plots(tmp_path):
    """Every job reads it anew, in its own process."""
    (imports,) = re.findall(r"^from smiling\.evidence import .*", RULES.read_text(), re.MULTILINE)
    code = f"import sys\n{imports}\nprint([name for name in ('scipy', 'matplotlib', 'seaborn') if name in sys.modules])"
    done = python(sys.executable, code, tmp_path)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_every_public_name_is_there_and_has_a_docstring():
    for name in set(smiling.__all__) - {"__version__"}:
        assert getattr(smiling, name).__doc__, name
    with pytest.raises(AttributeError, match="nonsense"):
        smiling.nonsense  # noqa: B018


def test_version_is_the_projects():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == smiling.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]


def test_demonstrations_written_by_a_caller_are_read_again(tmp_path):
    states = np.zeros((4, 3), np.float32)
    smiling.write_demonstrations(tmp_path / "mine.npz", smiling.Demonstrations(states, np.array([0, 2])))
    assert read_demonstrations(tmp_path / "mine.npz", 3, 1).episode_starts.tolist() == [0, 2]


@pytest.mark.parametrize("states", [[1.0, 2.0], [[float("nan")]], [[]]])
def test_states_that_are_no_table_of_numbers_are_refused(states):
    with pytest.raises(ValueError, match="states must be finite"):
        smiling.fit_score_model(states, epochs=1)
