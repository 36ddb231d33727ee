"""Figures: an image, the numbers drawn, and where they come from."""


rule draw_curves:
    input:
        curves=lambda wildcards: curves_of(wildcards.figure),
        returns=lambda wildcards: returns_of(wildcards.figure),
    output:
        multiext(FIGURE, ".png", ".pdf", ".csv", ".json"),
    log:
        "logs/{scale}/{figure}.log",
    benchmark:
        "logs/{scale}/{figure}.benchmark.tsv"
    wildcard_constraints:
        figure="|".join(FIGURES),
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("draw_curves.py"),
    shell:
        'python src/draw_curves.py "$@" --figure {wildcards.figure} --results results/{wildcards.scale} '
        "--out figures/{wildcards.scale}/{wildcards.figure} 2>&1 | tee -i {log}"
