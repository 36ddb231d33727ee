"""One frame of each of HumanoidBench's tasks as it begins, as PNG: robot, chair, tunnel and poles in their places."""

import argparse
from pathlib import Path
from typing import Any

from matplotlib.image import imsave

import envs
from envs.rendering import Renderer

# Task -> the camera that shows what surrounds the robot.
CAMERAS = {
    "humanoid_sit": "track",
    "humanoid_crawl": "ahead",
    "humanoid_pole": "ahead",
    "humanoid_stroll": "track",
}


def render(name: str, camera: str, path: Path) -> None:
    """Write the frame of `name` after its first reset with seed 0, 256 x 256."""
    env = envs.make(name, seed=0)
    env.reset()
    task: Any = env.unwrapped
    renderer = Renderer(task.model, camera)
    imsave(path, renderer.frame(task.data))
    renderer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/frames"), help="default: %(default)s")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, camera in CAMERAS.items():
        render(name, camera, folder / f"{name}.png")
        print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
