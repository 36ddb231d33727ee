"""Run Snakemake as users do, in this tree or in a copy of it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from stages import ROOT


def snakemake(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in `tree` with this interpreter's packages."""
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": f"{tree}:{tree / 'src'}"}
    return subprocess.run(
        [str(binaries / "snakemake"), *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


def planned(output: str) -> dict[str, int]:
    """Rule names and job counts of a dry run's table."""
    table = output.split("Job stats:")[1].split("total")[0] if "Job stats:" in output else ""
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}


def copy_tree(destination: Path) -> Path:
    """A copy of the sources, so that nothing here touches the user's results."""
    ignored = shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "figures", "logs", "__pycache__", "docs")
    shutil.copytree(ROOT, destination, ignore=ignored)
    return destination


def check_methods(tree, *names):
    """What check_method prints, in `tree`, by method."""
    call = [sys.executable, "src/check_method.py", "--method", ",".join(names)]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}"}
    done = subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, timeout=900)
    blocks = re.split(r"^(\w+), on .*\n", done.stdout, flags=re.MULTILINE)[1:]
    return done, dict(zip(blocks[::2], blocks[1::2], strict=True))
