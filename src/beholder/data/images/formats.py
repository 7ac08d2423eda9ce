"""Which files are images, told by their name or their first bytes: those that Beholder reads, and those it cannot.

A file that somebody takes for an image is never left out without a word, so all ways of listing files ask here.
"""

from __future__ import annotations

import os
from pathlib import Path

from beholder.data.first_look import first_bytes, is_hidden, suffix_of

SUFFIXES_OF = {  # each format that Beholder reads; the usual suffix first
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
}
SUFFIXES = tuple(suffix for suffixes in SUFFIXES_OF.values() for suffix in suffixes)
START = 32  # bytes of a file that `image_format` wants

# fmt: off
_UNREADABLE = frozenset(
    f".{suffix}"
    for suffix in (
        # of telephones and of the web; some hold a format that Beholder reads, under a name that it does not know
        "heic", "heics", "heif", "heifs", "hif", "avif", "avifs", "jxl", "apng", "jif", "jfi", "dib", "bpg", "qoi",
        # JPEG 2000, JPEG XR, JPEG-LS and kin
        "jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "jpm", "jxr", "wdp", "hdp", "jls", "jng", "mng",
        # cameras' raw
        "raw", "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef", "mos", "mrw", "nef",
        "nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
        # drawing, printing, games and films
        "psd", "psb", "xcf", "kra", "svg", "svgz", "eps", "ai", "ico", "cur", "icns", "tga", "pcx", "dds", "exr", "hdr",
        "ppm", "pgm", "pbm", "pnm", "pam", "pfm", "xbm", "xpm", "wbmp", "sgi", "ras",
        # medicine, microscopes and telescopes
        "dcm", "dicom", "nii", "mha", "mhd", "nrrd", "svs", "ndpi", "scn", "czi", "lif", "nd2", "vsi", "fits", "fts",
    )
)
# fmt: on
# After `ftyp` in ISO 14496-12's box format, which films have too.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "Canon raw",
}
_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"gimp xcf", "GIMP"),
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes; the versions there were


def is_image_name(name: str) -> bool:
    """Whether a file's name, or path, ends as that of an image that Beholder reads, and is not hidden."""
    return suffix_of(name) in SUFFIXES


def looks_like_image(name: str) -> bool:
    """Whether a file's name, or path, ends as that of an image in a format that Beholder cannot read."""
    return suffix_of(name) in _UNREADABLE


def image_format(start: bytes) -> str | None:
    """The image format of a file from its first `START` bytes, `JPEG` or `HEIC`; None where it is no image known here.

    What Beholder reads is in `SUFFIXES_OF`.
    """
    if start[:4] == b"II*\0" and start[8:10] == b"CR":
        return "Canon raw"
    for beginning, name in _STARTS:
        if start.startswith(beginning):
            return name
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WEBP"
    if start.startswith(b"BM") and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return _BRANDS.get(start[8:12]) if start[4:8] == b"ftyp" else None


def holds_image(path: str | Path) -> bool:
    """Whether a file that is not hidden begins as an image does, whatever its name; False where it cannot be read."""
    return not is_hidden(os.fspath(path)) and image_format(first_bytes(path, START)) is not None
