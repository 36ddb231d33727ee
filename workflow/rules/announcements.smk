"""What is said beside Snakemake's own words: before the first job, what is to be made; after a failure, why."""

from smiling.evidence import failures


def training_jobs(jobs):
    """Learner, task and number of seeds of each job that trains: those that leave curves."""
    found = []
    for job in jobs:
        seeds = sum(Path(file).name == "curve.csv" for file in job.output)
        if seeds:
            found.append((getattr(job.wildcards, "method", "expert"), job.wildcards.task, seeds))
    return found


onstart:
    training = training_jobs(workflow.dag.needrun_jobs())
    if training:
        print(forecast.announcement(EXPERIMENT, training, jobs_side_by_side(), MEASUREMENTS), file=sys.stderr)


onerror:
    for line in failures.told(Path(log[0]).read_text()):
        print(line, file=sys.stderr)
