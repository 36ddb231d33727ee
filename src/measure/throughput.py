"""Measure what a step of training costs on this machine: every solver and method at every scale, one seed and five.

Milliseconds of a seed's step, by parts, on each of a scale's tasks; one process, one thread on a CPU. --set is for the
scale that --scale names: --set methods=smiling,dac,gmmil measures the rewards of those there, and --alone leaves the
other scales out.

Writes --out.csv and --out.json (the machine, its rate in float32 matrix products, settings).
"""

import resource
from typing import Any

import dreamer
import pandas as pd
import steps
import torch

import envs
from smiling import command, scale_files
from smiling.evidence import tables
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.reward import EpisodeReward
from smiling.runs.artefacts import named, write_json
from smiling.runs.progress import Meter
from smiling.runs.provenance import provenance

SEEDS = (1, 5)


def sac_rows(settings: ExperimentSettings, task: str, seeds: int) -> list[dict[str, Any]]:
    """SAC alone (the expert's training), under each method that rewards it, and the methods' own.

    The matrix rate that an update is compared with is measured right after it: a machine's speed wanders.
    """
    parts = steps.sac_parts(settings, task, "expert", seeds)
    rate = steps.matrix_rate(torch.device(settings.training.device))
    update = sum(parts.get(name, 0.0) for name in steps.UPDATE)
    operations = steps.update_operations(settings.sac, *envs.sizes(task))
    alone = {"plain_over_update": steps.plain_update(settings, task) / update} if seeds == 1 else {}
    rows = [{"learner": "expert", **parts, "share_of_rate": 1000 * operations / update / rate, **alone}]
    for method in steps.rewards_of(settings):
        rows.append({"learner": method, **parts, **steps.reward_parts(settings, task, method)})
    for method in steps.learners_of(settings):
        rows.append({"learner": method, **steps.sac_parts(settings, task, method, seeds)})
    return [{"task": task, "solver": "sac", "seeds": seeds, **row} for row in rows]


def dreamer_rows(settings: ExperimentSettings, task: str) -> list[dict[str, Any]]:
    """DreamerV3 alone and under each method that rewards it; its update is shared out over the steps between two."""
    cost, *_ = dreamer.measure(settings, task, 1)
    parts = {
        "environment": 1000 * cost.environments / settings.dreamer.num_envs,
        "action": 1000 * cost.actions / settings.dreamer.num_envs,
        "dreamer": 1000 * cost.update / settings.dreamer.env_steps_per_update,
    }
    rows = [{"learner": "expert", **parts, "share_of_rate": cost.share_of_rate}]
    for method, reward in steps.rewards_of(settings).items():
        if not issubclass(reward, EpisodeReward):  # which are for SAC
            rows.append({"learner": method, **parts, **steps.reward_parts(settings, task, method)})
    rows.append({"learner": "iq_learn", **steps.sac_parts(settings, task, "iq_learn", 1)})
    return [{"task": task, "solver": "dreamer", "seeds": 1, **row} for row in rows]


def scale_rows(settings: ExperimentSettings) -> list[dict[str, Any]]:
    """The table's rows of one scale."""
    rows: list[dict[str, Any]] = []
    of_dreamer: list[dict[str, Any]] = []
    tasks = settings.task_names()
    with Meter(f"throughput at scale {settings.scale}", len(tasks), unit="tasks") as meter:
        for done, task in enumerate(tasks):
            if settings.task(task).solver == "sac":
                rows += [row for seeds in SEEDS for row in sac_rows(settings, task, seeds)]
            else:  # HumanoidBench's tasks are of one size: one is measured
                of_dreamer = of_dreamer or dreamer_rows(settings, task)
                rows += [{**row, "task": task} for row in of_dreamer]
            meter.update(done + 1)
    return [{"scale": settings.scale, **row} for row in rows]


def with_totals(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The table: its rows with the whole step, and of a rewarded solver the update's cost over the solver's own."""
    table = pd.DataFrame(rows)
    table["step"] = table[[name for name in steps.PARTS if name in table]].sum(axis=1)
    table["steps_per_second"] = 1000 / table["step"]
    update = table["step"] - table[["environment", "action"]].sum(axis=1)
    key = ["scale", "task", "solver", "seeds"]
    own = update[table["learner"] == "expert"].set_axis(
        pd.MultiIndex.from_frame(table.loc[table["learner"] == "expert", key])
    )
    rewarded = table["reward"].notna() if "reward" in table else pd.Series(False, table.index)
    table["update_over_solver"] = (update / own.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy()).where(
        rewarded
    )
    return table


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--alone", action="store_true", help="measure no other scale than --scale")
    options = flags.parse_args()
    scales = {
        scale: load_experiment(scale, options.assignments if scale == options.scale else ())
        for scale in ([options.scale] if options.alone else scale_files.scale_names())
    }
    device = torch.device(scales[options.scale].training.device)
    command.settle_process(device=device.type)
    rate = steps.matrix_rate(device)
    table = with_totals([row for settings in scales.values() for row in scale_rows(settings)])
    caption = f"Milliseconds of a seed's step by parts; float32 matrix products run at {rate / 1e9:.0f} GFLOP/s."
    tables.write(table, options.out, caption)
    record = {
        "matrix_gflops": rate / 1e9,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "settings": {scale: settings.model_dump(mode="json") for scale, settings in scales.items()},
        "provenance": provenance(),
    }
    write_json(named(options.out, ".json"), record)
    shown = table[
        [
            *("scale", "task", "learner", "seeds", "step", "steps_per_second"),
            *("update_over_solver", "share_of_rate", "plain_over_update"),
        ]
    ]
    print(f"float32 matrix products: {rate / 1e9:.0f} GFLOP/s; milliseconds of a seed's step:")
    print(shown.to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    command.run(main)
