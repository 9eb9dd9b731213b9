"""Pictures <-> tensors: every input format and its limits.

    path, bytes, PIL image, array --read--> Picture (H, W, 3) uint8 sRGB --to_tensor--> (1, 3, H, W) float in [0, 1]
                                  to_png <-- (H, W, 3) uint8 <--to_pixels-- crop <-- model <-- pad

Inside the project a picture is float in [0, 1]; outside it is 8-bit RGB. This is the only room that rounds to 8 bits.
torch is imported where it is used, so that reading pictures does not wait seconds for it.

    formats   which files are opened, by which plugin of Pillow; their declared size
    headers   what their headers say and Pillow keeps to itself
    limits    of Pillow's own, raised or added
    reading   file -> Picture
    deep      samples of more than 8 bits, as arrays
    tiff      TIFF of the kinds that Pillow does not read, or not in full depth
    fax       of those, the ones that are compressed as a fax
    ycbcr     and those that have luma and chroma
    colour    what colours mean (ICC, CICP, gamma and primaries) -> sRGB
    tensors   pixels <-> tensors
"""

from explorer.images.formats import SUFFIXES
from explorer.images.picture import MAX_PIXELS, MAX_SIDE, InputError, Picture
from explorer.images.reading import OVER_WHITE, read
from explorer.images.tensors import crop, pad, to_levels, to_pixels, to_png, to_tensor

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE",
    "OVER_WHITE",
    "SUFFIXES",
    "InputError",
    "Picture",
    "crop",
    "pad",
    "read",
    "to_levels",
    "to_pixels",
    "to_png",
    "to_tensor",
]
