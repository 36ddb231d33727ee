"""The methods, one file each. A file is a method if it defines `METHOD`; its name is the file's.

A variant is a method under a few other settings: 'smiling-linear' is the variant 'linear' of 'smiling'.

A method that is a program of its own has no file here, only a rule in `workflow/rules/methods`.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from smiling.runs.provenance import ROOT
from smiling.settings import Settings, UserError, first_line

FILES = Path(__file__).parent
NAME = "[a-z0-9_]+"
RULES = ROOT / "workflow" / "rules" / "methods"


@dataclass(frozen=True)
class Method:
    """What the suite knows of a method: how it is drawn, set and run. `run` takes an `imitation.Imitation`."""

    label: str
    settings: type[Settings]
    run: Callable[[Any], None]
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    sees_actions: bool = False  # whatever the kind of demonstrations
    takes_steps: bool = True  # in the environment; else its best checkpoint is what counts
    together: bool = False  # `run` can train several seeds in one process; what `imitation` trains always can


def bases() -> list[str]:
    """Names of the methods that have a file here or a rule."""
    files = {path.stem for path in FILES.glob("*.py")} - {"__init__"}
    return sorted(files | {path.stem for path in RULES.glob("*.smk")})


def loadable() -> list[str]:
    """Those of them that load: what is wrong with one is told where that one is asked for."""
    return [name for name in bases() if _loads(name)]


def _loads(name: str) -> bool:
    try:
        load(name)
    except UserError:
        return False
    return True


def names() -> list[str]:
    """Names of the methods that load and of their variants."""
    return [name for base in loadable() for name in (base, *(f"{base}-{variant}" for variant in load(base).variants))]


def base(name: str) -> str:
    """The method of which `name` is a variant, or `name` itself."""
    return name.partition("-")[0]


def load(name: str) -> Method:
    """The method called `name`, or that `name` is a variant of.

    Raises:
        UserError: for a name that is not a method's or a variant's, a name that no folder may have, or a
            file that defines no method.
    """
    if base(name) in bases():
        if not re.fullmatch(NAME, base(name)):
            raise UserError(f"method '{base(name)}' cannot name a folder: rename its file with a-z, 0-9 and _ only")
        method = _of_rule(name) if is_external(name) else _of_file(name)
        if "-" not in name or name.partition("-")[2] in method.variants:
            return method
    raise UserError(f"unknown method '{name}'; known methods: {', '.join(names())}")


def _of_file(name: str) -> Method:
    file = FILES / f"{base(name)}.py"
    try:
        method = getattr(import_module(f"{__name__}.{base(name)}"), "METHOD", None)
    except Exception as error:  # whatever is wrong with somebody's file
        found = f"{type(error).__name__}: {first_line(error)}"
        raise UserError(f"method '{base(name)}' cannot be loaded: {_place(error, file)}: {found}") from error
    if not isinstance(method, Method):
        raise UserError(f"{file} defines no METHOD = Method(...), with which a method's file ends")
    try:
        method.settings()
    except ValidationError as error:
        keys = ", ".join(str(item["loc"][0]) for item in error.errors())
        raise UserError(f"{file}: {method.settings.__name__} must have a valid default for {keys}") from error
    return method


def _place(error: Exception, file: Path) -> str:
    """The line of `file` in which an error was raised, or of the last file on the way to it."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    last = ([frame for frame in frames if frame.filename == str(file)] or frames)[-1]
    return f"{last.filename}, line {last.lineno}"


def _of_rule(name: str) -> Method:
    """A method of which the suite knows no more than its rule: without settings, and its label from the rule's file."""

    def refuse(_: Any) -> None:
        raise UserError(f"method '{name}' is a program of its own, which its rule runs: use snakemake")

    return Method(_label_of_rule(RULES / f"{base(name)}.smk"), Settings, refuse)


def _label_of_rule(path: Path) -> str:
    """The head of the docstring that a rule's file begins with, up to a colon; the file's name, if there is none."""
    docstring = re.match(r'\s*"""\s*([^:"]+)[:"]', path.read_text())
    return docstring[1].strip().rstrip(".") if docstring else path.stem.replace("_", " ")


def is_external(name: str) -> bool:
    """Whether a method is a program of its own, of which the suite has a rule and no file."""
    return not (FILES / f"{base(name)}.py").is_file()


def label(name: str) -> str:
    """The legend's name of a method; a variant says which it is."""
    variant = name.partition("-")[2].replace("_", " ")
    return load(name).label + (f" ({variant})" if variant else "")


def variant_settings(name: str) -> dict[str, Any]:
    """What the variant changes in the method's settings; nothing for the method itself."""
    return load(name).variants[name.partition("-")[2]] if "-" in name else {}
