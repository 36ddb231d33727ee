"""Figures: an image, the numbers drawn, and where they come from."""

FIGURE3 = paths("figures/{scale}/figure3.{suffix}", suffix=("png", "pdf", "csv", "json"))


rule draw_figure3:
    input:
        curves=RUNS,
        returns=[f"{folder}/returns.json" for folder in paths(DEMOS, task=TASKS)],
    output:
        FIGURE3,
    log:
        paths("logs/{scale}/figure3.log"),
    benchmark:
        f"logs/{EXPERIMENT.scale}/figure3.benchmark.tsv"
    conda:
        ENVIRONMENT
    params:
        experiment=EXPERIMENT.model_dump_json(),
        code=code("draw_figure3.py"),
        results=lambda wildcards, input: Path(input.returns[0]).parents[2],
        out=lambda wildcards, output: Path(output[0]).with_suffix(""),
    shell:
        'python src/draw_figure3.py "$@" --results {params.results} --out {params.out} 2>&1 | tee -i {log}'
