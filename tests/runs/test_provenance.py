"""The code's fingerprint depends on what the code means, on nothing else; a record names no stranger's commit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

from smiling.runs import syntax
from smiling.runs.provenance import fingerprint, provenance

SOURCES = sorted(path for folder in ("src", "envs") for path in (ROOT / folder).rglob("*.py"))
PRINT_MEANINGS = """
import hashlib, pathlib, sys, syntax
for file in sys.argv[1:]:
    print(hashlib.sha256(syntax.meaning(pathlib.Path(file).read_text()).encode()).hexdigest())
"""


def pythons() -> list[str]:
    """Other interpreters of this machine that the suite supports: those in the path, and pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = []
    for minor in {11, 12, 13} - {sys.version_info.minor}:
        candidates = [shutil.which(f"python3.{minor}"), *map(str, pyenv.glob(f"3.{minor}.*/bin/python"))]
        found += [python for python in candidates if python and _minor(python) == minor][:1]
    return found


def _minor(python: str) -> int | None:
    """The minor version of an interpreter; None of one that does not start."""
    done = subprocess.run([python, "-c", "import sys; print(sys.version_info.minor)"], capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else None


def test_every_supported_python_reads_the_same_meaning():
    others = pythons()
    if not others:
        pytest.skip("there is one supported Python on this machine")
    call = ["-c", PRINT_MEANINGS, *map(str, SOURCES)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src" / "smiling" / "runs")}
    printed = [
        subprocess.run([python, *call], env=environment, capture_output=True, text=True, check=True).stdout
        for python in (sys.executable, *others)
    ]
    assert len(printed[0].split()) == len(SOURCES)
    assert set(printed) == {printed[0]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x  =  1  # a comment", True),
        ('"""One."""\nx = 1', '"""Another."""\n\nx = 1', True),
        ("def f():\n    '''Doc.'''\n    return 1", "def f():\n    return (\n        1\n    )", True),
        ("x = 1", "x = 2", False),
        ("x = 1", "y = 1", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("f(a, b)", "f(b, a)", False),
        ("del x", "x", False),
        ("def f(a): pass", "def f(a, /): pass", False),
        ("x = 'a'", "x = b'a'", False),
        ("print(f'{x}')", "print(f'{x!r}')", False),
    ],
)
def test_meaning_is_what_the_code_does(one, other, same):
    assert (syntax.meaning(one) == syntax.meaning(other)) is same


def copied(destination: Path) -> Path:
    """The library alone, as an archive unpacks."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("src", "envs"):
        shutil.copytree(ROOT / folder, destination / folder, ignore=ignored)
    return destination


def asked(tree: Path, expression: str) -> str:
    """What an expression on `provenance` says in a tree of its own."""
    call = [sys.executable, "-c", f"from smiling.runs import provenance\nprint({expression})"]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}"}
    return subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def git(folder: Path, *arguments: str) -> str:
    named = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.run(
        ["git", *named, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_an_archive_inside_another_checkout_does_not_take_its_commit(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("theirs")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "theirs")
    tree = copied(tmp_path / "unpacked")
    assert asked(tree, "provenance.git_state()") == "{'commit': None, 'modified': None}"


def test_a_checkout_says_its_commit_and_whether_it_is_modified(tmp_path):
    tree = copied(tmp_path / "tree")
    git(tree, "init", "--quiet")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message", "ours")
    commit = git(tree, "rev-parse", "HEAD")
    assert asked(tree, "provenance.git_state()") == str({"commit": commit, "modified": False})
    with (tree / "src" / "imitate.py").open("a") as file:
        file.write("# later\n")
    assert asked(tree, "provenance.git_state()") == str({"commit": commit, "modified": True})


def test_a_fingerprint_does_not_depend_on_where_the_tree_is(tmp_path):
    expression = "provenance.fingerprint(provenance.ROOT / 'src' / 'imitate.py', 'dac', 'cheetah_run', 'sac')"
    here = fingerprint(ROOT / "src" / "imitate.py", "dac", "cheetah_run", "sac")
    assert asked(copied(tmp_path / "elsewhere"), expression) == here


def test_the_code_of_a_run_includes_its_products(tmp_path):
    expression = "provenance.fingerprint(provenance.ROOT / 'src' / 'imitate.py', 'dac', 'cheetah_run', 'sac')"
    tree = copied(tmp_path / "tree")
    here = asked(tree, expression)
    source = tree / "src" / "smiling" / "products.cpp"
    source.write_text(source.read_text().replace("DEPTH = 256", "DEPTH = 128"))
    assert asked(tree, expression) != here


def test_the_command_of_a_record_is_the_same_wherever_the_tree_lies(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(ROOT / "src" / "imitate.py"), "--out", "runs"])
    assert provenance()["command"].endswith(" src/imitate.py --out runs")
    monkeypatch.setattr(sys, "argv", ["/elsewhere/mine.py", "--out", "runs"])
    assert provenance()["command"].endswith(" /elsewhere/mine.py --out runs")
