"""Each method is its own file, its rule and its settings: without them everything else is as it was."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import ROOT

from smiling import methods

FIELDS = ("adril", "bco", "diffusion_policy", "difo", "drail", "gmmil", "pwil", "red")  # none is the paper's own
EVERYTHING = """
import importlib, pkgutil
import smiling
from smiling import methods
from smiling.experiment import load_experiment
from smiling.scale_files import scale_names

for module in pkgutil.walk_packages(smiling.__path__, "smiling."):
    importlib.import_module(module.name)
for scale in scale_names():
    load_experiment(scale, ["methods=" + ",".join(methods.names())])
print(*methods.bases())
"""


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize("name", FIELDS)
def test_no_source_outside_a_methods_files_names_it(name):
    module, rule = f"smiling.methods.{name}", ROOT / "workflow" / "rules" / "methods" / f"{name}.smk"
    sources = [path for folder in ("src", "envs") for path in (ROOT / folder).rglob("*.py")]
    own = ROOT / "src" / "smiling" / "methods" / f"{name}.py"
    assert own in sources
    for path in (path for path in sources if path != own):
        assert not any(f"{found}.".startswith(f"{module}.") for found in imported(path)), path
        assert not re.search(rf"[\"']{name}[\"']", path.read_text()), path
    for path in (ROOT / "workflow").rglob("*.smk"):
        assert path == rule or not re.search(rf"\b{name}\b", path.read_text()), path
    assert not re.search(rf"[\"']{name}[\"']", (ROOT / "Snakefile").read_text())


def without(tree: Path, name: str) -> None:
    """Take a method out of a copy: its two files, and its settings of the scales."""
    (tree / "src" / "smiling" / "methods" / f"{name}.py").unlink()
    (tree / "workflow" / "rules" / "methods" / f"{name}.smk").unlink()
    for path in (tree / "workflow" / "config" / "scales").glob("*.yaml"):
        path.write_text(re.sub(rf"^  {name}: .*\n", "", path.read_text(), flags=re.MULTILINE))
        assert name not in yaml.safe_load(path.read_text()).get("method_settings", {})


def test_without_any_of_them_everything_imports_and_every_scale_is_read(tmp_path):
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("src", "envs", "workflow"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    for name in FIELDS:
        without(tree, name)
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'src'}:{tree}"}
    call = [sys.executable, "-c", EVERYTHING]
    done = subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name for name in methods.bases() if name not in FIELDS]
