"""Several seeds of a run in one process, where `seeds_together` asks for it and method and solver can.

A rule for each group of seeds and task, since a rule's outputs and priority cannot depend on its wildcards: the longest
runs go first, so that no core is idle at the end.
"""

RUN_FILES = ("curve.csv", "run.json", "policy.safetensors")
ALONE = [rule.name for rule in workflow.rules]


for number, (seeds, task) in enumerate(groups_of_seeds()):

    rule:
        name:
            f"together{number}"
        input:
            demonstrations=demonstrations_of(*(f"{METHOD_RUNS}/seed{seed}" for seed in seeds)),
            standing=standing_of(*(f"{METHOD_RUNS}/seed{seed}" for seed in seeds)),
        output:
            [f"{METHOD_RUNS}/seed{seed}/{file}" for seed in seeds for file in RUN_FILES],
        log:
            f"logs/{METHOD_RUNS_NAME}/seeds{'_'.join(map(str, seeds))}.log",
        benchmark:
            f"logs/{METHOD_RUNS_NAME}/seeds{'_'.join(map(str, seeds))}.benchmark.tsv"
        wildcard_constraints:
            task=task,
            method="|".join(of_method(name) for name in methods.loadable() if methods.load(name).together),
        priority: EXPERIMENT.task(task).env_steps
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory_to_train(len(seeds)),
            runtime=minutes_to_train(len(seeds)),
            gpu=GPUS,
            seeds=" ".join(map(str, seeds)),
        shell:
            IMITATE

    workflow.ruleorder(f"together{number}", *ALONE)
