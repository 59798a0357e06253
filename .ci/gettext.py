"""Write the catalogue of the book's sentences, and the translated pages: `make gettext`."""

from __future__ import annotations

from regime_lib.companion.book.project import find_project
from regime_lib.companion.publish.translation import (
    lagging,
    languages,
    write_catalogue,
    write_translation,
)


def main() -> None:
    """Say where the files lie."""
    project = find_project()
    catalogues = write_catalogue(project)
    print(f"sentences: {project.show(catalogues)}")
    for language in languages(project):
        if gone := lagging(project, language, catalogues):
            print(f"{language}: {len(gone)} sentences to translate again, first: {gone[0][:60]}")
        print(f"{language}: {project.show(write_translation(project, language))}")


if __name__ == "__main__":
    main()
