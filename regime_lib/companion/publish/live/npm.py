"""JavaScript of others that live pages use, an editor and a reader of Parquet: pinned, from npm.

The archives lie beside Pyodide's files and are held to their hashes as those are. A book without
them has live cells all the same: code is typed into a plain text field, and Parquet is not read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from regime_lib.companion.book.project import BuildFailed
from regime_lib.companion.publish.live.kit import Carrier, Piece, bring, from_folder, holds
from regime_lib.storage import write_text

#: Where they lie beside a page's other static files.
EDITOR_FOLDER, PARQUET_FOLDER = "editor", "parquet"

_REGISTRY = "https://registry.npmjs.org"
_SECONDS = 20
_INSIDE = "package/"  # what everything in an archive of npm lies in
_IMPORT = re.compile(
    r"(?P<head>^(?:import|export)\b[^;'\"()]*?\bfrom\s*|^import\s*)(?P<quote>['\"])"
    r"(?P<name>[^'\"]+)(?P=quote)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Package:
    """A package of npm."""

    name: str  # by which JavaScript imports it
    version: str
    size: int  # bytes of its archive
    digest: str  # SHA-256 of its archive
    entry: str = "dist/index.js"  # the module that an import gets

    @property
    def flat(self) -> str:
        """Its name as that of a file."""
        return self.name.removeprefix("@").replace("/", "-")

    @property
    def piece(self) -> Piece:
        """Its archive, as npm names it."""
        return Piece(f"{self.flat}-{self.version}.tgz", self.size, self.digest)

    @property
    def address(self) -> str:
        """Where npm's registry has its archive."""
        last = self.name.rpartition("/")[2]
        return f"{_REGISTRY}/{self.name}/-/{last}-{self.version}.tgz"


EDITOR = (
    Package(
        "@codemirror/autocomplete",
        "6.20.4",
        65_656,
        "40b9657b137284426bcd829cdee7dc78a748337de997a12b10b5c725f67aa0d0",
    ),
    Package(
        "@codemirror/commands",
        "6.11.1",
        50_461,
        "f477f46d8c00278e1b387baebd53bd6556fd5f3c7401ebe2a05543600fcbff0f",
    ),
    Package(
        "@codemirror/lang-python",
        "6.2.1",
        8_063,
        "022a075ece066c3015dce4fbddd4d8b6f597679e756d50e697ec16cd3e5b59ca",
    ),
    Package(
        "@codemirror/language",
        "6.13.1",
        77_933,
        "e711ec28da046f6c163e777c5466d8ac805ee9ef5f51c511e8729c6789be7f83",
    ),
    Package(
        "@codemirror/state",
        "6.7.6",
        108_828,
        "91d75acc955ceeaf86af9396c11cda7694fe6222aac8427fa033d89eff5ac839",
    ),
    Package(
        "@codemirror/streamparser",
        "6.0.0",
        4_559,
        "b4888c5ab40350e7a1747d765948a8fa45cfd127c479dd4cdef8097046efe14a",
    ),
    Package(
        "@codemirror/view",
        "6.43.15",
        315_561,
        "f0d5921406f841d211fa0887aabf10626c47676bfc63a4abed2a4d207e27c5ac",
    ),
    Package(
        "crelt",
        "1.0.7",
        2_385,
        "3542299c0278fdc26aceb2b13d31bffbcb89d7367706bbc457130e3fd103c03e",
        "index.js",
    ),
    Package(
        "@lezer/common",
        "1.5.5",
        58_472,
        "ed93cee36403124f51eae638b8a032d6694914c19704de7610db7f2a9441c963",
    ),
    Package(
        "@lezer/highlight",
        "1.2.5",
        17_085,
        "e349eec1ff4382439c1e6286ae937e0203a8349c5192e2e133863391775ac7ff",
    ),
    Package(
        "@lezer/lr",
        "1.4.12",
        42_603,
        "64382ee7f144221e4c655f2034393c6be9cecaf5ea2ec1c1edeb99424defb272",
    ),
    Package(
        "@lezer/python",
        "1.1.19",
        47_608,
        "0e00a32717366099c01b38a19ceb73315cd1dd9b335d98b49fea50ab7c5c2a98",
    ),
    Package(
        "@marijn/find-cluster-break",
        "1.0.4",
        4_960,
        "5d12b770b64d46632c84fcd18e1d4c09f195ed0f5dbc71f94a41f0af333eaeae",
        "src/index.js",
    ),
    Package(
        "style-mod",
        "4.1.5",
        6_143,
        "c4a44844213a141da55c51a2f81d701acdb9944465328b4a2a6b9626c6d9fc39",
        "src/style-mod.js",
    ),
    Package(
        "w3c-keyname",
        "2.2.8",
        2_970,
        "05d21484026d1f2dd842c843181e391e66d60f1d5dff292d562c3f40302dab36",
        "index.js",
    ),
)
PARQUET = (
    Package(
        "hyparquet",
        "1.33.0",
        74_042,
        "6af16c6ed33e983d6ee6e5e05b1ef3ae766efc22240fac3eb56ecd2ab5780e9b",
        "src/index.js",
    ),
)
PACKAGES = (*EDITOR, *PARQUET)


def fetch_packages(into: Path, carriers: tuple[Carrier, ...] | None = None) -> str:
    """Bring every archive into a folder, from the first carriers that have it; say how it went.

    Parameters
    ----------
    into : Path
        Where the archives lie afterwards. What is there and right is not fetched again.
    carriers : tuple of Carrier, optional
        Whom to ask, in order: by default the folder that ``PYODIDE_DIR`` names, the command
        `npm`, and npm's registry itself.

    Returns
    -------
    str
        One sentence. What cannot be had is no fault: the pages do without.
    """
    asked = carriers if carriers is not None else (from_folder, from_npm, from_registry)
    faults = bring(_pieces(PACKAGES), into, asked)
    lines = [
        ("CodeMirror", EDITOR, "code is typed into plain text fields"),
        ("hyparquet", PARQUET, "pages read no Parquet"),
    ]
    lacking = [f"{name} cannot be had: {so}" for name, of, so in lines if not ready(into, of)]
    if lacking:
        return f"{'; '.join(lacking)} ({'; '.join(faults) or 'nobody was asked'})"
    return f"CodeMirror and hyparquet for live cells: {len(PACKAGES)} archives, as pinned"


def ready(folder: Path, packages: tuple[Package, ...]) -> bool:
    """Return whether a folder holds the archives of some packages, each with its hash."""
    return holds(folder, _pieces(packages))


def from_npm(names: tuple[str, ...], into: Path) -> None:
    """Let npm pack the archives, which installs nothing."""
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("it is not installed")
    wanted = [f"{p.name}@{p.version}" for p in PACKAGES if p.piece.name in names]
    command = [npm, "pack", "--silent", "--ignore-scripts", f"--pack-destination={into}"]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it failed"]
        raise OSError(said[-1])


def from_registry(names: tuple[str, ...], into: Path) -> None:
    """Download the archives, for a machine without npm."""
    for package in PACKAGES:
        if (name := package.piece.name) in names:
            with urlopen(package.address, timeout=_SECONDS) as answer:
                (into / name).write_bytes(answer.read())


def write_editor(kit: Path, static: Path) -> int:
    """Put the editor's modules beside the pages, each naming the others; return its bytes."""
    files = {f"{package.flat}.js": _linked(package, kit) for package in EDITOR}
    return _write(files, EDITOR, kit, static / EDITOR_FOLDER)


def editor_bytes(kit: Path) -> int:
    """Return how many bytes a page loads for its editor."""
    return sum(len(_linked(package, kit).encode()) for package in EDITOR)


def write_parquet(kit: Path, static: Path) -> int:
    """Put the reader of Parquet beside the pages; return its bytes."""
    (package,) = PARQUET
    folder = package.entry.rpartition("/")[0]
    found = _read(package, kit, rf"{folder}/\w+\.js")
    files = {name.rpartition("/")[2]: text for name, text in found.items()}
    return _write(files, PARQUET, kit, static / PARQUET_FOLDER)


def _linked(package: Package, kit: Path) -> str:
    """Return a module in which packages are named by their files, as no browser finds packages."""
    (text,) = _read(package, kit, re.escape(package.entry)).values()
    known = {other.name: f"./{other.flat}.js" for other in EDITOR}

    def link(match: re.Match[str]) -> str:
        if match["name"] not in known:
            raise BuildFailed(f"{package.name} {package.version} imports {match['name']}, which is "
                              "not among the packages of the editor")  # fmt: skip
        return f"{match['head']}{match['quote']}{known[match['name']]}{match['quote']}"

    return _IMPORT.sub(link, text)


def _write(files: dict[str, str], packages: tuple[Package, ...], kit: Path, place: Path) -> int:
    """Write modules with the licences of what they are from; return the bytes of the modules."""
    place.mkdir(parents=True, exist_ok=True)
    licences = [
        f"{package.name} {package.version}\n\n{text.strip()}\n"
        for package in packages
        for text in _read(package, kit, "LICENSE").values()
    ]
    for name, text in files.items():
        write_text(place / name, text)
    write_text(place / "LICENSES.txt", "\n\n".join(licences))
    return sum(len(text.encode()) for text in files.values())


def _read(package: Package, kit: Path, wanted: str) -> dict[str, str]:
    """Return the files of an archive whose names match, by name; at least one."""
    found = {}
    with tarfile.open(kit / package.piece.name) as archive:
        for member in archive.getmembers():
            name = member.name.removeprefix(_INSIDE)
            if re.fullmatch(wanted, name) and (file := archive.extractfile(member)):
                found[name] = file.read().decode()
    if not found:
        raise BuildFailed(f"the archive of {package.name} holds no {wanted}")
    return found


def _pieces(packages: tuple[Package, ...]) -> tuple[Piece, ...]:
    return tuple(package.piece for package in packages)
