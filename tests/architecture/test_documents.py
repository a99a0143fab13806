"""The documents tell the truth: README's Python runs, commands and options they show exist, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from typer.main import get_command

from libra_bench.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:^|[\s`$])libra-bench((?: +[^\s`|;&#)]+)*)", re.MULTILINE)


def code_of(text: str) -> list[str]:
    """Indented and fenced code, and code in a line; continued lines joined."""
    fenced = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    indented = re.findall(r"(?:^ {4,}.*\n?)+", text, re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", text)
    return [block.replace("\\\n", " ") for block in (*fenced, *indented, *inline)]


def shown_commands() -> list[tuple[str, list[str]]]:
    found = []
    for path in DOCUMENTS:
        for block in code_of(path.read_text(encoding="utf-8")):
            for match in COMMAND.finditer(block):
                words = match.group(1).split()
                if words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
                    found.append((path.name, words))
    return found


COMMANDS: Any = get_command(app)


def options_of(words: list[str]) -> tuple[int, set[str]]:
    """How many of the words name a command (groups of commands included), and the options of that command."""
    command = COMMANDS
    depth = 0
    while depth < len(words) and words[depth] in getattr(command, "commands", {}):
        command = command.commands[words[depth]]
        depth += 1
    return depth, {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}


def test_every_command_and_option_in_the_documents_exists():
    commands = shown_commands()
    assert len(commands) > 40
    wrong = []
    for document, words in commands:
        depth, known = options_of(words)
        absent = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)} - known
        if not depth or absent:
            wrong.append((document, " ".join(words), sorted(absent) or "no such command"))
    assert not wrong, "\n".join(map(str, wrong))


def test_links_between_documents_lead_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name} -> {target}"


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    # Its model and the other metrics have tests of their own, and take longer than all the rest.
    quick = code.replace('run("demo", "libra-tiny")', 'run("demo", "constant", limit=2, metrics="rouge_l")')
    assert quick != code
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(quick, "README.md", "exec"), names)
    assert (names["folder"] / "report.html").exists()


def test_nothing_speaks_of_the_workplace():
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout.split()
    forbidden = ("/" + "work/", "../" + "shared", "farm" + "-bench", "farm" + "-studio")
    for name in names:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".cfg", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not [word for word in forbidden if word in text], name
