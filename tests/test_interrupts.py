"""A run that is interrupted ends at once, keeps every finished setting and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from conftest import smooth_picture, wait_until

from explorer import evaluate, images, workers
from explorer.images import InputError
from explorer.store import Store
from explorer.workers import start_workers

SOON_S = 5.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four, large enough that a run over all settings takes minutes."""
    place = tmp_path_factory.mktemp("photographs")
    for number in range(4):
        (place / f"{number}.png").write_bytes(images.to_png(smooth_picture(900, 1200, number)))
    return place


@contextmanager
def under_way(folder: Path, out: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run in a group of processes of its own, as a terminal starts one, that has finished a setting."""
    command = [sys.executable, "-m", "explorer", "evaluate", str(folder), "--json", str(out), *options]
    journal = Store(out).journal
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as run:
        try:
            wait_until(lambda: run.poll() is not None or (journal.exists() and journal.stat().st_size > 0))
            yield run
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


def is_gone(group: int) -> bool:
    """Whether no process of a group is left but those that nobody has waited for yet."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    states = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        states += [state] if int(of_group) == group else []
    return not set(states) - {"Z"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the processes of a group in /proc")
@pytest.mark.parametrize(
    ("signals", "status"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
    ],
    ids=["once", "twice", "terminated"],
)
def test_an_interrupted_run_ends_at_once_and_keeps_what_is_finished(
    photographs: Path, tmp_path: Path, signals: list[signal.Signals], status: int
) -> None:
    kept = Store(tmp_path / "rows.json")
    with under_way(photographs, kept.path, "--codecs", "avif", "--workers", "2") as run:
        start = time.perf_counter()
        for each in signals:
            os.killpg(run.pid, each)
        told = run.communicate(timeout=60)[1].decode()
        assert time.perf_counter() - start < SOON_S
        wait_until(lambda: is_gone(run.pid))
    rows, notes = kept.read(strict=True)[1:]
    assert run.returncode == status and "Traceback" not in told
    assert 0 < len(rows) < 64 and not notes
    if len(signals) == 1:  # who presses twice does not wait for it
        assert f"Interrupted: {len(rows)} of 64 settings are kept; the same command goes on from there." in told


def test_a_run_on_a_cluster_is_interrupted_as_well(photographs: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    kept, threads = Store(tmp_path / "rows.json"), torch.get_num_threads()
    with (
        distributed.LocalCluster(
            1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
        ) as cluster,
        under_way(photographs, kept.path, "--codecs", "avif", "--dask", cluster.scheduler_address) as run,
    ):
        start = time.perf_counter()
        os.killpg(run.pid, signal.SIGINT)
        told = run.communicate(timeout=60)[1].decode()
        assert time.perf_counter() - start < SOON_S
    torch.set_num_threads(threads)
    number = len(kept.read().rows)
    assert run.returncode == 130 and "Traceback" not in told and number > 0
    assert f"Interrupted: {number} of 64 settings are kept" in told


@pytest.mark.parametrize("die", [os._exit, os.abort], ids=["leaves", "aborts"])
def test_a_worker_that_dies_is_one_sentence(die: Callable[..., None]) -> None:
    why = "A worker process died.* the same command goes on where this one stopped"
    with pytest.raises(InputError, match=why), start_workers(1, None) as at_work:
        at_work.executor.submit(die, *[1] * (die is os._exit)).result()


def test_a_cluster_that_is_lost_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "DASK_TIMEOUT_S", 3.0)  # also to connect in
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None)
    why = r"The cluster at .* was lost; the same command goes on where this one stopped"
    with pytest.raises(InputError, match=why), start_workers(None, cluster.scheduler_address) as at_work:
        cluster.close()
        at_work.executor.submit(int).result()


def test_rows_that_came_before_a_worker_died_are_given_first() -> None:
    job = evaluate.Job("jpeg", Path("a.png"), "a", 50)
    pending: dict[Future[dict[str, object]], evaluate.Job] = {}
    for outcome in (BrokenProcessPool(), {"codec": "jpeg"}, BrokenProcessPool()):
        future: Future[dict[str, object]] = Future()
        if isinstance(outcome, dict):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)
        pending[future] = job
    ended = evaluate._ended(pending)
    assert next(ended) == (job, {"codec": "jpeg"})
    with pytest.raises(BrokenProcessPool):
        next(ended)
