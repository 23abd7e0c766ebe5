"""Unpack archives safely: all members are checked before any file is written, and failures leave nothing behind."""

import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from leuknet._io import scratch
from leuknet.exceptions import LeuknetError

_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


@dataclass(frozen=True)
class Limits:
    """Limits on the content of an archive; ``leuknet data get`` has an option for each.

    Attributes
    ----------
    files : int
        Maximum number of members.
    gib : float
        Maximum unpacked size in GiB.
    ratio : float
        Maximum ratio of unpacked to packed size; images do not compress this far.
    header_mib : float
        Maximum size in MiB of names and other metadata entries.
    """

    files: int = 100_000
    gib: float = 64
    ratio: float = 200
    header_mib: float = 64


def unpack(archive: str | Path, folder: str | Path, limits: Limits | None = None) -> None:
    """Unpack a zip or tar archive into the new folder `folder`.

    Parameters
    ----------
    archive, folder : path
    limits : Limits, optional

    Raises
    ------
    LeuknetError
        If the folder exists, or the file is not an archive, is damaged or encrypted, refers to a path outside the
        folder, contains links or devices, or exceeds `limits`. All files and folders created so far are removed.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise LeuknetError(f"{folder} is there already: remove it or name another folder")
    if not archive.is_file():
        raise LeuknetError(f"no file {archive}")
    near = next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        with scratch(near, ".unpack") as temporary:
            new = temporary / "new"
            new.mkdir()
            (_unzip if zipfile.is_zipfile(archive) else _untar)(archive, new, limits or Limits())
            folder.parent.mkdir(parents=True, exist_ok=True)
            new.rename(folder)
    except _DAMAGE as error:
        raise LeuknetError(f"{archive} cannot be unpacked: {' '.join(str(error).split())}") from error


def _unzip(archive: Path, folder: Path, limits: Limits) -> None:
    with zipfile.ZipFile(archive) as opened:
        check, members = _Check(archive, limits), opened.infolist()
        check.headers(sum(len(member.filename) + len(member.extra) + len(member.comment) for member in members))
        for member in members:
            if member.flag_bits & 1:
                raise LeuknetError(f"{archive} is encrypted: unpack it manually with the provider's password")
            if (member.external_attr >> 16) & 0o170000 == 0o120000:
                raise LeuknetError(f"{archive} contains a link, {member.filename[:80]!r}: refused")
            check.member(member.filename, member.file_size)
        opened.extractall(folder)


def _untar(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpack in two passes over the stream; `_Check` checks each header before the next one is read."""
    check = _Check(archive, limits)
    with _tar(archive, limits) as opened:
        for member in opened:
            if not (member.isfile() or member.isdir()):
                raise LeuknetError(f"{archive} contains a link or device, {member.name[:80]!r}: refused")
            check.member(member.name, member.size)
            opened.members = []  # type: ignore[attr-defined]  # undocumented; prevents unlimited growth
    with _tar(archive, limits) as opened:
        opened.extractall(folder, filter="data")


def _tar(archive: Path, limits: Limits) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, tarinfo=_limited_headers(archive, limits))
    except tarfile.ReadError as error:
        raise LeuknetError(f"{archive} is neither a zip nor a tar archive, or its header is damaged") from error


def _limited_headers(archive: Path, limits: Limits) -> type[tarfile.TarInfo]:
    """Return a TarInfo class that rejects long names and PAX records before they are read."""
    check = _Check(archive, limits)
    extended = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
    extended |= {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}

    class Member(tarfile.TarInfo):
        def _proc_member(self, opened: tarfile.TarFile) -> tarfile.TarInfo:
            if self.type in extended:
                check.headers(self.size + tarfile.BLOCKSIZE)
            return super()._proc_member(opened)  # type: ignore[misc]  # no other hook before a header is read

    return Member


class _Check:
    """Count the members of an archive; raise LeuknetError if they exceed the limits or lie outside the folder."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.packed = max(archive.stat().st_size, 1)
        self.files = self.size = self.described = 0

    def headers(self, size: int) -> None:
        """Count metadata entries."""
        self.described += size
        if self.described > self.limits.header_mib * 2**20:
            self._refuse(f"more than {self.limits.header_mib:g} MiB of names and headers", "max-header-mib")

    def member(self, name: str, size: int) -> None:
        """Count one member."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise LeuknetError(f"{self.archive} contains a path outside its folder, {name[:80]!r}: refused")
        self.files, self.size = self.files + 1, self.size + size
        if self.files > self.limits.files:
            self._refuse(f"more than {self.limits.files} files", "max-files")
        if self.size > self.limits.gib * 2**30:
            self._refuse(f"more than {self.limits.gib:g} GiB", "max-gib")
        if self.size > 2**20 and self.size / self.packed > self.limits.ratio:
            self._refuse(f"more than {self.limits.ratio:g} times its own size, like a zip bomb", "max-ratio")

    def _refuse(self, what: str, option: str) -> None:
        raise LeuknetError(f"{self.archive} contains {what}: refused; raise the limit with --{option} if you trust it")
