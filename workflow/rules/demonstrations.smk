"""Demonstrations: five trajectories of the expert and five held out, or a file of the user's own."""

OWN = user_demonstrations()


rule collect:
    input:
        policy=f"{EXPERT}/policy.safetensors",
        standing=standing_of(DEMOS),
    output:
        **named_files(DEMOS, "demonstrations.npz", "heldout.npz", "returns.json"),
    log:
        "logs/{experiment}/{task}/demonstrations.log",
    benchmark:
        "logs/{experiment}/{task}/demonstrations.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    shell:
        'python "$SUITE"/src/collect_demonstrations.py "$@" --task {wildcards.task:q} --policy {input.policy:q} '
        '--out "$(dirname {output.returns:q})" 2>&1 | tee -i {log:q}'


if OWN:

    ruleorder: adopt > collect

    rule adopt:
        input:
            demos=lambda wildcards: ancient(OWN[wildcards.task]),  # its content counts, not its time
            standing=standing_of(DEMOS),
        output:
            **named_files(DEMOS, "demonstrations.npz", "returns.json"),
        log:
            "logs/{experiment}/{task}/demonstrations.log",
        benchmark:
            "logs/{experiment}/{task}/demonstrations.benchmark.tsv"
        wildcard_constraints:
            task="|".join(OWN),
        conda:
            ENVIRONMENT
        threads: 1
        shell:
            'python "$SUITE"/src/collect_demonstrations.py "$@" --task {wildcards.task:q} --demos {input.demos:q} '
            '--out "$(dirname {output.returns:q})" 2>&1 | tee -i {log:q}'
