"""What a figure says in words."""

import re
import zlib


def text_of(pdf):
    """The characters that a PDF of matplotlib's shows, in the order of its strings: two bytes each, the first zero."""
    streams = re.findall(rb"FlateDecode[^>]*>>\nstream\n(.*?)\nendstream", pdf.read_bytes(), re.DOTALL)
    strings = re.findall(rb"\(((?:[^()\\]|\\.)*)\)", b"".join(zlib.decompress(stream) for stream in streams))
    return b"".join(strings).replace(b"\0", b"").decode("latin1")
