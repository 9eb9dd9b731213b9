"""Many users at once, on loopback: each with pictures of its own, which it drags λ over and switches between.

    python -m tests.load --users 40 --seconds 180 --json checkpoints/results/load.json

Every frame is compared with what a session of this process makes of the same picture at the same λ, and with those of
all other users' pictures: one that is nearer to another user's is cross-talk.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from random import Random
from time import monotonic

import httpx
import numpy as np
import psutil
import websockets

from explorer import Session, load_model
from explorer.images import to_png

LAMBDAS = (64.0, 256.0, 1024.0, 4096.0)
SIZES = ((192, 256), (256, 384), (384, 512), (512, 768))
PICTURES = 2  # of each user
SPARSE = 8  # of every so many pixels each way one is compared
# In levels. A server with another number of threads rounds y's last bits otherwise, which moves single pixels.
NEAR = 0.5
STEPS = 24  # of λ in a drag
PAUSE_S = (0.0, 0.05)  # between the steps
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Picture:
    """file: a PNG. frames: by λ, the pixels of its reconstruction that are compared."""

    file: bytes
    frames: dict[float, np.ndarray]


@dataclass
class User:
    """What happened to one user. waits: seconds from the request of a frame to its last byte."""

    waits: list[float] = field(default_factory=list)
    superseded: int = 0
    refused: int = 0
    switches: int = 0


@dataclass
class Report:
    """What happened to all. rss_mb: of the server, (seconds, megabytes), from the first request to long after the last.
    flat_mb: how much it rose from the second third of the load to the last. spread: of the users' median waits, the
    longest over the shortest."""

    users: int
    seconds: float
    model: str
    frames: int = 0
    frames_per_second: float = 0.0
    superseded: int = 0
    refused: int = 0
    switches: int = 0
    numbers: int = 0
    points: int = 0
    errors: list[str] = field(default_factory=list)
    cross_talk: int = 0
    median_wait_ms: float = 0.0
    shortest_median_ms: float = 0.0
    longest_median_ms: float = 0.0
    longest_wait_ms: float = 0.0
    spread: float = 0.0
    rss_start_mb: int = 0
    rss_peak_mb: int = 0
    rss_after_mb: int = 0
    flat_mb: int = 0
    rss_mb: list[tuple[float, int]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether it meets the bars: no error, no cross-talk, like waits, and the memory given back."""
        return (
            not self.errors
            and not self.cross_talk
            and self.spread <= 3
            and self.rss_after_mb <= self.rss_start_mb + 300
        )

    def as_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=1)


def picture(seed: int, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8, smooth, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (*(side // 32 + 2 for side in size), 3))
    rows, columns = (np.linspace(0, side // 32, side) for side in size)
    top, left = rows.astype(int), columns.astype(int)
    down, across = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - across) + coarse[top][:, left + 1] * across
    lower = coarse[top + 1][:, left] * (1 - across) + coarse[top + 1][:, left + 1] * across
    return (upper * (1 - down) + lower * down + rng.normal(0, 4, (*size, 3))).clip(0, 255).astype(np.uint8)


def prepare(
    users: int, model: str, lambdas: Sequence[float] = LAMBDAS, sizes: Sequence[tuple[int, int]] = SIZES
) -> list[list[Picture]]:
    """The pictures of each user, with what is to come of them."""
    codec = load_model(model)

    def made(seed: int) -> Picture:
        pixels = picture(seed, sizes[seed % len(sizes)])
        session = Session(codec, pixels)
        return Picture(to_png(pixels), {each: _sparse(session.reconstruct(each)) for each in lambdas})

    return [[made(PICTURES * user + i) for i in range(PICTURES)] for user in range(users)]


def _sparse(pixels: np.ndarray) -> np.ndarray:
    return pixels[::SPARSE, ::SPARSE].astype(np.int16)


class Load:
    """The users of one server."""

    def __init__(self, address: str, process: int, pictures: list[list[Picture]], model: str) -> None:
        self.address, self.pictures, self.model = address, pictures, model
        self.report = Report(len(pictures), 0.0, model)
        self.users = [User() for _ in pictures]
        self._server = psutil.Process(process)
        self._started = self._end = monotonic()

    async def run(self, seconds: float, after: float) -> Report:
        """Let all users work for so long, and look at the server's memory for so long after they have left."""
        report = self.report
        report.seconds = seconds
        self._started, self._end = monotonic(), monotonic() + seconds
        watch = asyncio.ensure_future(self._watch())
        report.rss_start_mb = self._rss()
        await asyncio.gather(*(self._visit(i) for i in range(len(self.users))))
        await asyncio.sleep(after)
        watch.cancel()
        self._sum_up()
        return report

    async def _watch(self) -> None:
        while True:
            self.report.rss_mb.append((round(monotonic() - self._started, 1), self._rss()))
            await asyncio.sleep(1)

    def _rss(self) -> int:
        return self._server.memory_info().rss >> 20

    def _sum_up(self) -> None:
        report, users = self.report, self.users
        waits = [wait for user in users for wait in user.waits]
        medians = [1000 * statistics.median(user.waits) for user in users if user.waits]
        report.frames, report.frames_per_second = len(waits), round(len(waits) / report.seconds, 1)
        for name in ("superseded", "refused", "switches"):
            setattr(report, name, sum(getattr(user, name) for user in users))
        if len(medians) < len(users):
            report.errors.append(f"{len(users) - len(medians)} users got no frame")
        if medians:
            report.shortest_median_ms, report.longest_median_ms = round(min(medians), 1), round(max(medians), 1)
            report.median_wait_ms = round(statistics.median(medians), 1)
            report.longest_wait_ms = round(1000 * max(waits), 1)
            report.spread = round(max(medians) / min(medians), 2)
        during = [mb for at, mb in report.rss_mb if at <= report.seconds]
        thirds = [during[i * len(during) // 3 : (i + 1) * len(during) // 3] or [0] for i in (1, 2)]
        report.flat_mb = round(statistics.median(thirds[1]) - statistics.median(thirds[0]))
        report.rss_peak_mb, report.rss_after_mb = max(mb for _, mb in report.rss_mb), report.rss_mb[-1][1]

    # -- one user ------------------------------------------------------------------------------------------------------

    async def _visit(self, number: int) -> None:
        random, page = Random(number), secrets.token_hex(16)
        line = f"{self.address.replace('http', 'ws', 1)}/api/page?page={page}"
        try:
            async with (
                websockets.connect(line),
                httpx.AsyncClient(base_url=self.address, params={"page": page}, timeout=PATIENCE_S) as client,
            ):
                await self._work(number, random, client)
        except Exception as error:
            self.report.errors.append(f"user {number}: {type(error).__name__}: {error}"[:300])

    async def _work(self, number: int, random: Random, client: httpx.AsyncClient) -> None:
        tokens = [await self._open(client, each) for each in self.pictures[number]]
        while monotonic() < self._end:
            which = random.randrange(PICTURES)
            self.users[number].switches += 1
            async with self._curve(client, tokens[which]):
                await self._drag(number, which, tokens[which], random, client)
            await self._numbers(client, tokens[which], random)

    async def _open(self, client: httpx.AsyncClient, one: Picture) -> str:
        query = {"model": self.model, "name": "mine.png"}
        answer = await client.post("/api/open", params=query, content=one.file)
        token: str = answer.raise_for_status().json()["id"]
        return token

    async def _drag(self, number: int, which: int, token: str, random: Random, client: httpx.AsyncClient) -> None:
        """λ moves up and down; now and then a newer frame is asked for while the one before is still to come."""
        for _ in range(STEPS):
            if monotonic() >= self._end:
                return
            wanted = [random.choice(LAMBDAS) for _ in range(1 + (random.random() < 0.2))]
            await asyncio.gather(*(self._frame(number, which, token, lmbda, client) for lmbda in wanted))
            await asyncio.sleep(random.uniform(*PAUSE_S))

    async def _frame(self, number: int, which: int, token: str, lmbda: float, client: httpx.AsyncClient) -> None:
        user, asked = self.users[number], monotonic()
        answer = await client.get(f"/api/frame/{token}", params={"lmbda": lmbda, "live": 1})
        if answer.status_code == 204:
            user.superseded += 1
        elif answer.status_code == 503 and answer.json()["error"]:
            user.refused += 1
            await asyncio.sleep(1)
        else:
            answer.raise_for_status()
            user.waits.append(monotonic() - asked)
            self.check(number, which, token, lmbda, answer.content)

    def check(self, number: int, which: int, token: str, lmbda: float, body: bytes) -> None:
        """Note what is wrong with a frame that a user got of one of its pictures at λ."""
        (length,) = struct.unpack_from("<I", body)
        header = json.loads(body[4 : 4 + length])
        shape = header["height"], header["width"], 3
        pixels = np.frombuffer(body, np.uint8, count=int(np.prod(shape)), offset=4 + length)
        found = _sparse(pixels.reshape(shape))
        if header["picture"] != token or abs(header["lmbda"] / lmbda - 1) > 1e-3:
            self.report.errors.append(f"user {number} got {header['picture']} at {header['lmbda']}")
        expected = self.pictures[number][which].frames[lmbda]
        if found.shape == expected.shape and np.abs(found - expected).mean() <= NEAR:
            return
        strangers = [one for other, own in enumerate(self.pictures) if other != number for one in own]
        near = [_is_near(found, frame) for one in strangers for frame in one.frames.values()]
        self.report.cross_talk += any(near)
        self.report.errors.append(f"user {number} got pixels that are not those of its picture at λ = {lmbda}")

    async def _numbers(self, client: httpx.AsyncClient, token: str, random: Random) -> None:
        answer = await client.get(f"/api/numbers/{token}", params={"lmbda": random.choice(LAMBDAS)})
        self.report.numbers += answer.raise_for_status().json()["point"]["bytes"] > 0

    @asynccontextmanager
    async def _curve(self, client: httpx.AsyncClient, token: str) -> AsyncIterator[None]:
        """Points are measured meanwhile, and given up."""
        reading = asyncio.ensure_future(self._read_curve(client, token))
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_curve(self, client: httpx.AsyncClient, token: str) -> None:
        async with client.stream("GET", f"/api/points/{token}", params={"codecs": "jpeg"}) as answer:
            async for line in answer.aiter_lines():
                self.report.points += "point" in json.loads(line)


def _is_near(found: np.ndarray, other: np.ndarray) -> bool:
    return found.shape == other.shape and bool(np.abs(found - other).mean() <= NEAR)
