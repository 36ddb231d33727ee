"""A window in which frames are shown, by Python's own tkinter."""

import time
from typing import Any

import numpy as np

from smiling.settings import UserError, first_line

INSTEAD = "without a window, a film can be made: --out NAME"


class Window:
    """Frames (height, width, 3) uint8, shown as fast as they follow each other."""

    def __init__(self, title: str) -> None:
        """Open it.

        Raises:
            UserError: if there is no display, or no tkinter.
        """
        try:
            import tkinter
        except ImportError:
            raise UserError(f"a window needs Python's tkinter: on Debian, install python3-tk; {INSTEAD}") from None
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise UserError(f"there is no display to open a window on ({first_line(error)}); {INSTEAD}") from None
        self._root.title(title)
        self._tkinter: Any = tkinter
        self._label = tkinter.Label(self._root)
        self._label.pack()
        self._due = time.monotonic()

    def show(self, frame: np.ndarray, rate: float) -> bool:
        """Show a frame, when it is due at `rate` per second; whether the window is still open."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + 1 / rate
        try:
            self._image = self._tkinter.PhotoImage(master=self._root, data=portable_pixmap(frame), format="PPM")
            self._label.configure(image=self._image)
            self._root.update()
        except self._tkinter.TclError:  # it has been closed
            return False
        return True


def portable_pixmap(frame: np.ndarray) -> bytes:
    """A frame as a PPM file."""
    height, width, _ = frame.shape
    return f"P6\n{width} {height}\n255\n".encode() + np.ascontiguousarray(frame).tobytes()
