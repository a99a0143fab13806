"""Collect the pages of the site in a folder, and write those that come from the program: commands and Python names.

The folder has the layout of the repository, so that links between documents lead to the same places; mkdocs builds it.
"""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from typer.core import TyperArgument, TyperGroup
from typer.main import get_command

import libra_bench
import model_adapters.adapter
from libra_bench.cli.app import EXIT_STATUS, app
from libra_bench.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "docs")
API = {
    "libra_bench": [f"libra_bench.{name}" for name in libra_bench.__all__] + ["libra_bench.rewards.reward"],
    "model_adapters.adapter": [f"model_adapters.adapter.{name}" for name in model_adapters.adapter.__all__],
    "benchmarks.schema": ["benchmarks.schema"],
}
"""Page, which is a module -> what it documents."""
BOLD = re.compile(r"\[bold\](.*?)\[/bold\]", re.DOTALL)


def main() -> None:
    """Write the pages and the configuration with the whole navigation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    copy_documents(pages)
    write_commands(pages / "docs" / "commands")
    write_api(pages / "docs" / "api")
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(configuration(), sort_keys=False), encoding="utf-8")


def copy_documents(pages: Path) -> None:
    """Copy what people wrote."""
    pages.mkdir(parents=True)
    for name in DOCUMENTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, pages / name, ignore=shutil.ignore_patterns("*.yml"))
        else:
            shutil.copy(ROOT / name, pages / name)


def configuration() -> dict[str, Any]:
    """`docs/site/mkdocs.yml`, with the commands and the Python names in its navigation."""
    settings: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "site" / "mkdocs.yml").read_text(encoding="utf-8"))
    headings: dict[str, list[Any]] = {}
    for name, listed in COMMANDS.items():
        headings.setdefault(listed.heading, []).append({name: f"docs/commands/{name}.md"})
    commands = ["docs/commands/index.md", *({heading: names} for heading, names in headings.items())]
    api = [{page: f"docs/api/{page}.md"} for page in API]
    for section in settings["nav"]:
        if "Reference" in section:
            section["Reference"][:0] = [{"Commands": commands}, {"Python": api}]
    return settings


def write_commands(folder: Path) -> None:
    """One page for each command of the overview (a group with all that is in it), and the overview."""
    folder.mkdir(parents=True)
    overview = ["# Commands", "", "Generated from the program; `libra-bench COMMAND --help` says the same.", ""]
    for heading in dict.fromkeys(listed.heading for listed in COMMANDS.values()):
        rows = [
            f"| [`{name}`]({name}.md) | {in_markdown(listed.summary)} |"
            for name, listed in COMMANDS.items()
            if listed.heading == heading
        ]
        overview += [f"## {heading}", "", "| command | what it does |", "|---|---|", *rows, ""]
    overview += ["## Exit status", "", "| status | meaning |", "|---|---|"]
    overview += [f"| {status} | {meaning} |" for status, meaning in EXIT_STATUS.items()]
    (folder / "index.md").write_text("\n".join(overview) + "\n", encoding="utf-8")
    root: Any = get_command(app)
    for name in COMMANDS:
        lines = [line for path, one in commands_below(root.commands[name], (name,)) for line in on_page(path, one)]
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def commands_below(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The command, then those in it, each with the words that name it."""
    yield path, command
    if isinstance(command, TyperGroup):
        for name, one in command.commands.items():
            yield from commands_below(one, (*path, name))


def on_page(path: Sequence[str], command: Any) -> list[str]:
    """A command's part of its page: help, usage, and its arguments and options panel by panel."""
    context = command.make_context(" ".join(("libra-bench", *path)), [], resilient_parsing=True)
    usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
    lines = [f"{'#' * min(len(path), 3)} {' '.join(path)}", "", f"```text\n{usage}\n```", ""]
    lines += [help_in_markdown(command.help or ""), ""]
    panels: dict[str, list[str]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and not parameter.hidden and parameter.name != "help":
            panel = "Arguments" if isinstance(parameter, TyperArgument) else parameter.rich_help_panel or "Options"
            panels.setdefault(panel, []).append(f"`{record[0]}`\n:   {in_markdown(record[1]) or '-'}\n")
    for panel, entries in panels.items():
        lines += [f"**{panel}**", "", *entries]
    if isinstance(command, TyperGroup):
        lines += [f"- [`{' '.join((*path, name))}`](#{'-'.join((*path, name))})" for name in command.commands]
        lines.append("")
    return lines


def help_in_markdown(text: str) -> str:
    """A help text: its paragraphs, and what it shows in bold (examples) as code."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        examples = BOLD.findall(paragraph)
        if examples and BOLD.sub("", paragraph).split() in ([], ["or"]):
            paragraphs.append("```sh\n" + "\n".join(examples).replace(r"\[", "[") + "\n```")
        else:
            paragraphs.append(in_markdown(BOLD.sub(r"`\1`", paragraph)))
    return "\n\n".join(paragraphs)


def in_markdown(text: str) -> str:
    """The text of a help, whose signs mean nothing but for backticks."""
    parts = re.split(r"(`[^`]+`)", text.replace(r"\[", "["))
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_<>\[\]|#])", r"\\\1", part) for part in parts)


def write_api(folder: Path) -> None:
    """One page per module; mkdocstrings puts signatures and docstrings in the place of each name."""
    folder.mkdir(parents=True)
    for page, names in API.items():
        if names == [page]:
            lines = [f"::: {page}", "    options: {heading_level: 1}"]
        else:
            purpose = in_markdown((importlib.import_module(page).__doc__ or "").partition("\n")[0])
            lines = [f"# {page}\n", f"{purpose}\n", *(f"::: {name}\n" for name in names)]
        (folder / f"{page}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
