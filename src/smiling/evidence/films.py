"""Films of policies: an episode as a video, and as a time-lapse, several moments in one wide picture."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

import envs
from envs.rendering import RenderingUnavailable
from smiling import methods
from smiling.evaluation import Policy
from smiling.experiment import ExperimentSettings
from smiling.runs.artefacts import named, whole
from smiling.runs.provenance import file_digest
from smiling.runs.seeding import derive
from smiling.settings import UserError, differences

FIGURE1_TASKS = ("humanoid_crawl", "humanoid_pole")  # as in the paper
FIGURE1_METHODS = ("smiling", "dac")  # always filmed; another method's film is shown where there is one
VIDEO_RATE = 12.5  # frames per second, of simulated time: rendered by software, a frame takes 60 to 80 ms
CODEC = "VP80"  # VP8 in WebM: what browsers play without a licensed codec
MOMENTS = 6  # of a time-lapse


def tasks_of(settings: ExperimentSettings) -> tuple[str, ...]:
    """Figure 1's tasks; at a scale without them, its first ones that have a picture."""
    asked = tuple(task for task in settings.task_names() if envs.why_not_shown(task) is None)
    return tuple(task for task in asked if task in FIGURE1_TASKS) or asked[: len(FIGURE1_TASKS)]


def left_out(settings: ExperimentSettings) -> list[str]:
    """Why tasks that are asked for are not filmed, a sentence each."""
    return [why for task in settings.task_names() if (why := envs.why_not_shown(task))]


def require(settings: ExperimentSettings) -> None:
    """Refuse an experiment none of whose tasks has a picture.

    Raises:
        UserError: saying why.
    """
    if not tasks_of(settings):
        raise UserError(f"figure1 cannot be drawn: {'; '.join(left_out(settings))}")


def actors_of(settings: ExperimentSettings, task: str) -> tuple[str, ...]:
    """Who is filmed on `task`: the expert, unless the demonstrations are the user's own, and Figure 1's methods."""
    expert = () if settings.task(task).demonstrations else ("expert",)
    return expert + tuple(name for name in settings.methods if methods.base(name) in FIGURE1_METHODS)


def policy_file(results: Path, settings: ExperimentSettings, task: str, actor: str) -> Path:
    """The policy that a film is of: the expert's, or that of the first seed's run from states."""
    folder = "expert" if actor == "expert" else f"states/{actor}/seed{settings.seeds_of(task)[0]}"
    return results / task / folder / "policy.safetensors"


def shown_actors(settings: ExperimentSettings, task: str, folder: Path) -> list[str]:
    """Who is shown on a task: who is always filmed, and the other methods of which a film is there."""
    always = actors_of(settings, task)
    others = [name for name in settings.methods if name not in always]
    return [*always, *(name for name in others if is_there(folder, task, name))]


def is_there(folder: Path, task: str, actor: str) -> bool:
    """Whether a film of that actor has been made."""
    return (folder / f"{task}_{actor}.json").exists()


def label(actor: str) -> str:
    """Who acts, for people."""
    return "Expert" if actor == "expert" else methods.label(actor)


def recorded(stem: Path, task: str, policy: Path) -> dict[str, Any]:
    """The record of a film, the files of whose parts begin with `stem`: it is of this policy on this task.

    Raises:
        UserError: naming the file that is missing, was written by an older version, or is of another policy or task.
    """
    path = part(stem, ".json")
    try:
        record = json.loads(path.read_text())
    except ValueError:
        raise UserError(f"{path} is not JSON: film it anew with src/film.py") from None
    said = {name: record.get(name) for name in ("task", "policy")}
    if found := differences(said, {"task": task, "policy": file_digest(policy)}):
        told = f"{path} is of another film than is asked for: {'; '.join(found)}; film {policy} with src/film.py"
        raise UserError(told)
    for name in ("return", "seconds"):
        if name not in record:
            raise UserError(f"{path} does not say '{name}': film it anew with src/film.py")
    return record


def part(stem: Path, suffix: str) -> Path:
    """A file of a film.

    Raises:
        UserError: if it is missing.
    """
    path = named(stem, suffix)
    if not path.is_file():
        raise UserError(f"{path} is missing: film it with src/film.py, or use snakemake figure1")
    return path


@dataclass(frozen=True)
class Film:
    """Frames (height, width, 3) uint8 at `rate` per second of simulated time, and the return of what was played."""

    frames: list[np.ndarray]
    rate: float
    episode_return: float
    left_after: int | None = None  # steps, where whoever watched had seen enough before the episode's end


Watch = Callable[[np.ndarray, float], bool]  # a frame, and how many follow in a second; whether to go on


def unseen(frame: np.ndarray, rate: float) -> bool:
    """Watches nothing, and goes on."""
    return True


@torch.no_grad()
def record(task: str, policy: Policy, seed: int, watch: Watch = unseen) -> Film:
    """An episode of `policy`, as it acts when evaluated, to its end or until `watch` has seen enough.

    Raises:
        UserError: if this machine cannot render, or the task has no picture.
    """
    if why := envs.why_not_shown(task):
        raise UserError(why)
    env = envs.make(task, render_mode="rgb_array")
    stride = max(1, round(env.metadata["render_fps"] / VIDEO_RATE))
    act = policy.begin(1, policy.noise(derive(seed, "film actions")))
    observation, _ = env.reset(seed=derive(seed, "film"))
    rate = env.metadata["render_fps"] / stride
    frames: list[np.ndarray] = []
    total, step, over = 0.0, 0, False
    try:
        while not over:
            if step % stride == 0:
                frames.append(np.asarray(env.render()))
                if not watch(frames[-1], rate):
                    break
            observation, reward, terminated, truncated, _ = env.step(
                act(torch.from_numpy(observation)[None])[0].numpy()
            )
            total += float(reward)
            step, over = step + 1, terminated or truncated
    except RenderingUnavailable as error:
        raise UserError(str(error)) from None
    finally:
        env.close()
    return Film(frames, rate, total, None if over else step)


def chosen_frames(frames: int, moments: int = MOMENTS) -> np.ndarray:
    """Places (moments,) of the frames of a time-lapse: evenly spaced, first and last among them."""
    return np.linspace(0, frames - 1, moments).round().astype(int)


def time_lapse(frames: Sequence[np.ndarray], moments: int = MOMENTS) -> np.ndarray:
    """Its frames side by side."""
    return np.concatenate([frames[index] for index in chosen_frames(len(frames), moments)], axis=1)


def seconds(film: Film, moments: int = MOMENTS) -> list[float]:
    """When the frames of a time-lapse are, in simulated time."""
    return [float(index) / film.rate for index in chosen_frames(len(film.frames), moments)]


def write_video(path: Path, film: Film) -> None:
    """Write `path`, a .webm, whole.

    Raises:
        UserError: if not all of it can be read again: OpenCV does not say that a disk is full.
    """
    height, width, _ = film.frames[0].shape
    with whole(path) as temporary:
        writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*CODEC), film.rate, (width, height))
        for frame in film.frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        writer.release()
        if _frames_in(temporary) != len(film.frames):
            raise UserError(f"{path}: the video was not written whole; see to it that the disk has room")


def _frames_in(video: Path) -> int:
    """How many frames can be read of a video."""
    reader, count = cv2.VideoCapture(str(video)), 0
    while reader.grab():
        count += 1
    reader.release()
    return count
