"""One fresh kernel for one notebook: this interpreter's own, logged, measured, and killed with all it started."""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TextIO

import nbformat
import papermill
import psutil
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

SAMPLE_SECONDS = 0.2


class Meter:
    """Context manager that samples a process tree's peak resident memory and leaves none of the tree alive.

    Parameters
    ----------
    stop : threading.Event, optional
        Once it is set, the tree is killed.

    Attributes
    ----------
    peak_mb : float
        In MB; pages that processes share count for each of them.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop, self.peak_mb = stop or threading.Event(), 0.0
        self._root: psutil.Process | None = None
        self._seen: set[psutil.Process] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def watch(self, pid: int) -> None:
        """Begin to measure the tree under process `pid`."""
        with suppress(psutil.NoSuchProcess):  # a kernel that died at once
            self._root = psutil.Process(pid)
            self._thread.start()

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)] if self._root else []
        except psutil.NoSuchProcess:
            return []

    def _sample(self) -> None:
        while not self._done.is_set():
            self._seen |= set(tree := self._tree())
            resident = 0
            for process in tree:
                with suppress(psutil.NoSuchProcess):  # it ended since it was listed
                    resident += process.memory_info().rss
            self.peak_mb = max(self.peak_mb, resident / 1e6)
            if self.stop.is_set():
                self._kill()
            self._done.wait(SAMPLE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._root:
            self._thread.join()
            self._kill()

    def _kill(self) -> None:
        for process in {*self._seen, *self._tree()}:
            if process.is_running():  # compares the start time too, so a reused pid is not touched
                process.kill()


def kernel_manager(log: TextIO, environment: dict[str, str], meter: Meter, folder: Path) -> type[AsyncKernelManager]:
    """Return a kernel manager class whose kernels run this interpreter, whatever kernel specs are installed.

    Parameters
    ----------
    log : file object
        Takes what the kernel process itself writes to standard output and error.
    environment : dict of str
        Variables set for the kernel in addition to those of this process.
    meter : Meter
        Gets the kernel's process id.
    folder : pathlib.Path
        Takes the kernel's connection file.
    """

    class PageKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(**get_kernel_dict())

        async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
            self.transport_encryption = "auto"
            self.connection_file = str(folder / "kernel.json")  # goes with the folder, also if this process is killed
            await super().start_kernel(env=os.environ | environment, stdout=log, stderr=log, **kwargs)
            meter.watch(self.provisioner.pid)  # type: ignore[union-attr]
            if meter.stop.is_set():  # jupyter_client would wait a minute for a kernel that died so early
                raise RuntimeError("stopped")

    return PageKernel


def execute(
    notebook: nbformat.NotebookNode,
    output: Path,
    parameters: dict[str, Any],
    log: TextIO,
    environment: dict[str, str],
    meter: Meter,
) -> None:
    """Run `notebook` by papermill in a kernel of its own.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The page.
    output : Path
        Where papermill writes the notebook after every cell.
    parameters : dict
        Values put below the cell tagged ``parameters``.
    log : file object
        Takes the kernel's standard error, from cells and from the process.
    environment : dict of str
        Variables set for the kernel.
    meter : Meter
        Measures the kernel's memory, and kills what is left of its processes at the end.

    Raises
    ------
    papermill.PapermillExecutionError
        A cell raised.
    nbclient.exceptions.DeadKernelError
        The kernel died.
    """
    logging.getLogger("papermill").setLevel(logging.WARNING)
    with meter:
        papermill.execute_notebook(
            notebook,
            str(output),
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            stderr_file=log,
            kernel_manager_class=kernel_manager(log, environment, meter, Path(output).parent),
        )
