"""Execution of one notebook in a fresh kernel of this interpreter, with logging, memory measurement and clean-up."""

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
NO_MODULES_FROM_THE_WORKING_DIRECTORY = ["--InteractiveShellApp.ignore_cwd=True"]  # cf. `_io.module_command`


class Meter:
    """Context manager that samples the peak resident memory of a process tree and kills the tree on exit.

    Parameters
    ----------
    stop : threading.Event, optional
        If set, the tree is killed.

    Attributes
    ----------
    peak_mb : float
        In MB; memory shared between processes is counted once for each of them.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop, self.peak_mb = stop or threading.Event(), 0.0
        self._root: psutil.Process | None = None
        self._seen: set[psutil.Process] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def watch(self, pid: int) -> None:
        """Start measuring the process tree rooted at `pid`."""
        with suppress(psutil.NoSuchProcess):  # the kernel died immediately
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
                with suppress(psutil.NoSuchProcess):  # ended since it was listed
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
            if process.is_running():  # also compares the start time, so a reused pid is not killed
                process.kill()


def kernel_manager(log: TextIO, environment: dict[str, str], meter: Meter, folder: Path) -> type[AsyncKernelManager]:
    """Return a kernel manager class whose kernels use this interpreter, independent of installed kernel specs.

    Parameters
    ----------
    log : file object
        Receives the kernel process's standard output and error.
    environment : dict of str
        Environment variables set for the kernel in addition to those of this process.
    meter : Meter
        Receives the kernel's process id.
    folder : pathlib.Path
        Folder for the kernel's connection file and IPython's folder.
    """

    class PageKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(**get_kernel_dict(NO_MODULES_FROM_THE_WORKING_DIRECTORY))

        async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
            self.transport_encryption = "auto"
            self.connection_file = str(folder / "kernel.json")  # removed with the folder, even after a kill
            own = {"IPYTHONDIR": str(folder / "ipython")}  # no start-up files of the user; nothing left in their home
            await super().start_kernel(env=os.environ | environment | own, stdout=log, stderr=log, **kwargs)
            meter.watch(self.provisioner.pid)  # type: ignore[union-attr]
            if meter.stop.is_set():  # jupyter_client would wait a minute for a kernel that died this early
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
    """Run `notebook` with papermill in a separate kernel.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The page.
    output : Path
        Path to which papermill writes the notebook after every cell.
    parameters : dict
        Values injected below the cell tagged ``parameters``.
    log : file object
        Receives the kernel's standard error, from cells and from the process.
    environment : dict of str
        Environment variables set for the kernel.
    meter : Meter
        Measures the kernel's memory, and kills its remaining processes at the end.

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
