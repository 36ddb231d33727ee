"""The looks of figures: text within them and large enough, names, and lines that can be told apart."""

import json
from itertools import combinations

import contact_sheet
import numpy as np
import pandas as pd
import pytest
from contact_sheet import Case
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import draw_figure1
from smiling import methods
from smiling.evidence import figure_style
from smiling.evidence.figure_style import colour, dash, legend_below, style, task_label
from smiling.runs.provenance import file_digest
from smiling.settings import UserError

SIZES = [(1, 1, 1, "plain"), (2, 12, 5, "negative"), (3, 9, 1, "huge"), (2, 4, 5, "not normalised"), (1, 4, 5, "equal")]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", contact_sheet.KINDS)
def test_text_is_whole_and_large_enough(kind, sizes):
    with style():
        image = contact_sheet.KINDS[kind](Case(*sizes))
        found = contact_sheet.faults(image)
        plt.close(image)
    assert found == []


def test_faults_are_found():
    image = Figure(figsize=(2, 1))
    image.text(0.5, 0.5, "much too wide for a figure of two inches", fontsize=12)
    image.text(0.1, 0.1, "small", fontsize=4)
    assert sorted(fault.split(":")[0] for fault in contact_sheet.faults(image)) == ["cut off", "too small"]


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_legend_fits(count):
    with style():
        image, axis = plt.subplots(figsize=(figure_style.COLUMN_WIDTH, 3), layout="constrained")
        names = contact_sheet.METHODS[:count]
        legend_below(image, {methods.label(name): axis.plot([], [])[0] for name in names})
        assert contact_sheet.faults(image) == []
        assert len(image.legends) == 1
        assert len(image.legends[0].get_texts()) == count
        plt.close(image)


def test_all_methods_and_variants_are_told_apart():
    looks = {name: (colour(name), dash(name)) for name in methods.names()}
    assert len(set(looks.values())) == len(looks)
    apart = [
        sum(abs(a - b) for a, b in zip(*(plt.matplotlib.colors.to_rgb(look[0]) for look in pair), strict=True))
        for pair in combinations(looks.values(), 2)
        if pair[0][1] == pair[1][1]  # dashed alike
    ]
    assert min(apart) > 0.2


def test_variant_is_not_drawn_as_its_method():
    assert dash("dac") == "" != dash("dac-linear")
    assert len({colour(name) for name in ("dac", "dac-linear", "dac-airl", "dac-fairl")}) == 4


def test_tasks_have_names_for_people():
    assert task_label("ball_in_cup_catch") == "Ball in cup: catch"
    assert task_label("humanoid_walk") == "Humanoid: walk"
    assert task_label("pendulum") == "Pendulum"


def test_every_seed_is_a_line_of_its_own():
    with style():
        image = contact_sheet.learning_curves(Case(1, 2, 5, "plain"))
        lines = [line.get_ydata() for line in image.axes[0].get_lines()]
        plt.close(image)
    for seed in contact_sheet.curve(Case(1, 2, 5, "plain"), 0, 1):
        assert any(len(line) == len(seed) and np.allclose(line, seed) for line in lines)


@pytest.mark.parametrize(
    ("says", "refused"),
    [
        ({}, "does not say 'seconds': film it anew"),
        (
            {"task": "humanoid_walk"},
            "another film than is asked for: task: 'humanoid_walk' there, 'cheetah_run' here",
        ),
        ({"policy": "0" * 16}, "of another film than is asked for: policy: '0{16}' there"),
    ],
    ids=["older", "another task's", "another policy's"],
)
def test_film_of_another_version_task_or_policy_is_refused(says, refused, tmp_path):
    (tmp_path / "policy.safetensors").write_text("weights")
    record = {"return": 5.0, "task": "cheetah_run", "policy": file_digest(tmp_path / "policy.safetensors"), **says}
    (tmp_path / "film.json").write_text(json.dumps(record))
    plt.imsave(tmp_path / "film.png", np.zeros((2, 2)))
    with pytest.raises(UserError, match=refused):
        draw_figure1.time_lapse(tmp_path / "film", "cheetah_run", tmp_path / "policy.safetensors", 1.0, 0.0)


def test_film_shows_its_times_its_return_and_the_mean():
    with style():
        image = contact_sheet.time_lapses(Case(1, 2, 5, "plain"))
        shown = [text.get_text() for text in image.findobj(plt.Text)]
        plt.close(image)
    mean = pd.Series(contact_sheet.scores(Case(1, 2, 5, "plain")).groupby("method")["final"].mean())
    assert {"0 s", "25 s"} <= set(shown)
    assert f"DAC\nepisode 0.87\nmean {mean['dac']:.2f}" in shown
