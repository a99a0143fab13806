"""What others find beside the code: how to cite it, what checks it, where to write, and how to put it on a cluster."""

from __future__ import annotations

import os
import re

import pytest
import yaml
from repository import ROOT

import libra_bench

FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def test_the_citation_is_of_this_version_and_of_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation.keys() >= {"message", "title", "authors"}
    assert (citation["title"], citation["version"]) == ("libra-bench", libra_bench.__version__)
    (paper,) = citation["references"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (title,) = re.findall(r" title += \{(.*)\}", readme)
    (authors,) = re.findall(r"author += \{(.*)\}", readme)
    assert paper["title"] == title
    assert " and ".join(f"{one['family-names']}, {one['given-names']}" for one in paper["authors"]) == authors
    assert [one["value"] for one in paper["identifiers"]] == re.findall(r"note += \{(.*)\}", readme)


def test_the_workflow_does_what_ci_run_does():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert workflow[True].keys() == {"push", "pull_request"}, "YAML reads the key `on` as true"
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_the_issue_form_is_one_that_github_reads(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form.keys() >= {"name", "description", "body"}
    fields = [item for item in form["body"] if item["type"] != "markdown"]
    assert {item["type"] for item in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert len({item["id"] for item in fields}) == len({item["attributes"]["label"] for item in fields}) == len(fields)
    assert all(item["attributes"].get("options") for item in fields if item["type"] == "dropdown")
    assert any(item.get("validations", {}).get("required") for item in fields)


def test_there_are_forms_for_bugs_numbers_and_wishes():
    assert [path.stem for path in FORMS] == ["bug", "new-model-or-metric", "wrong-number"]


def test_the_image_gets_all_that_installing_reads():
    """`make install` in the container reads these, and the build backend what pyproject.toml names."""
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (packages,) = re.findall(r"^packages = \[(.*)\]$", project, re.MULTILINE)[:1]
    needed = {
        *re.findall(r'"(\w+)"', packages),
        "locks",
        "Makefile",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "NOTICE",
    }
    assert kept == needed
    assert all((ROOT / name).exists() for name in kept)
    assert "UNTESTED" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
