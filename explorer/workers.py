"""Where long jobs run: a pool of local processes, or a Dask cluster, both behind concurrent.futures.Executor."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any

from explorer.images import InputError

DASK_TIMEOUT_S = 10.0


@contextmanager
def start_workers(workers: int | None, dask: str | None) -> Iterator[tuple[Executor, int]]:
    """An executor and how many jobs it runs at a time."""
    if dask is not None:
        with _dask_client(dask) as client:
            yield client.get_executor(pure=False), max(sum(client.ncores().values()), 1)
        return
    number = workers or os.cpu_count() or 1
    pool = ProcessPoolExecutor(number, get_context("spawn"), _prepare_worker)
    try:
        yield pool, number
    except BrokenProcessPool:
        remedy = "use fewer --workers; the same command goes on where this one stopped"
        raise InputError(f"A worker process died, most often for want of memory; {remedy}.") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _dask_client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--dask needs Dask's scheduler: pip install 'mae-explorer[dask]'") from None
    try:
        return Client(address, timeout=DASK_TIMEOUT_S)
    except (OSError, ValueError):
        raise InputError(f"No Dask scheduler answers at {address}; start one with `dask scheduler`.") from None


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
