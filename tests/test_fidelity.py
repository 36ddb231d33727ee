"""docs/fidelity.md: its settings have the values that it says, at the scale `paper`; the tests that it names exist."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from commands import ROOT

from smiling.experiment import ExperimentSettings, load_experiment

PAGE = ROOT / "docs" / "fidelity.md"
SETTING = re.compile(r"`([a-z]\w*(?:\.[\w-]+)*)` = (\[[^\]]*\]|[^,;|)\n]+)")
LINK = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")


def rows() -> list[list[str]]:
    """Cells of the tables' rows that are a choice."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) == 5 and row[0] != "choice"]


def settings_of_the_page() -> list[tuple[str, str]]:
    return SETTING.findall(PAGE.read_text())


def effective(paper: ExperimentSettings, name: str) -> Any:
    """A setting's value by its dotted name; of a method, or of one on a task, the value that a run would have."""
    first, *rest = name.split(".")
    task, found = "ball_in_cup_catch", paper
    if first == "tasks":
        task, first, *rest = rest
        found = paper.task(task) if first != "method_settings" else paper
    if first == "method_settings":
        method, *rest = rest
        found = paper.of_method(method, task)
    else:
        rest = [first, *rest]
    for part in rest:
        found = found[part] if isinstance(found, Mapping) else getattr(found, part)
    return found


def read(text: str) -> Any:
    """A value as the page writes it: numbers with their thousands apart, lists, words."""
    plain = re.sub(r"(?<=\d) (?=\d{3}\b)", "", text.strip())
    try:
        return json.loads(plain)
    except json.JSONDecodeError:
        return plain


@pytest.fixture(scope="module")
def paper() -> ExperimentSettings:
    return load_experiment("paper")


@pytest.mark.parametrize(("name", "value"), sorted(set(settings_of_the_page())))
def test_setting_has_the_value_that_the_page_says(paper, name, value):
    found = effective(paper, name)
    assert (list(found) if isinstance(found, tuple) else found) == read(value)


def test_every_choice_has_a_paper_or_a_code_and_a_test():
    assert len(rows()) >= 40
    for choice, text, code, here, shown in rows():
        assert text or code, choice
        assert here, choice
        assert LINK.search(shown), choice


def test_every_test_that_the_page_names_exists():
    links = LINK.findall(PAGE.read_text())
    missing = [name for name, file in links if f"def {name}(" not in (ROOT / file).read_text()]
    assert not missing
    assert "`test_" not in LINK.sub("", PAGE.read_text())


def test_every_number_of_table_2_is_on_the_page():
    """Of Table 2, by hand: what the paper lists for both methods."""
    said = {name: read(value) for name, value in settings_of_the_page()}
    for method, part in (("smiling", "score_model."), ("dac", "")):
        start = f"method_settings.{method}."
        assert [said[start + part + name] for name in ("width", "lr", "batch")] == [256, 5e-3, 1024]
        assert said[f"{start}states_per_update"] == 100_000
    assert said["method_settings.smiling.score_model.diffusion.steps"] == 5000
    assert said["method_settings.smiling.score_model.time_size"] == 16


def test_settings_of_a_task_of_humanoid_bench_are_those_of_all_three(paper):
    """The page gives those of `humanoid_sit`."""
    for other in ("humanoid_crawl", "humanoid_pole"):
        assert paper.task(other) == paper.task("humanoid_sit")
