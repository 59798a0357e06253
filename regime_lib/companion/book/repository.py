"""Where the project is published: the one setting, and the addresses that follow from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

import yaml

from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.errors import RegimeError

_FORM = re.compile(r"https://[\w.-]+(?:/[\w.~-]+){2,}")
_GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+)")

#: The branch to which a workflow writes notebooks that install what they need, for Colab.
STANDALONE_BRANCH = "notebooks"


@dataclass(frozen=True)
class Repository:
    """A published copy of the project."""

    url: str
    branch: str = "main"

    def binder(self, chapter: str) -> str:
        """Return the address at which Binder opens a chapter in JupyterLab."""
        github = _GITHUB.fullmatch(self.url)
        where = f"gh/{github[1]}/{github[2]}" if github else f"git/{quote(self.url, safe='')}"
        place = quote(f"lab/tree/notebooks/{chapter}.ipynb", safe="")
        return f"https://mybinder.org/v2/{where}/{quote(self.branch, safe='')}?urlpath={place}"

    def colab(self, chapter: str) -> str | None:
        """Return the address at which Colab opens a chapter; it knows only GitHub."""
        if github := _GITHUB.fullmatch(self.url):
            place = f"{github[1]}/{github[2]}/blob/{STANDALONE_BRANCH}/{chapter}.ipynb"
            return f"https://colab.research.google.com/github/{place}"
        return None


def read_repository(project: Project) -> Repository | None:
    """Read where the project is published from ``_config.yml``; None while that is not set.

    Raises
    ------
    RegimeError
        If the address is not of the form ``https://HOST/NAME/REPO``.
    """
    path = project.root / "_config.yml"
    if not path.is_file():
        return None
    with reading_committed(path):
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        setting = found.get("repository") or {}
        url, branch = setting.get("url") or "", setting.get("branch") or "main"
    if not url:
        return None
    bare = str(url).rstrip("/").removesuffix(".git")
    if not _FORM.fullmatch(bare):
        raise RegimeError(
            f"_config.yml: the repository's url is '{url}'; write it as https://github.com/NAME/REPO"
        )
    return Repository(bare, str(branch))
