"""Film a policy on a task for an episode.

Writes --out.webm, the video; --out.png, its time-lapse; --out.json, the episode's return and the seconds of its
moments.
"""

from pathlib import Path

from matplotlib.image import imsave

import envs
from smiling import bits, command
from smiling.evidence import films
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.runs.provenance import file_digest, fingerprint, provenance
from smiling.solvers.policies import read_policy
from smiling.training import settle_process


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--task", required=True)
    flags.add_argument("--policy", type=Path, required=True, help="a policy.safetensors")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    bits.restart_pinned(settings.training.bits)
    bits.tell(settings.training.bits)
    settle_process(settings.training)
    settings.task(options.task)
    policy = read_policy(options.policy, envs.sizes(options.task))
    film = films.record(options.task, policy, settings.expert.seed)
    films.write_video(named(options.out, ".webm"), film)
    with whole(named(options.out, ".png")) as temporary:
        imsave(temporary, films.time_lapse(film.frames))
    code = fingerprint(Path(__file__), task=options.task, solver=settings.task(options.task).solver)
    made = {"policy": file_digest(options.policy), "code": code, "provenance": provenance()}
    played = {"task": options.task, "return": film.episode_return, "seconds": films.seconds(film)}
    write_json(named(options.out, ".json"), played | made)
    print(f"filmed: {options.out}.webm, an episode of return {film.episode_return:.1f}; its time-lapse in .png")


if __name__ == "__main__":
    command.run(main)
