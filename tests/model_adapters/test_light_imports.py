"""What an adapter's class says is read without loading what the model needs."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("family", ["libra", "vllm"])
def test_the_class_of_an_adapter_imports_no_torch(family):
    code = f"import sys, model_adapters.{family}.adapter; print({{'torch', 'transformers'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
