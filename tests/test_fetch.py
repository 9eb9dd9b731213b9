"""Fetching against a server on this machine: resuming, hashes, and what it says offline."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from tqdm import tqdm

from explorer import fetch, images
from explorer.__main__ import main
from explorer.codecs import ZOO, zoo
from explorer.images import InputError


class Site(ThreadingHTTPServer):
    """Serves `files`; `broken_after`: bytes after which it hangs up; `requests`: (path, Range) of each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.broken_after: int | None = None
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        span = self.headers.get("Range")
        self.server.requests.append((self.path, span))
        if self.path not in self.server.files:
            return self.send_error(404)
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        body = self.server.files[self.path][start:]
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.broken_after])
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def png(seed: int) -> bytes:
    return images.to_png(np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8))


def offer(site: Site, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], pictures: int) -> None:
    site.files = {f"/{name}": data for name, data in files.items()}
    wanted = tuple(
        fetch.PublicFile(f"{site.url}/{name}", f"sha256:{hashlib.sha256(data).hexdigest()}")
        for name, data in files.items()
    )
    monkeypatch.setitem(fetch.SETS, "kodak", fetch.PublicSet("a set", wanted, pictures))


def test_files_are_fetched_once_and_checked_again(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(site, monkeypatch, {"1.png": png(1), "2.png": png(2)}, 2)
    assert fetch.fetch("kodak", tmp_path / "k") == tmp_path / "k"
    assert sorted(path.name for path in (tmp_path / "k").iterdir()) == ["1.png", "2.png"]
    fetch.fetch("kodak", tmp_path / "k")
    assert len(site.requests) == 2
    (tmp_path / "k" / "2.png").write_bytes(png(3))
    with pytest.raises(InputError, match="not the original: its hash differs; move it away"):
        fetch.fetch("kodak", tmp_path / "k")


def test_a_broken_download_goes_on_where_it_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = png(1)
    offer(site, monkeypatch, {"1.png": data}, 1)
    site.broken_after = 1000
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch.fetch("kodak", tmp_path)
    site.broken_after = None
    fetch.fetch("kodak", tmp_path)
    assert site.requests[-1] == ("/1.png", "bytes=1000-")
    assert (tmp_path / "1.png").read_bytes() == data


def test_an_interrupted_download_goes_on_where_it_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Interrupted(tqdm):
        def update(self, n: float | None = 1) -> bool | None:
            raise KeyboardInterrupt

    data = png(1)
    offer(site, monkeypatch, {"1.png": data}, 1)
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "_BLOCK", 1000)
        patch.setattr(fetch, "tqdm", Interrupted)
        assert main(["fetch", "kodak", str(tmp_path)]) == 130
    assert main(["fetch", "kodak", str(tmp_path)]) == 0
    assert site.requests[-1] == ("/1.png", "bytes=1000-")
    assert (tmp_path / "1.png").read_bytes() == data


def test_a_wrong_hash_is_refused_and_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(site, monkeypatch, {"1.png": png(1)}, 1)
    site.files["/1.png"] = png(2)
    with pytest.raises(InputError, match="its hash differs"):
        fetch.fetch("kodak", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_zip_is_unpacked_and_its_pictures_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("valid/a.png", png(1))
        archive.writestr("../../b.png", png(2))
        archive.writestr("__MACOSX/valid/._a.png", b"no picture")
    offer(site, monkeypatch, {"set.zip": stream.getvalue()}, 2)
    fetch.fetch("kodak", tmp_path / "a" / "b")
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["a.png", "b.png", "set.zip"]
    offer(site, monkeypatch, {"set.zip": stream.getvalue()}, 3)
    with pytest.raises(InputError, match="2 PNG pictures instead of 3"):
        fetch.fetch("kodak", tmp_path / "a" / "b")


def test_offline_it_says_what_to_do_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = fetch.PublicFile("http://127.0.0.1:9/1.png", "sha256:0")
    monkeypatch.setitem(fetch.SETS, "kodak", fetch.PublicSet("a set", (gone, gone), 2))
    with pytest.raises(InputError) as raised:
        fetch.fetch("kodak", tmp_path)
    message = str(raised.value)
    assert gone.url in message and str(tmp_path) in message and "run this command again" in message
    assert message.count(". ") == 0 and "\n" not in message


def test_the_pinned_sets_are_whole() -> None:
    assert len({file.digest for file in fetch.SETS["kodak"].files}) == fetch.SETS["kodak"].pictures == 24
    assert fetch.SETS["kodak"].files[-1].name == "kodim24.png"
    with pytest.raises(InputError, match="choose one of kodak, clic, zoo"):
        fetch.fetch("imagenet")


def test_the_zoo_is_fetched_to_where_its_codecs_look(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compressai_zoo: ModuleType
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for codec in ZOO.values():
        contents = [f"{codec.name}-{quality}".encode() for quality in range(1, 9)]
        names = [f"{data.decode()}-{hashlib.sha256(data).hexdigest()[:8]}.pth.tar" for data in contents]
        site.files |= {f"/{name}": data for name, data in zip(names, contents, strict=True)}
        urls = {quality: f"{site.url}/{name}" for quality, name in enumerate(names, 1)}
        monkeypatch.setitem(compressai_zoo.model_urls[codec.name], "mse", urls)
    assert fetch.fetch("zoo") == zoo.folder() and tmp_path in zoo.folder().parents
    assert len(list(zoo.folder().iterdir())) == len(site.requests) == 24
    assert all(codec.version for codec in ZOO.values())
    next(zoo.folder().iterdir()).write_bytes(b"other")
    with pytest.raises(InputError, match="not the original: its hash differs"):
        fetch.fetch("zoo")


@pytest.mark.usefixtures("compressai_zoo")
def test_the_zoo_is_pinned_by_its_names() -> None:
    digests = {file.digest for file in fetch._zoo().files}
    assert len(digests) == 24 and "sha256:446d5c7f" in digests
    assert all(len(digest) == len("sha256:") + 8 for digest in digests)
