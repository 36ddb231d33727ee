"""Films: time-lapses by hand, a video by another reader, and who is filmed at which scale."""

import cv2
import numpy as np
import pytest
import torch

from envs import rendering
from smiling.evidence import films
from smiling.evidence.films import Film
from smiling.experiment import load_experiment
from smiling.settings import UserError
from smiling.solvers.sac.networks import Actor


def flat(value, size=32):
    return np.full((size, size, 3), value, np.uint8)


def test_time_lapse_has_first_and_last_moment_and_even_steps():
    picture = films.time_lapse([flat(value) for value in range(101)], moments=5)
    assert picture.shape == (32, 160, 3)
    assert picture[0, ::32, 0].tolist() == [0, 25, 50, 75, 100]
    assert films.seconds(Film([flat(0)] * 101, 12.5, 0.0), moments=5) == [0, 2, 4, 6, 8]


def test_video_comes_back_from_the_file(tmp_path):
    films.write_video(tmp_path / "film.webm", Film([flat(value, 64) for value in (0, 120, 240)], 25, 0.0))
    video = cv2.VideoCapture(str(tmp_path / "film.webm"))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    levels = []
    while (frame := video.read()[1]) is not None:
        levels.append(frame.mean())
    np.testing.assert_allclose(levels, [0, 120, 240], atol=8)


def test_figure_1_shows_its_tasks_or_the_first_ones():
    paper = load_experiment("paper")
    assert films.tasks_of(paper) == ("humanoid_crawl", "humanoid_pole")
    assert films.actors_of(paper, "humanoid_pole") == ("expert", "smiling", "dac")
    few = load_experiment("paper", ["only_tasks=cheetah_run"])
    assert films.tasks_of(few) == ("cheetah_run",)
    own = load_experiment("paper", ["tasks.humanoid_pole.demonstrations=mine.npz", "methods=[dac,bc]"])
    assert films.actors_of(own, "humanoid_pole") == ("dac",)


def test_without_opengl_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(rendering, "_works", lambda way: False)
    rendering.choose.cache_clear()
    rendering._opengl.cache_clear()
    with pytest.raises(UserError, match="neither EGL nor OSMesa works here"):
        films.record("ball_in_cup_catch", Actor(8, 2, 8, 1, torch.Generator()), 0)
    rendering.choose.cache_clear()
