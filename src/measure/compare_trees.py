"""Compare what two trees have made byte for byte: are their curves, policies, tables and records the same?

Of records and demonstrations what says who made them, and how fast, does not count. Each folder holds results
or figures. Prints the files that differ or are in one tree only; exits with 1 if there are any.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from smiling import command
from smiling.settings import UserError

COMPARED = (".csv", ".safetensors", ".json", ".npz", ".md", ".tex")
# Who made a file and how long it took; `demonstrations` and `policy` are digests of files that say so themselves.
MAKERS = {
    *("provenance", "code", "demonstrations", "policy", "made_by"),
    *("wall_seconds", "processor_seconds", "steps_per_second"),
}


def content(path: Path) -> Any:
    """What of a file is compared."""
    if path.suffix == ".json":
        return _without_makers(json.loads(path.read_text()))
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name].tobytes() for name in archive.files if name not in MAKERS}
    return path.read_bytes()


def _without_makers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_makers(part) for name, part in value.items() if name not in MAKERS}
    return value


def files(folder: Path) -> set[Path]:
    """Files that are compared, as paths below `folder`.

    Raises:
        UserError: if there is none.
    """
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.suffix in COMPARED}
    if not found:
        raise UserError(f"{folder} holds nothing to compare")
    return found


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("first", type=Path)
    flags.add_argument("second", type=Path)
    options = flags.parse_args()
    first, second = files(options.first), files(options.second)
    found = [f"only in {options.first}: {path}" for path in sorted(first - second)]
    found += [f"only in {options.second}: {path}" for path in sorted(second - first)]
    both = sorted(first & second)
    found += [f"differs: {path}" for path in both if content(options.first / path) != content(options.second / path)]
    print("\n".join(found + [f"{len(both)} files in both"]))
    if found:
        raise UserError(f"{len(found)} files are not the same in both")


if __name__ == "__main__":
    command.run(main)
