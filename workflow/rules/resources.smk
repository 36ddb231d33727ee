"""What each job asks of a cluster: memory (MB), time (minutes), a GPU. `--set-resources RULE:runtime=600` goes before it.

On one machine only `gpu` counts, where `--resources gpu=4` says how many there are.
"""

from smiling.evidence import forecast, jobs

# Of this machine, where it was measured; else those that come with the suite.
MEASUREMENTS = [
    Path(*paths(f"{THROUGHPUT}/steps.csv")),
    *(forecast.REFERENCE / file for file in ("steps.csv", "desk.csv", "gpu.csv")),
]
GPUS = jobs.gpus(EXPERIMENT)


def jobs_side_by_side():
    """On this machine one a core; on a cluster as many as Snakemake may have there."""
    asked = workflow.resource_settings
    return asked.cores or (asked.nodes if isinstance(asked.nodes, int) else 1)


def memory(wildcards, attempt):
    """Of a job that trains nothing."""
    return jobs.memory_mb(EXPERIMENT, None, attempt=attempt)


SHORT = {"mem_mb": memory, "runtime": jobs.SHORT_MINUTES}  # of a job that trains nothing


def memory_to_train(seeds=1):
    """A resource: of a job that trains so many seeds side by side."""
    return lambda wildcards, attempt: jobs.memory_mb(EXPERIMENT, wildcards.task, seeds, attempt)


def minutes_to_train(seeds=1):
    """A resource: of a job that trains so many seeds side by side, or an expert."""

    def of_job(wildcards, attempt):
        learner = getattr(wildcards, "method", "expert")
        return jobs.minutes(EXPERIMENT, learner, wildcards.task, seeds, MEASUREMENTS, attempt)

    return of_job


localrules:
    help,
    status,
    forecast,
