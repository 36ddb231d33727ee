"""The ways to install agree: ranges in pyproject.toml, pins in requirements.lock, conda's environment.yml."""

import importlib.metadata
import re
import tomllib
from itertools import chain

import yaml
from commands import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]


def test_every_package_is_pinned_once():
    pins = [re.fullmatch(r"([A-Za-z0-9_.-]+)==([0-9a-zA-Z.]+)", line) for line in LOCK]
    assert all(pins), [line for line, pin in zip(LOCK, pins, strict=True) if not pin]
    names = [canonicalize_name(pin[1]) for pin in pins]
    assert len(names) == len(set(names))


def test_lock_has_a_version_in_the_range_of_every_dependency():
    pinned = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LOCK}
    further = (PROJECT["optional-dependencies"][extra] for extra in ("gymnasium", "minari"))
    for text in (*PROJECT["dependencies"], *chain(*further)):
        dependency = Requirement(text)
        assert pinned[canonicalize_name(dependency.name)] in dependency.specifier, text


def test_lock_has_what_gymnasiums_tasks_need():
    pinned = {canonicalize_name(line.split("==")[0]) for line in LOCK}
    (gymnasium,) = map(Requirement, PROJECT["optional-dependencies"]["gymnasium"])
    needed = map(Requirement, importlib.metadata.requires("gymnasium"))
    asked = [
        each for each in needed if each.marker and any(each.marker.evaluate({"extra": e}) for e in gymnasium.extras)
    ]
    assert {"imageio", "pygame-ce"} <= {each.name for each in asked}
    assert {canonicalize_name(each.name) for each in asked} <= pinned


def test_mujoco_stays_below_4():
    ranges = {Requirement(text).name: Requirement(text).specifier for text in PROJECT["dependencies"]}
    assert "4.0.0" not in ranges["mujoco"]


def test_conda_installs_the_same_lock():
    packages = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in packages if isinstance(entry, dict)]
    assert pip == LOCK
    (python,) = [entry.split("=")[1] for entry in packages if str(entry).startswith("python=")]
    assert f"{python}.0" in SpecifierSet(PROJECT["requires-python"])
