"""docs/architecture.md against the tree, and the layers: that lint-imports notices an import that goes up."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

LONGEST_FILE, LONGEST_FUNCTION = 350, 45
SOURCES = [path for folder in ("src", "envs") for path in (ROOT / folder).rglob("*.py")]


def test_rooms_of_the_page_are_those_of_the_tree():
    page = (ROOT / "docs" / "architecture.md").read_text()
    told = {room.rstrip("/") for line in page.splitlines() if line.startswith("| `") for room in _rooms(line)}
    packages = {path.parent for path in SOURCES} - {ROOT / "src"}
    assert told == {str(path.relative_to(ROOT)) for path in packages} | {"Snakefile", "workflow", "src/*.py", "tests"}


def _rooms(line: str) -> list[str]:
    first = line.split("|")[1]
    return re.findall(r"`([^`]+)`", first)


def test_layers_of_the_page_are_those_that_are_kept():
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawing = page.split("## Layers")[1].split("## The way of a run")[0]
    drawn = re.findall(r"^ {4,}(\w+(?: +\w+)?) +[|v]", drawing, re.MULTILINE)
    contract = (ROOT / "pyproject.toml").read_text().split("layers = [")[1].split("]")[0]
    assert [" : ".join(line.split()) for line in drawn] == re.findall(r'"([\w :]+)"', contract)


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("src/smiling/score/cost.py", "import smiling.solvers.sac.agent", "Imports go down the layers"),
        ("src/smiling/runs/folder.py", "import smiling.solvers.policies", "Imports go down the layers"),
        ("src/smiling/methods/sqil.py", "import smiling.methods.iq_learn", "Methods do not import one another"),
        ("envs/rendering.py", "import smiling.settings", "The tasks know nothing of learning"),
        ("src/smiling/experiment.py", "import snakemake", "The library does not know Snakemake"),
    ],
)
def test_an_import_against_the_layers_is_noticed(tmp_path, file, line, broken):
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("src", "envs"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    assert _lint(tree).returncode == 0
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = _lint(tree)
    assert done.returncode == 1, done.stdout
    assert f"{broken} BROKEN" in done.stdout


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}", "COLUMNS": "200"}
    call = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_and_no_function_is_long(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name
