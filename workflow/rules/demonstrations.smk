"""Demonstrations: five trajectories of the expert and five held out, or a file of the user's own."""

OWN = user_demonstrations()


rule collect:
    input:
        policy=f"{EXPERT}/policy.safetensors",
    output:
        **named_files(DEMOS, "demonstrations.npz", "heldout.npz", "returns.json"),
    log:
        "logs/{scale}/{task}/demonstrations.log",
    benchmark:
        "logs/{scale}/{task}/demonstrations.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    params:
        settings=expert_settings,
        code=code("collect_demonstrations.py"),
    shell:
        'python src/collect_demonstrations.py "$@" --task {wildcards.task} --policy {input.policy} '
        "--out $(dirname {output.returns}) 2>&1 | tee -i {log}"


if OWN:

    ruleorder: adopt > collect

    rule adopt:
        input:
            demos=lambda wildcards: OWN[wildcards.task],
        output:
            **named_files(DEMOS, "demonstrations.npz", "returns.json"),
        log:
            "logs/{scale}/{task}/demonstrations.log",
        benchmark:
            "logs/{scale}/{task}/demonstrations.benchmark.tsv"
        wildcard_constraints:
            task="|".join(OWN),
        conda:
            ENVIRONMENT
        threads: 1
        params:
            code=code("collect_demonstrations.py"),
        shell:
            'python src/collect_demonstrations.py "$@" --task {wildcards.task} --demos {input.demos} '
            "--out $(dirname {output.returns}) 2>&1 | tee -i {log}"
