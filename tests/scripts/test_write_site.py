"""The site: its reference covers the program, its examples do what they show, and it builds without a broken link."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from repository import ROOT, load_script
from typer.core import TyperGroup
from typer.main import get_command

from libra_bench.cli.app import app
from libra_bench.cli.commands import COMMANDS

SITE = load_script("write_site")
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
SHOWN = re.compile(r"```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)
FILE = re.compile(r"`(?P<name>[\w-]+\.\w+)`:?\s*\Z")


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> dict[str, str]:
    """Page -> its Markdown."""
    folder = tmp_path_factory.mktemp("site") / "commands"
    SITE.write_commands(folder)
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def leaves(command: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(command, TyperGroup):
        return [leaf for name, one in command.commands.items() for leaf in leaves(one, (*path, name))]
    return [(path, command)]


def test_the_reference_has_every_command_and_every_option(commands):
    assert commands.keys() == {*COMMANDS, "index"}
    every = [leaf for name in COMMANDS for leaf in leaves(get_command(app).commands[name], (name,))]
    assert len(every) > 50
    for path, command in every:
        page = commands[path[0]]
        assert f"# {' '.join(path)}\n" in page
        part = page.partition(f"# {' '.join(path)}\n")[2].partition("\n#")[0]
        shown = {word.strip(" ,") for line in re.findall(r"^`(.*)`$", part, re.MULTILINE) for word in line.split()}
        hidden = {"--help", *(name for one in command.params if one.hidden for name in one.opts)}
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts) if name.startswith("-")}
        assert options - hidden - shown == set(), path


def test_no_markup_of_the_terminal_is_left(commands):
    assert [(name, line) for name, page in commands.items() for line in page.splitlines() if "bold]" in line] == []


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a [bold]libra-bench run[/bold] of it", "a `libra-bench run` of it"),
        ("[bold]libra-bench a[/bold]   or\n[bold]b \\[x=1][/bold]", "```sh\nlibra-bench a\nb [x=1]\n```"),
        ("k_1 ** 2 <3 `a_b|c`", r"k\_1 \*\* 2 \<3 `a_b|c`"),
    ],
)  # fmt: skip
def test_help_becomes_markdown(text, markdown):
    assert SITE.help_in_markdown(text) == markdown


def test_every_page_is_in_the_navigation():
    text = yaml.safe_dump(SITE.configuration()["nav"])
    missing = [path.name for path in (ROOT / "docs").glob("*.md") if f"docs/{path.name}" not in text]
    assert missing == []


def differences(page: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """The commands of a page whose output is not what it shows, run in the folder.

    A block before which a file is named is that file; `...` is any text, and lines may wrap elsewhere.
    """
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    wrong, tried = [], 0
    for block in SHOWN.finditer(text):
        if block["language"] != "console":
            if named := FILE.search(text[: block.start()]):
                (folder / named["name"]).write_text(block["code"], encoding="utf-8")
            continue
        for shown in re.split(r"^\$ ", block["code"], flags=re.MULTILINE)[1:]:
            command, _, expected = shown.partition("\n")
            done = subprocess.run(
                ["bash", "-c", f"{command} 2>&1"],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            rules = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            if done.returncode or not doctest.OutputChecker().check_output(expected, done.stdout, rules):
                wrong.append(f"{page}: {command}\n{done.stdout}")
            tried += 1
    assert tried >= 3
    return wrong


@pytest.mark.slow
def test_the_commands_of_the_pages_print_what_they_show(tmp_path):
    """In one folder, as a reader would who goes on: the tutorial's runs are not made again."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": programs, "COLUMNS": "80", "HF_HUB_OFFLINE": "1"}
    pages = ("tutorial", "how-to-score", "how-to-paper")
    assert [wrong for page in pages for wrong in differences(page, tmp_path, environment)] == []


def built_site(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Build the site into the folder, with the lines at the end of one of its pages."""
    if not MKDOCS.exists():
        pytest.skip("needs .venv-docs, which `make docs` makes")
    source = (
        ROOT / "build" / "site-of-tests"
    )  # as deep as the site of `make docs`: its configuration names the packages
    subprocess.run([sys.executable, ROOT / "scripts" / "write_site.py", source], check=True)
    with (source / "pages" / "docs" / "phantoms.md").open("a", encoding="utf-8") as page:
        page.writelines(more)
    return subprocess.run(
        [MKDOCS, "build", "--strict", "--config-file", source / "mkdocs.yml", "--site-dir", folder],
        capture_output=True, text=True, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip


@pytest.mark.slow
def test_a_broken_link_or_anchor_stops_the_build(tmp_path):
    built = built_site(tmp_path, "\n[a](nothing.md) [b](data.md#nothing) [c](../benchmarks/schema.py)\n")
    assert built.returncode != 0
    assert [name for name in ("nothing.md", "#nothing", "schema.py") if name not in built.stderr] == []


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_the_net(tmp_path):
    built = built_site(tmp_path)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {str(path.relative_to(tmp_path)): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    assert {"index.html", "docs/tutorial/index.html", "docs/commands/run/index.html"} <= pages.keys()
    for page, names in SITE.API.items():
        html = pages[f"docs/api/{page}/index.html"]
        assert [name for name in names if f'id="{name}"' not in html] == []
    loaded = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:https?:)?//[^>]*>")
    assert {name: found for name, text in pages.items() if (found := loaded.findall(text))} == {}
    styles = [path for path in tmp_path.rglob("*.css") if re.search(r"url\(.?(https?:)?//|@import", path.read_text())]
    assert styles == []
