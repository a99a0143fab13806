"""What the doctor says of packages: those that a user may need, each once, and how to get what is not there."""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement

from libra_bench.cli.machine import _packages, _requirements


def test_every_package_is_named_once_and_none_that_only_development_needs():
    named = [requirement.name for requirement, _ in _requirements()]
    assert len(set(named)) == len(named)
    assert {"numpy", "torch", "vllm", "uvicorn"} <= {*named}
    assert not {"pytest", "ruff", "mypy", "libra-bench"} & {*named}
    core = {Requirement(text).name for text in requires("libra-bench") or [] if "extra ==" not in text}
    assert core == {requirement.name for requirement, extra in _requirements() if extra is None}


def test_what_is_not_there_comes_with_the_extra_that_brings_it():
    extras = {requirement.name: extra for requirement, extra in _requirements()}
    assert (extras["vllm"], extras["bert-score"], extras["uvicorn"]) == ("vllm", "bertscore", "serve")
    for finding in _packages():
        name = finding.what.removeprefix("package ")
        if finding.state == "absent" and name in extras:
            assert finding.remedy == f"pip install 'libra-bench[{extras[name]}]'"
        assert finding.state != "broken", finding
