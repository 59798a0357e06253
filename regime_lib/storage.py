"""Files read and written whole: damage is told in one sentence, and no write leaves half of one."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from regime_lib.errors import RegimeError

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

_CHUNK = 1 << 20
#: The numbers of errors that say that a disk or a quota is full.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_OURS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Damaged(RegimeError):
    """A file that is not what it should be: its name, what is wrong, and what mends it."""


class Unwritten(RegimeError):
    """A file that could not be written: why, what has happened instead, and what to do."""


@contextmanager
def reading(path: str | Path, mend: str, name: str = "") -> Iterator[None]:
    """Tell in one sentence whatever goes wrong with a file in the block that reads and uses it.

    Parameters
    ----------
    path : str or Path
        The file.
    mend : str
        What to do about it, as the end of the sentence.
    name : str, optional
        What the sentence calls the file; its path by default.

    Raises
    ------
    Damaged
        For whatever the block raises, but for a `RegimeError`, which is a sentence already.
    """
    try:
        yield
    except RegimeError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        raise Damaged(f"{name or path} {_complaint(error)}; {mend}") from None


def read_json(path: str | Path, kind: type[T]) -> T:
    """Return the content of a JSON file, if it is of type `kind`; for use in `reading`."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(found, kind):
        raise TypeError(f"it holds a {type(found).__name__}, not a {kind.__name__}")
    return found


def read_table(path: str | Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return a Parquet table, if it has these columns; for use in `reading`."""
    import pandas as pd

    table = pd.read_parquet(io.BytesIO(Path(path).read_bytes()))
    if missing := [name for name in columns if name not in table.columns]:
        raise ValueError(f"it has no column {missing[0]!r}")
    return table


@contextmanager
def atomic_write(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path; rename it to `path` if the block succeeds, else remove it.

    Parameters
    ----------
    path : str or Path
        The file to create or replace. Missing parent folders are made.
    durable : bool
        Whether the content must be on the disk before the name points to it, so that no crash of
        the machine leaves it empty; not needed where damage is noticed and made again.

    Yields
    ------
    Path
        Where to write. It lies in the same folder, so that the final rename is atomic.
    """
    target = Path(path)
    try:
        with _beside(target) as temporary:
            yield temporary
            _finish(temporary, durable)
            temporary.replace(target)
    except OSError as error:  # a full disk does not say of which file
        if error.errno and not error.filename:
            error.filename = str(target)
        raise


@contextmanager
def all_or_nothing() -> Iterator[Callable[[str | Path], Path]]:
    """Give a function from a file to a temporary path; replace all files, or none of them.

    What needs room is written before the first file is replaced. If a replacement fails, those
    before it are taken back.

    Raises
    ------
    Unwritten
        If a file cannot be written. Every file is then as it was.
    """
    written: dict[Path, Path] = {}
    with ExitStack() as stack:

        def beside(path: str | Path) -> Path:
            target = Path(path)
            written[target] = stack.enter_context(_beside(target))
            return written[target]

        try:
            yield beside
            for temporary in written.values():
                _finish(temporary, durable=True)
            _replace_all(written)
        except OSError as error:
            names = {str(temporary): target for target, temporary in written.items()}
            named = str(error.filename2 or error.filename or "")
            place = names.get(named, named) or next(reversed(written), None)
            raise Unwritten(unwritten(error, place, "nothing was changed")) from error


def unwritten(error: OSError, path: str | Path | None, instead: str) -> str:
    """Say that a file could not be written, what has happened `instead`, and what to do."""
    place = path or error.filename2 or error.filename or "the output"
    if error.errno in NO_ROOM:
        remedy = "make room and repeat the command"
    elif error.errno in _NOT_OURS:
        remedy = "make the place writable and repeat the command"
    else:
        remedy = "see to that and repeat the command"
    return f"{place} cannot be written ({error.strerror or error}); {instead}, so {remedy}"


def require_writable(folder: Path, instead: str) -> None:
    """Refuse a folder that takes no file, before anybody works for it.

    Raises
    ------
    Unwritten
        It says what has happened `instead`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Unwritten(unwritten(error, folder, instead)) from None


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _complaint(error: Exception) -> str:
    """Say what is wrong with a file that could not be read, as the middle of a sentence."""
    match error:
        case FileNotFoundError():
            return "is missing"
        case IsADirectoryError() | NotADirectoryError():
            return "is a folder where a file belongs, or the other way round"
        case OSError(strerror=str() as words):
            return f"cannot be read ({words})"
        case UnicodeError():
            return "is not text in UTF-8"
        case json.JSONDecodeError(msg=words, lineno=line):
            return f"is not JSON ({words}, line {line})"
        case RecursionError():
            return "is nested too deeply"
        case KeyError(args=[str() as key]):
            return f"lacks {key!r}"
    words = (str(error).splitlines() or [""])[0]
    return f"is damaged ({words or type(error).__name__})"


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `target`; whatever is left there is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace_all(written: dict[Path, Path]) -> None:
    """Put new files in their places; if one cannot be put, take the others back."""
    done: list[tuple[Path, Path | None]] = []
    try:
        for target, temporary in written.items():
            done.append((target, _keep(target, temporary.with_suffix(".old"))))
            temporary.replace(target)
    except BaseException:  # an interrupt, too
        for target, old in reversed(done):
            with suppress(OSError):
                old.replace(target) if old else target.unlink(missing_ok=True)
        raise
    finally:
        for _, old in done:
            with suppress(OSError):
                if old:
                    old.unlink(missing_ok=True)


def _keep(target: Path, old: Path) -> Path | None:
    """Give a file a second name, or where there are no links another one; None without a file."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not target.exists():
        return None
    try:
        os.link(target, old)
    except OSError:
        target.replace(old)
    return old


def _finish(path: Path, durable: bool) -> None:
    """Bring a file that `mkstemp` made to the disk, with the mode that `open` would give it."""
    if durable:
        with path.open("r+b") as file:
            os.fsync(file.fileno())
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
