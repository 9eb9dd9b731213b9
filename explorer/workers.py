"""Where long jobs run: a pool of local processes, or a Dask cluster, both behind concurrent.futures.Executor."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from typing import Any

from explorer.images import InputError

DASK_TIMEOUT_S = 10.0
_GOES_ON = "the same command goes on where this one stopped"


@dataclass(frozen=True)
class Workers:
    """executor: runs jobs, `number` at a time."""

    executor: Executor
    number: int


@contextmanager
def start_workers(workers: int | None, dask: str | None) -> Iterator[Workers]:
    """Workers for as long as the block lasts. Where it is left early, by Ctrl-C above all, nobody waits for what is
    under way. Raises InputError where a worker dies."""
    with _on_dask(dask) if dask is not None else _in_pool(workers or os.cpu_count() or 1) as started:
        yield started


# -- local processes -------------------------------------------------------------------------------------------------


class _Pool(ProcessPoolExecutor):
    """Whose processes, which a submission may start, do not hear Ctrl-C, from their first instruction on."""

    def submit(self, *args: Any, **options: Any) -> Future[Any]:
        """As of the parent."""
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(*args, **options)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which a new process inherits
        try:
            return super().submit(*args, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _in_pool(number: int) -> Iterator[Workers]:
    others = set(active_children())
    pool = _Pool(number, get_context("spawn"), _prepare_worker)
    try:
        yield Workers(pool, number)
    except BrokenProcessPool:
        why = "A worker process died, most often for want of memory"
        raise InputError(f"{why}; use fewer --workers; {_GOES_ON}.") from None
    except BaseException:
        for process in set(active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


# -- a cluster -------------------------------------------------------------------------------------------------------


@contextmanager
def _on_dask(address: str) -> Iterator[Workers]:
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise InputError("--dask needs Dask's scheduler: pip install 'mae-explorer[dask]'") from None
    try:
        client = Client(address, timeout=DASK_TIMEOUT_S)
    except (OSError, ValueError, TypeError):
        raise InputError(f"No Dask scheduler answers at {address}; start one with `dask scheduler`.") from None
    try:
        yield Workers(client.get_executor(pure=False), max(sum(client.ncores().values()), 1))
    except KilledWorker:
        raise InputError(f"A worker of the cluster died again and again; give it more memory; {_GOES_ON}.") from None
    except CancelledError:
        raise InputError(f"The cluster at {address} was lost; {_GOES_ON}.") from None
    finally:
        client.close()
