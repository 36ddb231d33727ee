"""What made an artefact: code, versions, hardware, command."""

import ast
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import envs
from smiling import bits
from smiling.runs.syntax import meaning
from smiling.settings import UserError

ROOT = Path(__file__).resolve().parents[3]  # of the source tree, where this is one
PACKAGES = {"smiling": Path(__file__).resolve().parents[1], "envs": Path(envs.__file__).resolve().parent}
# Modules that decide how a run is reported and stored, not what comes out.
WITHOUT_EFFECT = {
    PACKAGES["smiling"] / f"{name}.py"
    for name in ("command", "devices", "stopping", "runs/artefacts", "runs/locks", "runs/progress", "runs/provenance")
}
READ_BESIDE = (".jinja", ".css", ".js", ".cpp")  # files that a module reads of its folder, as much as its code
VERSIONED = ("torch", "numpy", "mujoco", "dm_control", "gymnasium")


def provenance() -> dict[str, Any]:
    """Command, git commit, versions and hardware of this process."""
    return {
        "command": " ".join([Path(sys.executable).name, _in_tree(sys.argv[0]), *sys.argv[1:]]),
        "git": git_state(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONED},
        "hardware": hardware(),
    }


def _in_tree(script: str) -> str:
    """A script of the source tree as it is called there, which says the same on any machine."""
    path = Path(script).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else script


def git_state() -> dict[str, Any]:
    """Commit of the source tree and whether tracked files differ from it; nulls where the tree is no git checkout.

    An unpacked archive inside somebody else's checkout is none: that one does not track this file.
    """
    tracked = _git("ls-files", "--error-unmatch", str(Path(__file__).resolve())) is not None
    if not tracked:
        return {"commit": None, "modified": None}
    status = _git("status", "--porcelain", "--untracked-files=no", "--", ".")
    return {"commit": _git("rev-parse", "HEAD"), "modified": bool(status)}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def hardware() -> dict[str, Any]:
    """Processor, cores, and the GPU if torch is loaded and sees one."""
    name = bits.processor().get("model name") or platform.processor()
    found: dict[str, Any] = {"machine": platform.machine(), "processor": name, "cores": os.cpu_count()}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def file_digest(path: Path) -> str:
    """Hash of a file's content, 16 hexadecimal digits.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {str(error.strerror).lower()}") from None


def fingerprint(script: Path, method: str | None = None, task: str | None = None, solver: str | None = None) -> str:
    """Hash of the project's code that decides a stage's result: script, method, task, solver, and all they import.

    Comments, docstrings and layout do not count, so that a better comment makes no result stale.
    """
    digest = hashlib.sha256()
    for path in sources(*entry_points(script, method, task, solver)):
        digest.update(_name(path).encode())
        digest.update(_meaning(path).encode())
    return digest.hexdigest()[:16]


def entry_points(script: Path, method: str | None, task: str | None, solver: str | None = None) -> list[Path]:
    """The script, and the files that it reaches by the names of a method, a task and a solver."""
    entries = [script]
    if method is not None:
        entries += _module_files(f"smiling.methods.{method.partition('-')[0]}")
    if task is not None:
        entries += [file for module in envs.modules(task) for file in _module_files(module)]
        entries += [own] if (own := envs.source(task)) else []
    if solver == "dreamer":  # SAC is imported by whatever trains
        entries += _module_files("smiling.solvers.dreamer.training")
    return entries


def sources(*entries: Path) -> list[Path]:
    """`entries` and the project's modules that they import, directly or not, and templates beside; sorted by name.

    Modules named in strings are not seen: a method or a task reached by its name is an entry of its own.
    """
    found: set[Path] = set()
    waiting = [entry.resolve() for entry in entries]
    while waiting:
        path = waiting.pop()
        if path not in found and path not in WITHOUT_EFFECT:
            found.add(path)
            waiting += _imported(path)
    return sorted(found, key=_name)


def _name(path: Path) -> str:
    """A source's name, wherever the project is installed: a script's own, a module's with its packages."""
    package = next((folder for folder in PACKAGES.values() if path.is_relative_to(folder)), None)
    return path.name if package is None else path.relative_to(package.parent).as_posix()


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    if path.suffix in READ_BESIDE:
        return ()
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    beside = [path.with_name(f"{name}.py") for name in names]  # a script may import another of its folder
    beside += [file for file in path.parent.iterdir() if file.suffix in READ_BESIDE]
    return tuple(file for name in names for file in _module_files(name)) + tuple(filter(Path.is_file, beside))


def _module_files(name: str) -> list[Path]:
    package, *rest = name.split(".")
    if package not in PACKAGES:
        return []
    base = PACKAGES[package].joinpath(*rest)
    return [file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()]


@cache
def _meaning(path: Path) -> str:
    text = path.read_text()
    return text if path.suffix in READ_BESIDE else meaning(text)
