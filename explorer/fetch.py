"""The public test sets and the weights of CompressAI, downloaded and checked: `explorer fetch kodak|clic|zoo`.

Kodak: 24 PNG files, each pinned by its SHA-256, which several public projects pin alike for the same address.
CLIC 2020 professional validation: one zip of 41 PNG files, pinned by its SHA-1, the digest that its users publish; the
pictures that come out of it are decoded as a last check. The zoo: the weights that `codecs.zoo` uses, some 0.8 GB, each
pinned by the start of its SHA-256, which CompressAI puts into its name. A file that is already there is checked, not
downloaded again, and a download that broke off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from explorer import files, images
from explorer.codecs import ZOO, zoo
from explorer.images import InputError

TIMEOUT_S = 30
_BLOCK = 1 << 16


@dataclass(frozen=True)
class PublicFile:
    """A file to have: digest is "algorithm:hex digits", all of them or the first."""

    url: str
    digest: str

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class PublicSet:
    """A set of files, and how many pictures it holds as PNG or in a zip."""

    title: str
    files: tuple[PublicFile, ...]
    pictures: int


# SHA-256 of kodim01.png to kodim24.png.
_KODAK = (
    "a56e27cbf5f843c048b6af1d6e090760e9c92fadba88b7dee0205918a37523bd",
    "4f4b74a79237e311d72cad958237b5f7088d8bce1c82305ebefe1a70e3022dfd",
    "e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db",
    "e3b946107c5d3441c022f678d0c3caf1e224d81b1604ba840a4f88e562de61aa",
    "10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53",
    "363510303b715d4cbc384e1ce227e466b613a09e1b71ae985882bf8e7fbd9b18",
    "b77d3f006f42414bb242222e0482e750c0fb9e5ee8d4bed2f6f11c5605fe54a4",
    "ba23983c76b4832ee0e8af0592664756841a16779acd69f792e268fb6d13d6e7",
    "6a4361c2fc194feb4edaa9f9a4a0620fb9943e460ac7fdf037fb0f6dd6607a7d",
    "9dfb70f5867c29ff9ed6313683f19b3d867849e40fbc0c4c54a4a89df341cf23",
    "7936814b58b5387fce2e4e2488b4ec830dadd95fa9520f358ddb30990b50f2b6",
    "d78c37c2f04f23761ed2367dd77e2db584ddd4c3950833fecf89f199a8126980",
    "bc34a3ce58dea09dce1704c997171602de90cb34d0c8503a988b77f473d39b08",
    "55a94550ff18f3246c4074fd32b77b0c74447c26b6ad274d564d999c0450ba6e",
    "7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683",
    "a89c7268ccd4718ba424a99fc4643c572cf692ca6eae887185ceb4e9f11d2e54",
    "37afcc89fbdcb76d9518e04b2fc011027e2f4cd14b3b2f83cefd721641a47c5b",
    "1a9258c365988961d87a0598725b609139c303ad48a5aad6c503c3b1a87849aa",
    "b7450b264b1b0a411390d8931b112c27905a992520fc90569dc4b920aa32bbdc",
    "3b46c71e3b92a563820ba32936be8330c586c41f938efd94be938386aae4328a",
    "ac958597c82073f6bb65129c68f72b651db5b9efd82e11547d07350214bc268b",
    "1cee58eb1f2d9c7ebb254d208a03c783ce6cf2c4d8c2cf45e235dd23b4ce1b29",
    "e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf",
    "1071c68372cc5a01435c2c225a5cf7d4bb803846ec08bb6b3d6721b156d7cb96",
)

SETS = {
    "kodak": PublicSet(
        "Kodak Lossless True Color Image Suite",
        tuple(
            PublicFile(f"https://r0k.us/graphics/kodak/kodak/kodim{number:02}.png", f"sha256:{digest}")
            for number, digest in enumerate(_KODAK, 1)
        ),
        24,
    ),
    "clic": PublicSet(
        "CLIC 2020 professional validation set",
        (
            PublicFile(
                "https://data.vision.ee.ethz.ch/cvl/clic/professional_valid_2020.zip",
                "sha1:196a602548afcc1949e5ec3a5dd0f6e713b34201",
            ),
        ),
        41,
    ),
}


def fetch(name: str, folder: str | Path | None = None) -> Path:
    """Bring a set of SETS, or "zoo", into a folder and return that folder, checked. By default that is a folder of the
    set's name, here, and for the zoo the one where its codecs look for their weights.

    Raises InputError for an unknown set, a site that cannot be reached, and a file that is not the original."""
    if name == "zoo":
        return _bring_all(_zoo(), Path(folder or zoo.folder()))
    if name not in SETS:
        raise InputError(f"There is no set {name!r}; choose one of {', '.join([*SETS, 'zoo'])}.")
    folder = _bring_all(SETS[name], Path(folder or name))
    _check_pictures(folder, SETS[name].pictures)
    return folder


def _zoo() -> PublicSet:
    urls = [url for codec in ZOO.values() for url in codec.addresses]
    files = tuple(PublicFile(url, "sha256:" + url.removesuffix(".pth.tar").rpartition("-")[2]) for url in urls)
    return PublicSet("CompressAI's pretrained models", files, pictures=0)


def _bring_all(wanted: PublicSet, folder: Path) -> Path:
    files.make_folder(folder)
    for file in tqdm(wanted.files, wanted.title, unit="file"):
        _bring(file, folder / file.name, wanted)
        if file.name.endswith(".zip"):
            _extract(folder / file.name)
    return folder


def _bring(file: PublicFile, path: Path, wanted: PublicSet) -> None:
    if not path.exists():
        part = path.with_name(path.name + ".part")
        try:
            _download(file.url, part)
        except (OSError, http.client.HTTPException) as error:
            raise InputError(_by_hand(file, path.parent, wanted, error)) from None
        if not _is_original(part, file.digest):
            part.unlink()
            raise InputError(f"{file.url} is not the file that was expected: its hash differs; try again later.")
        part.rename(path)
    elif not _is_original(path, file.digest):
        raise InputError(f"{path} is not the original: its hash differs; move it away and run this command again.")


def _download(url: str, part: Path) -> None:
    """Append what `part` lacks of the file; a server that cannot send a rest sends all of it anew."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "mae-explorer"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as out:
        left = int(answer.headers.get("Content-Length", 0))
        with tqdm(total=left or None, desc=part.stem, unit="B", unit_scale=True, leave=False) as bar:
            while block := answer.read(_BLOCK):
                out.write(block)
                bar.update(len(block))
            if bar.n < left:
                raise http.client.IncompleteRead(b"", left - bar.n)


def _is_original(path: Path, digest: str) -> bool:
    algorithm, expected = digest.split(":")
    with path.open("rb") as file:
        found = hashlib.new(algorithm)
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest().startswith(expected)


def _by_hand(file: PublicFile, folder: Path, wanted: PublicSet, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    others = f" (and the other {len(wanted.files) - 1} of the set)" if len(wanted.files) > 1 else ""
    return (
        f"{file.url} cannot be downloaded ({reason}); get it{others} where there is a network, put it into "
        f"{folder}, and run this command again to check it."
    )


def _extract(archive: Path) -> None:
    """The pictures of a checked archive, side by side in its folder; zipfile checks their CRC."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            path = archive.parent / Path(member.filename).name
            is_picture = path.suffix == ".png" and not path.name.startswith(".")
            if is_picture and not (path.exists() and path.stat().st_size == member.file_size):
                files.write(path, opened.read(member))


def _check_pictures(folder: Path, number: int) -> None:
    found = sorted(folder.glob("*.png"))
    if len(found) != number:
        raise InputError(f"{folder} has {len(found)} PNG pictures instead of {number}; fetch into an empty folder.")
    for path in tqdm(found, "decoding", unit="picture", leave=False):
        images.read(path)
