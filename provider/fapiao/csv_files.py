"""CSV files as people save them: English or Chinese headings, UTF-8 or GB18030, comma, semicolon or tab."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from fapiao.errors import ConfigurationError

__all__ = ["CsvFile", "read_csv"]


class CsvFile:
    """The rows of a file under its headings, read once."""

    def __init__(self, name: str, text: str) -> None:
        head = text.partition("\n")[0]
        self.name = name
        self._reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
        try:
            self.columns = [heading.strip() for heading in self._reader.fieldnames or ()]
        except csv.Error as problem:
            raise self._broken(problem) from None

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(line of the file, cells by heading); a line without any cell is left out.

        Cells beyond the headings stand under the heading ``""``, joined, so that nothing is lost in silence.

        :raises ConfigurationError: it is no CSV file.
        """
        try:
            for row in self._reader:
                cells = {
                    (heading or "").strip(): ",".join(cell) if isinstance(cell, list) else (cell or "").strip()
                    for heading, cell in row.items()
                }
                if any(cells.values()):
                    yield self._reader.line_num, cells
        except csv.Error as problem:
            raise self._broken(problem) from None

    def _broken(self, problem: csv.Error) -> ConfigurationError:
        return ConfigurationError(f"The file {self.name} is no CSV file: {problem}.", advice="Save it as CSV again.")


def read_csv(path: Path) -> CsvFile:
    """The file at ``path``.

    :raises ConfigurationError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ConfigurationError(
            f"The file {path.name} cannot be read: {problem.strerror}.", advice="Correct the path."
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    return CsvFile(path.name, text)
