"""workflow/setup: when the environment is made anew, and what an interpreter that will not do is told."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

# In the place of Python's own: an environment is a link to the interpreter.
VENV = """import os, sys
folder = os.path.join(sys.argv[1], "bin")
os.makedirs(folder)
os.symlink(sys.executable, os.path.join(folder, "python"))
"""
INSTALL = '#!/bin/sh\necho installing with "$(command -v python)"\nexit ${FAILS:-0}\n'


@pytest.fixture
def tree(tmp_path) -> Path:
    """A tree of what the script reads, in which making and installing take no time."""
    tree = tmp_path / "tree"
    (tree / "workflow").mkdir(parents=True)
    for name in ("workflow/setup", "pyproject.toml", "requirements.lock"):
        (tree / name).write_bytes((ROOT / name).read_bytes())
    (tree / "workflow" / "install").write_text(INSTALL)
    (tree / "workflow" / "install").chmod(0o755)
    (tmp_path / "venv.py").write_text(VENV)
    return tree


def setup(tree, *arguments, interpreter=sys.executable, **variables):
    environment = {**os.environ, "PYTHONPATH": str(tree.parent), **variables}
    call = [interpreter, tree / "workflow" / "setup", *arguments]
    return subprocess.run(call, env=environment, capture_output=True, text=True)


def test_it_is_made_once(tree):
    first = setup(tree)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == [
        "making .venv: there is none",
        f"installing with {tree}/.venv/bin/python",
    ]
    assert (setup(tree).returncode, setup(tree).stdout) == (0, "")
    assert setup(tree, "--asked").stdout == ""


def test_what_has_changed_makes_it_anew_and_says_so(tree):
    setup(tree)
    (tree / "requirements.lock").write_text("torch==3.0\n")
    assert "making .venv: requirements.lock has changed" in setup(tree).stdout
    (tree / "pyproject.toml").write_text((tree / "pyproject.toml").read_text() + "\n")
    assert setup(tree).stdout == f"installing with {tree}/.venv/bin/python\n"
    moved = tree.rename(tree.with_name("moved"))
    assert f"making .venv: it was made in {tree}" in setup(moved).stdout
    (moved / ".venv" / "bin" / "python").unlink()
    assert "making .venv: its interpreter is gone" in setup(moved).stdout
    (moved / ".venv" / ".made_of").write_text("{")
    assert "making .venv: nothing says what it was made of" in setup(moved).stdout


def test_another_interpreter_is_taken_only_if_it_is_asked_for(tree):
    setup(tree)
    record = tree / ".venv" / ".made_of"
    record.write_text(json.dumps({**json.loads(record.read_text()), "python": "3.99", "interpreter": "/gone"}))
    assert setup(tree).stdout == ""
    assert "making .venv: it is of Python 3.99, /gone" in setup(tree, "--asked").stdout


def test_an_installation_that_failed_goes_on(tree):
    failed = setup(tree, FAILS="1")
    assert failed.returncode == 1
    assert failed.stderr == "error: the installation failed; `make setup` goes on with it\n"
    assert setup(tree).stdout == f"installing with {tree}/.venv/bin/python\n"


@pytest.mark.parametrize("version", [(3, 10, 1), (3, 14, 0), (2, 7, 18)])
def test_a_python_that_will_not_do_is_told_before_anything_is_made(version, tree, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sys, "argv", ["setup"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(tree / "workflow" / "setup"), run_name="__main__")
    assert str(ended.value).startswith(f"error: this is Python {version[0]}.{version[1]} (")
    assert str(ended.value).endswith(
        "Python 3.11 to 3.13 is needed: name one, for example make setup PYTHON=python3.12"
    )
    assert not (tree / ".venv").exists()


def test_the_range_is_what_the_readme_says():
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()
