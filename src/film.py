"""Film a policy on a task for an episode: --out.webm, the video; --out.png, its time-lapse; --out.json, its return."""

from pathlib import Path

from matplotlib.image import imsave

import envs
from smiling import bits, command
from smiling.evidence import films
from smiling.experiment import load_experiment
from smiling.runs.artefacts import whole, write_json
from smiling.runs.provenance import file_digest, provenance
from smiling.solvers.policies import read_policy


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--policy", type=Path, required=True, help="a policy.safetensors")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    bits.restart_pinned(settings.training.bits)
    command.settle_process()
    settings.task(options.task)
    policy = read_policy(options.policy, envs.sizes(options.task))
    film = films.record(options.task, policy, settings.expert.seed)
    films.write_video(options.out.with_suffix(".webm"), film)
    with whole(options.out.with_suffix(".png")) as temporary:
        imsave(temporary, films.time_lapse(film.frames))
    made = {"policy": file_digest(options.policy), "provenance": provenance()}
    write_json(options.out.with_suffix(".json"), {"task": options.task, "return": film.episode_return, **made})
    print(f"filmed: {options.out}.webm, an episode of return {film.episode_return:.1f}; its time-lapse in .png")


if __name__ == "__main__":
    command.run(main)
