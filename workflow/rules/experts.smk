"""Experts: the solver trained on the task's own reward."""


rule expert:
    output:
        folder_files(EXPERT, "policy.safetensors", "curve.csv", "run.json"),
    log:
        "logs/{scale}/{task}/expert.log",
    benchmark:
        "logs/{scale}/{task}/expert.benchmark.tsv"
    threads: 1
    params:
        settings=expert_settings,
        code=code("train_expert.py"),
        flags=SETTINGS_FLAGS,
    shell:
        "python src/train_expert.py --task {wildcards.task} {params.flags} --out $(dirname {output[0]}) 2>&1 | tee {log}"
