"""Experts: the solver trained on the task's own reward."""


rule expert:
    input:
        standing=standing_of(EXPERT),
    output:
        **named_files(EXPERT, "policy.safetensors", "curve.csv", "run.json"),
    log:
        "logs/{experiment}/{task}/expert.log",
    benchmark:
        "logs/{experiment}/{task}/expert.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory_to_train(),
        runtime=minutes_to_train(),
        gpu=GPUS,
    shell:
        'python "$SUITE/src/train_expert.py" "$@" --task {wildcards.task:q} --out "$(dirname {output.run:q})" '
        '2>&1 | "$SUITE/workflow/log_to" {log:q}'
