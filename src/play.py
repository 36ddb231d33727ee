"""Play a policy on a task: its returns over episodes; a film of an episode, or a window, where that is asked for.

The policy is a policy.safetensors of a run or of an expert, or a function of your own, module:function, of observations
(state,) that gives actions (action,) in [-1, 1]; where it has a `begin`, that is called before each episode.
"""

from pathlib import Path

import numpy as np

import envs
from smiling import bits, command
from smiling.evaluation import policy_returns
from smiling.evidence import films
from smiling.evidence.window import Window
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named
from smiling.runs.seeding import derive
from smiling.settings import UserError
from smiling.solvers.callables import find_policy
from smiling.training import settle_process


def seen(film: films.Film) -> str:
    """What was shown of an episode."""
    if film.left_after is None:
        return f"an episode of return {film.episode_return:.4g}"
    return f"the window was closed after {film.left_after} steps of an episode"


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("--task", required=True)
    flags.add_argument("--policy", required=True, help="a policy.safetensors, or module:function")
    flags.add_argument("--episodes", type=int, default=10, help="whose returns are told (default: 10)")
    flags.add_argument("--seed", type=int, default=0, help="of initial states and of the policy's randomness")
    flags.add_argument("--out", type=Path, help="film an episode: path without suffix")
    flags.add_argument("--window", action="store_true", help="show an episode in a window")
    options = flags.parse_args()
    if options.episodes < 1 or options.seed < 0:
        raise UserError("--episodes is a whole number from 1, --seed one from 0")
    settings = load_experiment(options.scale, options.assignments)
    bits.restart_pinned(settings.training.bits)
    settle_process(settings.training)
    envs.check_name(options.task)
    policy = find_policy(options.policy, envs.sizes(options.task))
    window = Window(f"{options.task}, {options.policy}") if options.window else None
    if options.out or window:
        film = films.record(options.task, policy, options.seed, window.show if window else films.unseen)
        print(f"{options.task}: {seen(film)}", flush=True)
        if options.out:
            films.write_video(named(options.out, ".webm"), film)
            print(f"filmed: {named(options.out, '.webm')}", flush=True)
    noise = policy.noise(derive(options.seed, "play actions"))
    returns = policy_returns(options.task, policy, options.episodes, derive(options.seed, "play"), noise)
    spread = f" (standard deviation {np.std(returns, ddof=1):.4g})" if len(returns) > 1 else ""
    each = ", ".join(f"{value:.4g}" for value in returns)
    print(f"{options.task}: mean return {returns.mean():.4g}{spread} over {len(returns)} episodes: {each}", flush=True)


if __name__ == "__main__":
    command.run(main)
