"""Draw Figure 2: what the DS divergence measures, on distributions of which all is known, and SMILING's diagram.

(a) Learner and expert are mixtures of Gaussians on a line; diffused, they grow alike, and so do their scores. The
divergence is the squared difference of the scores, averaged over the learner's states and over time.

Writes --out.png, .pdf, .svg, .csv (the numbers drawn) and .json.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from smiling import command
from smiling.evidence.figure_style import COLOURS, EXPERT_COLOUR, TEXT_WIDTH, save, style
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.runs.provenance import fingerprint, provenance
from smiling.score.mixtures import Mixture, score_difference

EXPERT = Mixture(np.array([0.65, 0.35]), np.array([-1.3, 1.1]), np.array([0.3, 0.45]))
LEARNER = Mixture(np.array([0.4, 0.6]), np.array([-0.2, 1.6]), np.array([0.5, 0.3]))
MIXTURES = {"learner": LEARNER, "expert": EXPERT}
PAINTS = {"learner": COLOURS["smiling"], "expert": EXPERT_COLOUR}
NAMES = {"learner": r"learner, $P$", "expert": r"expert, $Q$"}
SHOWN_TIMES = (0.0, 0.15, 0.5, 1.5)
TIMES = np.linspace(0, 2, 201)
STATES = np.linspace(-6, 6, 2401)
SHOWN = np.abs(STATES) <= 3

# The diagram: name -> (text, centre x, centre y, width, colour), on a canvas of 100 x 20.
BOXES = {
    "demonstrations": ("expert's states\n(five trajectories)", 8.5, 16, 16, EXPERT_COLOUR),
    "expert_score": ("expert's score model\n$g^e$, fitted once", 40, 16, 24, EXPERT_COLOUR),
    "state_buffer": ("learner's states\n(state buffer)", 8.5, 4, 16, COLOURS["smiling"]),
    "learner_score": ("learner's score model\n$g$, one pass every 1 K steps", 40, 4, 24, COLOURS["smiling"]),
    "cost": ("cost, Eq. 4\n" r"$|g^e - \epsilon|^2 - |g - \epsilon|^2$", 67, 10, 21, COLOURS["dac"]),
    "solver": ("RL solver\n(SAC, DreamerV3)", 91.5, 10, 16, COLOURS["dac"]),
}
BOX_HEIGHT = 6.4


def panel_table() -> pd.DataFrame:
    """The curves of (a): columns panel (density or score), time, state, distribution, value."""
    tables = []
    for time in SHOWN_TIMES:
        for name, mixture in MIXTURES.items():
            diffused = mixture.diffused(time)
            for panel, values in (("density", diffused.density(STATES)), ("score", diffused.score(STATES))):
                columns = {"time": time, "state": STATES[SHOWN], "distribution": name, "value": values[SHOWN]}
                tables.append(pd.DataFrame({"panel": panel, **columns}))
    return pd.concat(tables, ignore_index=True)


def integrand_table() -> pd.DataFrame:
    """The divergence's integrand over time, in the same columns."""
    values = [score_difference(LEARNER, EXPERT, time, STATES) for time in TIMES]
    return pd.DataFrame({"panel": "integrand", "time": TIMES, "value": values})


def draw_distributions(axes: np.ndarray, table: pd.DataFrame) -> None:
    """Densities above, scores below, a column for each time."""
    for column, time in enumerate(SHOWN_TIMES):
        for row, panel in enumerate(("density", "score")):
            axis = axes[row, column]
            chosen = table[(table["panel"] == panel) & (table["time"] == time)]
            for name, curve in chosen.groupby("distribution", sort=False):
                axis.plot(curve["state"], curve["value"], color=PAINTS[name], label=NAMES[name])
            if panel == "score":
                learner, expert = (chosen[chosen["distribution"] == name] for name in MIXTURES)
                axis.fill_between(learner["state"], learner["value"], expert["value"], color=COLOURS["dac"], alpha=0.15)
                axis.set_xlabel("state")
                axis.set_ylim(-9, 9)
            else:
                axis.set_title(f"$t = {time:g}$")
                axis.set_ylim(0, 1)
                axis.tick_params(labelbottom=False)
            if column:
                axis.tick_params(labelleft=False)
    axes[0, 0].set_ylabel("density")
    axes[1, 0].set_ylabel("score")
    axes[0, -1].legend(frameon=False, loc="upper right", fontsize=7)


def draw_integrand(axis: Axes, table: pd.DataFrame) -> None:
    """The integrand, and the divergence as the mean over time."""
    axis.plot(table["time"], table["value"], color=COLOURS["dac"])
    divergence = np.trapezoid(table["value"], table["time"]) / TIMES[-1]
    axis.set_title("DS divergence")
    axis.text(0.95, 0.9, f"mean over $t$:\n{divergence:.2f}", transform=axis.transAxes, ha="right", va="top")
    axis.set_xlabel("diffusion time $t$")
    axis.set_ylabel(r"$E_{s \sim P_t} |\nabla \log P_t - \nabla \log Q_t|^2$")
    axis.set_xlim(0, TIMES[-1])
    axis.set_yscale("log")  # the scores differ most where nothing is diffused


def draw_diagram(axis: Axes) -> None:
    """SMILING's loop (paper, Algorithm 1)."""
    axis.set_xlim(0, 100)
    axis.set_ylim(-3.5, 20)
    axis.axis("off")
    for text, x, y, width, paint in BOXES.values():
        corner, height = (x - width / 2, y - BOX_HEIGHT / 2), BOX_HEIGHT
        axis.add_patch(
            FancyBboxPatch(corner, width, height, "round,pad=0,rounding_size=1", fc="white", ec=paint, lw=1.2)
        )
        axis.text(x, y, text, ha="center", va="center", fontsize=7)
    _arrow(axis, _side("demonstrations", 1), _side("expert_score", -1), "score matching")
    _arrow(axis, _side("state_buffer", 1), _side("learner_score", -1), "score matching")
    _arrow(axis, _side("expert_score", 1), _side("cost", -1, 1.5))
    _arrow(axis, _side("learner_score", 1), _side("cost", -1, -1.5))
    _arrow(axis, _side("cost", 1), _side("solver", -1), "reward")
    below = BOXES["solver"][2] - BOX_HEIGHT / 2
    right, left = BOXES["solver"][1], BOXES["state_buffer"][1]
    axis.plot([right, right, left], [below, -2, -2], color="black", linewidth=1.0)
    _arrow(axis, (left, -2), (left, BOXES["state_buffer"][2] - BOX_HEIGHT / 2))
    axis.text((left + right) / 2, -1.6, r"the policy $\pi$ acts: its states", ha="center", va="bottom", fontsize=7)


def _side(box: str, side: int, up: float = 0.0) -> tuple[float, float]:
    """A point on a box's left (-1) or right (1) side."""
    _, x, y, width, _ = BOXES[box]
    return x + side * width / 2, y + up


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    axis.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=8, shrinkA=0, shrinkB=0, color="black"))
    axis.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.5, text, ha="center", va="bottom", fontsize=6)


def draw(panels: pd.DataFrame, integrand: pd.DataFrame) -> Figure:
    """The figure: (a) above, (b) below."""
    image = plt.figure(figsize=(TEXT_WIDTH, 4.3), layout="constrained")
    above, below = image.subfigures(2, 1, squeeze=False, height_ratios=(1.55, 1))[:, 0]
    left, right = above.subfigures(1, 2, squeeze=False, width_ratios=(2.9, 1))[0]
    draw_distributions(left.subplots(2, len(SHOWN_TIMES)), panels)
    draw_integrand(right.subplots(), integrand)
    draw_diagram(below.subplots())
    above.suptitle("(a) two distributions along the diffusion, and their scores", fontsize=9)
    below.suptitle("(b) SMILING", fontsize=9)
    return image


def main() -> None:
    flags = command.parser(__doc__)
    options = flags.parse_args()
    load_experiment(
        options.scale, options.assignments
    )  # the same at every scale; a mistake in the flags is one here too
    panels, integrand = panel_table(), integrand_table()
    with style():
        image = draw(panels, integrand)
        save(image, options.out, (".png", ".pdf", ".svg"))
    with whole(named(options.out, ".csv")) as temporary:
        pd.concat([panels, integrand], ignore_index=True).to_csv(temporary, index=False)
    write_json(named(options.out, ".json"), {"code": fingerprint(Path(__file__)), "provenance": provenance()})
    print(f"drawn: {options.out}.png, .pdf and .svg; its numbers in .csv")


if __name__ == "__main__":
    command.run(main)
