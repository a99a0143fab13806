"""The command line inside this process: the same words and the same answers as the program, without its start."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from real_program import Program


class InProcess(Program):
    """`libra-bench`, called in `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        super().__init__(folder)
        self._monkeypatch, self._capfd = monkeypatch, capfd

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        from libra_bench.cli.app import main

        words = ["libra-bench", *map(str, arguments)]
        self._capfd.readouterr()
        loaded = set(sys.modules)
        with self._monkeypatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", words)
            patch.setattr(sys, "path", [*sys.path])
            patch.setattr(warnings, "showwarning", warnings.showwarning)  # which the program replaces
            for name, value in {"NO_COLOR": "1", "COLUMNS": "200", **environment}.items():
                patch.setitem(os.environ, name, value)
            status = 0
            try:
                main()
            except SystemExit as left:
                status = left.code if isinstance(left.code, int) else int(left.code is not None)
        self._forget(sys.modules.keys() - loaded)
        out, err = self._capfd.readouterr()
        return subprocess.CompletedProcess(words, status, out, err)

    def _forget(self, names: set[str]) -> None:
        """A module of the test's own folder is imported anew by the next call, as by the next start of the program."""
        for name in names:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(self.folder):
                del sys.modules[name]
