"""Archives unpacked without harm: everything is checked before a byte is written, and nothing partial stays behind."""

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from leuknet.exceptions import LeuknetError

MOST_BYTES = 64 * 2**30
MOST_RATIO = 200  # unpacked over packed: pictures do not shrink so far
MOST_FILES = 500_000


def unpack(archive, folder):
    """Unpack a zip or tar archive into the new folder `folder`.

    Parameters
    ----------
    archive, folder : path

    Raises
    ------
    LeuknetError
        If the folder exists, the file is no archive, is damaged or encrypted, names a path outside the folder, holds
        links or devices, or is too large unpacked (`MOST_BYTES`, `MOST_RATIO`). Nothing is left behind.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise LeuknetError(f"{folder} is there already: remove it or name another folder")
    if not archive.is_file():
        raise LeuknetError(f"no file {archive}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpack-"))
    try:
        _unpack(archive, temporary)
        temporary.rename(folder)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as e:
        raise LeuknetError(f"{archive} cannot be unpacked: {' '.join(str(e).split())}") from e
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack(archive, folder):
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            for member in members:
                if member.flag_bits & 1:
                    raise LeuknetError(f"{archive} is encrypted: unpack it by hand with the provider's password")
                if (member.external_attr >> 16) & 0o170000 == 0o120000:
                    raise LeuknetError(f"{archive} holds a link, {member.filename!r}: refused")
            _check(archive, [(member.filename, member.file_size) for member in members])
            opened.extractall(folder)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:
            members = opened.getmembers()
            for member in members:
                if not (member.isfile() or member.isdir()):
                    raise LeuknetError(f"{archive} holds a link or device, {member.name!r}: refused")
            _check(archive, [(member.name, member.size) for member in members])
            opened.extractall(folder, filter="data")
    else:
        raise LeuknetError(f"{archive} is neither a zip nor a tar archive")


def _check(archive, members):
    for name, _ in members:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise LeuknetError(f"{archive} names a path outside its folder, {name!r}: refused")
    total, packed = sum(size for _, size in members), max(archive.stat().st_size, 1)
    if total > MOST_BYTES or len(members) > MOST_FILES:
        raise LeuknetError(f"{archive} would unpack to {len(members)} files of {total / 2**30:.1f} GiB: refused")
    if total > 2**20 and total / packed > MOST_RATIO:
        raise LeuknetError(f"{archive} would unpack to {total / packed:.0f} times its size: refused as a bomb")
