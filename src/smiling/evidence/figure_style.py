"""The looks that all figures share: fonts, sizes, one colour for each method."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from smiling.runs.artefacts import named, whole

TEXT_WIDTH, COLUMN_WIDTH = 7.0, 3.4  # inches: both columns of a two-column paper, and one
PANEL_HEIGHT = 2.0

# Okabe & Ito (2008): told apart under the common colour blindnesses. Lines also differ in dash and in order.
COLOURS = {"smiling": "#D55E00", "dac": "#0072B2", "iq_learn": "#009E73", "bc": "#7F7F7F"}
SPARE_COLOURS = ("#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
EXPERT_COLOUR = "#000000"


def colour(method: str, others: tuple[str, ...] = ()) -> str:
    """The colour of a method; one that has none of its own takes a spare one, by its place among `others`."""
    return (
        COLOURS.get(method)
        or SPARE_COLOURS[sorted({*others, method} - COLOURS.keys()).index(method) % len(SPARE_COLOURS)]
    )


def style() -> AbstractContextManager[None]:
    """Matplotlib settings of a figure for a paper."""
    return plt.rc_context(
        {
            "font.size": 8,
            "axes.titlesize": 9,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.25,
            "grid.linewidth": 0.5,
            "lines.linewidth": 1.4,
            "savefig.dpi": 250,
            "pdf.fonttype": 42,  # embedded TrueType: text stays text
        }
    )


def save(image: Figure, out: Path, suffixes: Sequence[str] = (".png", ".pdf")) -> None:
    """Write `out` with each of `suffixes`, each file whole; within `style()`, which has the resolution."""
    for suffix in suffixes:
        with whole(named(out, suffix)) as temporary:
            image.savefig(temporary)
