"""What a user sets instead of the defaults: 'a.b=value' texts, as a command line has them, and nested mappings."""

import math
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import yaml

from smiling.settings import UserError, first_line, merge

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
WORDS = {"true": True, "false": False, "null": None}


def parse_overrides(assignments: Sequence[str]) -> dict[str, Any]:
    """'a.b=value' texts as a nested mapping; values are read as YAML.

    Raises:
        UserError: for a text without '=', or a value that is not YAML.
    """
    overrides: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        where = " ".join(f"--set {text}".split())
        if not equals or not all(key.split(".")):
            raise UserError(f"{where}: write key=value, for example sac.batch=256")
        nested = read_yaml(value, where)
        for part in reversed(key.split(".")):
            nested = {part: nested}
        overrides = merge(overrides, nested)
    return overrides


def read_yaml(text: str, where: str) -> Any:
    """What a YAML text holds.

    Raises:
        UserError: naming `where` it is from, if it is none.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 2024-13-45 looks like a date
        problem = getattr(error, "problem", None) or first_line(error)
        raise UserError(f"{where}: that is not YAML ({problem}); see to brackets, quotes and indentation") from None


def typed(value: Any) -> Any:
    """Nested values in which a text that is a number, true, false or null is that.

    Of a nested value on its command line Snakemake makes texts; where a setting's type is known, that does not matter.
    """
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    if not isinstance(value, str):
        return value
    if NUMBER.fullmatch(value):
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    return WORDS.get(value.lower(), value)


def assignments(overrides: dict[str, Any], prefix: str = "") -> list[str]:
    """Inverse of `parse_overrides`, for command lines."""
    texts = []
    for key, value in overrides.items():
        if isinstance(value, dict) and value and all(map(_is_plain, value)):
            texts += assignments(value, f"{prefix}{key}.")
        else:
            texts.append(f"{prefix}{key}={_one_line(value)}")
    return texts


def _is_plain(key: Any) -> bool:
    """Whether a mapping's key can stand before the = of an assignment."""
    return isinstance(key, str) and all(key.split(".")) and not {".", "="} & set(key)


def _one_line(value: Any) -> str:
    """`value` as YAML in one line, however long; texts of several lines in double quotes, which escape line breaks."""
    dump = partial(yaml.safe_dump, value, default_flow_style=True, width=math.inf)
    text = str(dump()).removesuffix("\n").removesuffix("\n...")
    return text if "\n" not in text else str(dump(default_style='"')).removesuffix("\n")
