"""RGB spaces by curves and primaries -> sRGB: CICP (PNG, AVIF, HEIC), gamma and primaries (PNG), ICC in full depth.

    value --curve--> linear light --matrix--> linear sRGB, clipped to [0, 1] --> 8 bits

ICC profiles of 8-bit pictures go through LittleCMS instead, see `colour`; Pillow has it for 8 bits alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.images.deep import in_bands

Curve = Callable[[np.ndarray], np.ndarray]  # values in [0, 1] -> linear light, 1 = the white of sRGB

WHITE_NITS = 203  # diffuse white of PQ and HLG pictures: ITU-R BT.2408

# Red, green, blue and white as x, y, by the numbers of ITU-T H.273.
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
_BT601 = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _BT601,
    7: _BT601,
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])  # the white of ICC's connection space


def srgb_light(value: np.ndarray) -> np.ndarray:
    """The curve of sRGB."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _srgb_value(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def power(exponent: float) -> Curve:
    """light = value ** exponent."""
    return lambda value: value**exponent


def _smpte240(value: np.ndarray) -> np.ndarray:
    return np.where(value < 0.0913, value / 4, ((value + 0.1115) / 1.1115) ** (1 / 0.45))


def _pq(value: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, 10,000 cd/m² at 1."""
    root = value ** (32 / 2523)
    return 10_000 / WHITE_NITS * (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)


def _hlg(value: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100, light of the scene, 1 at 1; `Space.apply` goes on to that of a display of 1,000 cd/m²."""
    return np.where(value <= 0.5, value**2 / 3, (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12)


_BT1886 = power(2.4)
PQ, HLG = 16, 18
# By the numbers of ITU-T H.273. Those of cameras (1, 6, 14, 15) are undone by the display's curve, as browsers do.
CURVES: dict[int, Curve] = {
    1: _BT1886,
    4: power(2.2),
    5: power(2.8),
    6: _BT1886,
    7: _smpte240,
    8: power(1),
    11: _BT1886,
    13: srgb_light,
    14: _BT1886,
    15: _BT1886,
    PQ: _pq,
    17: lambda value: 52.37 / 48 * value**2.6,
    HLG: _hlg,
}
CAMERAS = {1, 6, 14, 15}
"""Transfer functions that still pictures in AVIF and HEIC are labelled with, though they mean that of sRGB."""
UNSPECIFIED = 2


@dataclass(frozen=True)
class Space:
    """What RGB or grey values mean.

    curves: one for each of red, green, blue, or one for grey. matrix: (3, 3), their light -> linear sRGB. luma: the
    shares of their light in luminance where that is of the scene (HLG), else None.
    """

    curves: Sequence[Curve]
    matrix: np.ndarray
    luma: np.ndarray | None = None

    @property
    def is_srgb(self) -> bool:
        """Whether it is sRGB itself, so that there is nothing to convert."""
        return all(curve is srgb_light for curve in self.curves) and bool(np.abs(self.matrix - np.eye(3)).max() < 0.01)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """(H, W, 1 or 3) uint8 or uint16 -> (H, W, 3) uint16 sRGB. What sRGB cannot show is clipped."""
        steps = np.linspace(0, 1, np.iinfo(values.dtype).max + 1)
        tables = [curve(steps).astype(np.float32) for curve in self.curves]
        matrix = self.matrix.T.astype(np.float32)

        def convert(band: np.ndarray) -> np.ndarray:
            light = np.stack([tables[i % len(tables)][band[..., i % band.shape[2]]] for i in range(3)], axis=-1)
            if self.luma is not None:
                light *= 1000 / WHITE_NITS * ((light @ self.luma) ** 0.2)[..., None]
            return _encode(light @ matrix)

        return in_bands(convert, (*values.shape[:2], 3), np.uint16, values)


_ENCODED = np.rint(65535 * _srgb_value(np.linspace(0, 1, 65536))).astype(np.uint16)


def _encode(light: np.ndarray) -> np.ndarray:
    """Linear sRGB of any shape, which is overwritten, clipped to [0, 1] -> uint16 sRGB."""
    np.clip(light, 0, 1, out=light)
    light *= 65535
    light += 0.5
    return _ENCODED[light.astype(np.uint16)]


def from_cicp(primaries: int, transfer: int) -> Space | None:
    """The space of two numbers of ITU-T H.273, where "unspecified" is sRGB's; None if one of them is not known."""
    points = PRIMARIES.get(1 if primaries == UNSPECIFIED else primaries)
    curve = CURVES.get(13 if transfer == UNSPECIFIED else transfer)
    if points is None or curve is None:
        return None
    return Space([curve], _to_linear_srgb(points), _to_xyz(points)[1].astype(np.float32) if transfer == HLG else None)


def from_png(gamma: float | None, chromaticity: Sequence[float] | None) -> Space | None:
    """The space of gAMA and cHRM: `gamma` is that of the encoder, `chromaticity` white, red, green, blue as x, y.

    Without the one, the curve or the primaries are sRGB's. The power of about 1 / 2.2 with its primaries is how
    encoders write sRGB (the PNG specification asks for it). Raises ValueError for values that mean no colours.
    """
    points: Sequence[Sequence[float]] = PRIMARIES[1]
    if chromaticity is not None:
        white, *points_of_rgb = zip(chromaticity[0::2], chromaticity[1::2], strict=True)
        points = (*points_of_rgb, white)
    if gamma is not None and not gamma > 0:
        raise ValueError("a gamma of 0")
    as_srgb = Space([srgb_light], _to_linear_srgb(points))
    if as_srgb.is_srgb and (gamma is None or 0.95 < gamma * 2.2 < 1.05):
        return None
    return as_srgb if gamma is None else Space([power(1 / gamma)], as_srgb.matrix)


def from_icc(profile: bytes) -> Space | None:
    """The space of an ICC profile that says it by curves and primaries; None if it has tables or is damaged."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100))]
        tags = {kind: profile[at : at + size] for kind, at, size in entries}
        if b"A2B0" in tags or profile[20:24] != b"XYZ ":
            return None
        if profile[16:20] == b"GRAY":
            return Space([_icc_curve(tags[b"kTRC"])], np.eye(3))
        if profile[16:20] != b"RGB ":
            return None
        columns = [struct.unpack_from(">3i", tags[kind], 8) for kind in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = [_icc_curve(tags[kind]) for kind in (b"rTRC", b"gTRC", b"bTRC")]
        return Space(curves, _FROM_D50 @ np.array(columns).T / 65536)
    except (KeyError, ValueError, struct.error):
        return None


def _icc_curve(tag: bytes) -> Curve:
    """A curve of type `curv` or `para`. Raises ValueError for others."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return power(1)
        samples = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return power(samples[0] / 256)
        return lambda value: np.interp(value, np.linspace(0, 1, count), samples / 65535)
    if tag[:4] != b"para":
        raise ValueError("not a curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    names = ("g", "gab", "gabc", "gabcd", "gabcdef")[kind] if kind < 5 else ""
    if not names:
        raise ValueError("not a curve")
    found = dict(zip(names, np.array(struct.unpack_from(f">{len(names)}i", tag, 12)) / 65536, strict=True))
    g, a, b, c = found["g"], found.get("a", 1.0), found.get("b", 0.0), found.get("c", 0.0)
    # Types 0 to 2 are flat below -b / a, at c for type 2; 3 and 4 are straight lines below d.
    d, e, f = (found["d"], found.get("e", 0.0), found.get("f", 0.0)) if kind > 2 else (-b / a if a else 0.0, c, c)
    slope = c if kind > 2 else 0.0
    return lambda value: np.where(value >= d, np.maximum(a * value + b, 0) ** g + e, slope * value + f).clip(0, 1)


def _to_xyz(points: Sequence[Sequence[float]]) -> np.ndarray:
    """(3, 3) from linear RGB to XYZ, white at Y = 1. Raises ValueError where the primaries span no colours."""
    columns = np.array([(x, y, 1 - x - y) for x, y in points]).T
    if np.isclose(columns[1, 3], 0) or abs(np.linalg.det(columns[:, :3])) < 1e-4:
        raise ValueError("primaries that span no colours")
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3] / columns[1, 3])


def _adapt(white: np.ndarray, to: np.ndarray) -> np.ndarray:
    return np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ to) / (_BRADFORD @ white)) @ _BRADFORD


def _to_linear_srgb(points: Sequence[Sequence[float]]) -> np.ndarray:
    srgb, own = _to_xyz(PRIMARIES[1]), _to_xyz(points)
    return np.linalg.inv(srgb) @ _adapt(own.sum(axis=1), srgb.sum(axis=1)) @ own


_SRGB = _to_xyz(PRIMARIES[1])
_FROM_D50 = np.linalg.inv(_adapt(_SRGB.sum(axis=1), _D50) @ _SRGB)  # XYZ of ICC's connection space -> linear sRGB


def lab_to_srgb(values: np.ndarray, white_point: Sequence[float] | None = None) -> np.ndarray:
    """(H, W, 3) uint16 CIE L*a*b* under a white (x, y), D50 by default, as `Deep` has them -> (H, W, 3) uint16 sRGB.
    Raises ValueError where that is no white."""
    white = _D50
    if white_point is not None:
        x, y = white_point
        if not (0 < x < 1 and 0 < y < 1 and x + y < 1):
            raise ValueError("a white point that is none")
        white = np.array([x / y, 1.0, (1 - x - y) / y])

    def convert(band: np.ndarray) -> np.ndarray:
        lightness, a, b = np.moveaxis(band, 2, 0).astype(np.float32)
        y = (lightness * (100 / 65535) + 16) / 116
        steps = np.stack([y + (a - 32768) / (256 * 500), y, y - (b - 32768) / (256 * 200)], axis=-1)
        light = np.where(steps > 6 / 29, steps * steps * steps, (steps - 4 / 29) * np.float32(3 * (6 / 29) ** 2))
        return _encode(light @ from_xyz)

    to_srgb = np.linalg.inv(_SRGB) @ _adapt(white, _SRGB.sum(axis=1))
    from_xyz = (to_srgb * white).T.astype(np.float32)
    return in_bands(convert, values.shape, np.uint16, values)
