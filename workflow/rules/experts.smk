"""Experts: the solver trained on the task's own reward."""


rule expert:
    output:
        **named_files(EXPERT, "policy.safetensors", "curve.csv", "run.json"),
    log:
        "logs/{scale}/{task}/expert.log",
    benchmark:
        "logs/{scale}/{task}/expert.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    params:
        settings=expert_settings,
        code=code("train_expert.py"),
    shell:
        'python src/train_expert.py "$@" --task {wildcards.task} --out $(dirname {output.run}) 2>&1 | tee -i {log}'
