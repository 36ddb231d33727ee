"""Settings: frozen, typed, defined once.

Each part of the suite declares its own class beside the code that uses it; the values of the class
are the paper's, a scale file of `workflow/config/scales/` overrides what it needs to.
"""

import re
import reprlib
from datetime import date
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

LONGEST = 80  # characters of a value in a sentence


class UserError(Exception):
    """A mistake that the user can mend: shown as one sentence, without a traceback, exit code 1."""


class Settings(BaseModel):
    """Base of all settings: immutable, and a key that nobody reads is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="strings")


NO_EFFECT: dict[str, JsonValue] = {"effect": "none"}  # a field's `json_schema_extra`: no result depends on it


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise ValueError("the first of the two must be the smaller")
    return value


Ascending = AfterValidator(_ascending)  # of a field's two numbers


def _listed(value: Any) -> Any:
    """'a,b' and a single value as lists, as they arrive from a command line."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value if isinstance(value, list | tuple) else [value]


def _distinct(value: Any) -> list[Any]:
    listed = _listed(value)
    return [item for place, item in enumerate(listed) if item not in listed[:place]]  # mappings have no hash


def _name(value: Any) -> str:
    """The name of a folder: a whole number or a date, as YAML reads one, is taken as it was written."""
    if isinstance(value, float | bool):
        raise ValueError("as YAML reads it: put a name like that into quotes of its own, or take another")
    if not (isinstance(value, str | int | date) and re.fullmatch(NAME, str(value))):
        raise ValueError("no name for a folder: begin with a letter or a digit, after which - _ . may stand too")
    return str(value)


NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
Name = Annotated[str, BeforeValidator(_name)]
Names = Annotated[tuple[str, ...], BeforeValidator(_distinct), Field(min_length=1)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_distinct), Field(min_length=1)]


def effective(settings: Settings) -> dict[str, Any]:
    """The settings that a result depends on, as plain values."""
    values = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        if field.json_schema_extra == NO_EFFECT:
            del values[name]
        elif isinstance(nested := getattr(settings, name), Settings):
            values[name] = effective(nested)
    return values


S = TypeVar("S", bound=Settings)


def validate(cls: type[S], values: dict[str, Any], where: str = "") -> S:
    """Build `cls` from `values`.

    Raises:
        UserError: naming each offending key under `where`, the value it has and what is allowed.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(cls, item, where) for item in error.errors())) from None


def _sentence(cls: type[Settings], item: ErrorDetails, where: str) -> str:
    path = [str(part) for part in item["loc"]]
    key = ".".join([where, *path] if where else path)
    if item["type"] == "extra_forbidden":
        return f"setting '{key}' is unknown; known here: {', '.join(_siblings(cls, item['loc'])) or 'none'}"
    if item["type"] == "value_error":
        said = "" if isinstance(item["input"], dict) else f" is {shown(item['input'])}"
        return f"setting '{key}'{said}: {item['ctx']['error']}" if key else str(item["ctx"]["error"])
    if item["type"] == "missing":
        return f"setting '{key}' is missing"
    return f"setting '{key}' is {shown(item['input'])}: {item['msg'][0].lower()}{item['msg'][1:]}"


def shown(value: Any) -> str:
    """`value` as a sentence gives it: its middle is left out where it is long."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = brief.maxlong = LONGEST
    return brief.repr(value)


def _siblings(cls: Any, path: tuple[str | int, ...]) -> list[str]:
    """Names allowed beside the last key of `path`, following nested settings classes and mappings to them."""
    for part in path[:-1]:
        if get_origin(cls) is dict:
            cls = get_args(cls)[1]
            continue
        field = getattr(cls, "model_fields", {}).get(str(part))
        cls = field.annotation if field else None
    return sorted(getattr(cls, "model_fields", {}))


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `override`, recursing into mappings; neither is changed."""
    merged = dict(base)
    for key, value in override.items():
        both_maps = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both_maps else value
    return merged


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Sentences 'key: old there, new here' for the values in which two nested mappings differ."""
    found = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before!r} there, {after!r} here")
    return found


def first_line(error: BaseException) -> str:
    """What a library's error says, for a sentence of ours: its first line, or its kind where it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]
