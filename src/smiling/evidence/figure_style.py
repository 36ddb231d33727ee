"""The looks that all figures share: fonts, sizes, names for people, and one colour and dash for each method."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.artist import Artist
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from smiling import methods
from smiling.runs.artefacts import named, whole

TEXT_WIDTH, COLUMN_WIDTH = 7.0, 3.4  # inches: both columns of a two-column paper, and one
PANEL_HEIGHT = 2.0
SMALLEST = 6  # points, of text in print
TYPICAL, WIDEST = (-0.05, 1.15), (-0.5, 1.5)  # normalised returns that are always in view, and that can be
MARGIN = 0.05  # of the view, above and below what is in it
POINTS = 72  # to the inch

# seaborn's 'colorblind' palette, without what is near SMILING's or DAC's colour or faint on white; and three of Tol's.
PALETTE = seaborn.color_palette("colorblind").as_hex()
COLOURS = {"smiling": PALETTE[3], "dac": PALETTE[0], "iq_learn": PALETTE[2], "bc": PALETTE[7]}
SPARE_COLOURS = (PALETTE[5], PALETTE[4], "#332288", "#999933", "#882255")
EXPERT_COLOUR = "#000000"
# Of a method, and of its variants in their order: on and off in widths of the line.
DASHES: tuple[tuple[float, ...] | str, ...] = (
    "",
    (5, 1.5),
    (1.2, 1.2),
    (6, 1.5, 1.2, 1.5),
    (3, 1),
    (6, 1.2, 1.2, 1.2, 1.2, 1.2),
    (9, 2.5),
    (2.5, 2.5),
    (4, 1, 4, 1, 1.2, 1),
)
DOTTED = 2  # where a method begins that takes no steps
SHADES = (0.0, -0.3, 0.4, -0.5, 0.25, -0.15, 0.55, -0.4, 0.15)  # of the same: towards black below zero, white above


def colour(method: str) -> str:
    """The colour of a method, the same in every figure; a variant's is a shade of its method's."""
    return _shade(_base_colour(methods.base(method)), SHADES[_place(method) % len(SHADES)])


def dash(method: str) -> tuple[float, ...] | str:
    """The dashes of a method's line, '' if it is solid; no two methods have both colour and dashes alike."""
    base = methods.base(method)
    round_of_colours = _spare_place(base) // len(SPARE_COLOURS) if base not in COLOURS else 0
    first, place = 0 if methods.load(method).takes_steps else DOTTED, _place(method)
    round_of_shades = place // len(SHADES)
    return DASHES[(place + round_of_shades + round_of_colours + first) % len(DASHES)]


def _place(method: str) -> int:
    """0 for a method, 1 and more for its variants."""
    variants = list(methods.load(method).variants)
    return variants.index(method.partition("-")[2]) + 1 if "-" in method else 0


def _spare_place(base: str) -> int:
    return sorted({*methods.bases(), base} - COLOURS.keys()).index(base)


def _base_colour(base: str) -> str:
    return COLOURS.get(base) or SPARE_COLOURS[_spare_place(base) % len(SPARE_COLOURS)]


def _shade(paint: str, amount: float) -> str:
    towards = 1.0 if amount > 0 else 0.0
    red, green, blue = (part + abs(amount) * (towards - part) for part in to_rgb(paint))
    return to_hex((red, green, blue))


def looks(names: Iterable[str]) -> dict[str, Any]:
    """What seaborn takes to draw lines of methods: keywords `palette` and `dashes`, by the methods' names."""
    names = list(names)
    return {"palette": {name: colour(name) for name in names}, "dashes": {name: dash(name) for name in names}}


def line_style(method: str) -> Any:
    """The dashes of a method's line as matplotlib takes them."""
    pattern = dash(method)
    return (0, pattern) if pattern else "-"


def task_label(task: str) -> str:
    """A task's name for people: 'ball_in_cup_catch' is 'Ball in cup: catch'."""
    who, _, what = task.replace("_", " ").rpartition(" ")
    name = f"{who}: {what}" if who else what
    return name[:1].upper() + name[1:]


def seeds_label(fewest: int, most: int) -> str:
    """How many seeds there are, fewest to most where they differ."""
    if most == 1:
        return "1 seed: no interval"
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"


def in_view(values: pd.Series) -> tuple[float, float]:
    """Limits of the vertical axis: wide enough for normalised `values`, within bounds."""
    low = min(TYPICAL[0], max(WIDEST[0], values.min() - MARGIN))
    return low, max(TYPICAL[1], min(WIDEST[1], values.max() + MARGIN))


def whole_view(values: pd.Series) -> tuple[float, float]:
    """Limits of the vertical axis that hold all values and zero."""
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    room = MARGIN * (high - low or 1.0)
    return low - room, high + room


def wrapped(text: str, inches: float, points: float) -> str:
    """`text` in lines that are at most `inches` wide."""
    wide = TextPath((0, 0), text, size=points).get_extents().width / POINTS
    return textwrap.fill(text, max(12, int(0.93 * len(text) * inches / max(wide, 1e-9))))


def title(image: Figure, text: str, points: float = 8) -> None:
    """A title above all, in as many lines as it needs."""
    image.suptitle(wrapped(text, image.get_figwidth(), points), fontsize=points)


def legend_below(image: Figure, handles: Mapping[str, Artist]) -> None:
    """A legend below all, in as many columns as fit."""
    for columns in range(len(handles), 0, -1):
        legend = image.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=columns, frameon=False
        )
        legend.set_gid("legend")
        if columns == 1 or legend.get_window_extent().width <= image.bbox.width:
            return
        legend.remove()


def style() -> AbstractContextManager[None]:
    """Matplotlib settings of a figure for a paper."""
    return plt.rc_context(
        {
            "font.size": 8,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 7,
            "legend.handlelength": 2.8,  # long enough for the dashes
            "legend.columnspacing": 1.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
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
    plt.close(image)
