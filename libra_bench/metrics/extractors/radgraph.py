"""RadGraph entities and relations of reports, with the model of the `radgraph` package, in batches.

What we do at its boundary: give its tokenizer *instances* the two methods that transformers 5 dropped, and give it a
scratch copy of the model folder (it locks files in there) with the backbone rewritten. `radgraph_reading` reads batches
with the package's modules. Release 0.1.18 on transformers 5 then annotates exactly as on transformers 4 (see
tests/golden/metrics/radgraph.json).
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import tarfile
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.errors import MetricUnavailableError
from benchmarks.files import sha256_file, user_cache
from benchmarks.hub import cached_file, fetch_file
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.extractors.pretrained import Precision, in_identity
from libra_bench.metrics.extractors.radgraph_reading import BatchReader, Stored
from libra_bench.metrics.extractors.weights import (
    HINT,
    digest,
    encoder_missing,
    fetch_encoder,
    hub_missing,
    is_path,
    tokenizer_digest,
)
from libra_bench.metrics.metric import Missing

REPOSITORY = "StanfordAIMI/RRG_scorers"
MODEL_TYPES = ("radgraph", "radgraph-xl", "modern-radgraph-xl", "echograph")
MEMBERS = ("config.json", "weights.th", "vocabulary")
PACKAGE_MISSING = Missing("the package radgraph is not installed", "pip install 'libra-bench[radgraph]'")


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity of a report."""

    start: int
    """First token."""
    end: int
    """Last token, included."""
    tokens: str
    """The tokens, with single spaces between them."""
    label: str
    relations: tuple[tuple[str, int], ...]
    """(relation, index of the entity it points to)."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What RadGraph sees in a report."""

    tokens: tuple[str, ...]
    entities: tuple[Entity, ...]


def radgraph_missing(model: str, backbone: str | None) -> Missing | None:
    """Why RadGraph cannot run here with this model, or None; loads nothing."""
    if find_spec("radgraph") is None:
        return PACKAGE_MISSING
    place = _model_place(model)
    if place is None:
        if is_path(model):
            return Missing(f"{model} does not exist", "pass model=FOLDER or FILE.tar.gz", "model=FOLDER")
        if model not in MODEL_TYPES:
            return Missing(f"{model!r} is no RadGraph model", f"pass a folder, a .tar.gz, or {', '.join(MODEL_TYPES)}")
        return hub_missing(REPOSITORY, f"{model}.tar.gz", "model=FOLDER", f"or the published {model}.tar.gz")
    try:
        backbone = backbone or _stated_backbone(place)
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as error:
        return Missing(f"{place} is not a RadGraph model ({error})", f"it must hold {', '.join(MEMBERS)}")
    return encoder_missing(_near(backbone, place), parameter="backbone", weights=False)


def radgraph_digest(model: str) -> str:
    """The hash of a model's weights, for the signature; "unknown" where they are not on this machine."""
    place = _model_place(model) if find_spec("radgraph") else None
    if place is None:
        return digest(None)
    return digest((place if place.is_dir() else _unpacked(place)) / "weights.th")


@dataclass(frozen=True, slots=True)
class RadGraphExtractor:
    """The RadGraph of given weights. Create it with `of`."""

    folder: Path
    """The model folder; never written to."""
    model_type: str
    backbone: Path
    """The folder of its encoder's configuration and tokenizer."""
    precision: Precision = "float32"
    """Of its encoder; its heads compute in float32."""

    @classmethod
    def of(cls, model: str, backbone: str | None, precision: Precision = "float32") -> RadGraphExtractor:
        """Find (or fetch) the weights of a model.

        Args:
            model: a folder, a .tar.gz, or a model's name ("radgraph-xl").
            backbone: a folder or hub id; None: what the model's config.json names.
            precision: of its encoder's numbers.

        Raises:
            MetricUnavailableError: they are not here and cannot be fetched, or are no RadGraph model.
        """
        place = _model_place(model)
        if place is None:
            if model not in MODEL_TYPES:
                raise MetricUnavailableError(f"{model} does not exist", hint="see docs/weights.md")
            place = fetch_file(REPOSITORY, f"{model}.tar.gz", hint=HINT)
        folder = place if place.is_dir() else _unpacked(place)
        backbone = _near(backbone or _stated_backbone(folder), place)
        return cls(folder, _model_type(folder), fetch_encoder(backbone, weights=False), precision)

    @property
    def identity(self) -> str:
        """What decides an annotation: weights, model type, tokenizer, package release."""
        weights, tokenizer = digest(self.folder / "weights.th"), tokenizer_digest(self.backbone)
        return f"{self.model_type}@{weights}|{tokenizer}|radgraph-{version('radgraph')}{in_identity(self.precision)}"

    def annotate(self, texts: Sequence[str]) -> dict[str, Graph]:
        """The graph of each distinct text, as it is (RadGraph is case-sensitive: lower-case first).

        A text without a token has an empty graph.
        """
        tokens = {text: _tokens(text, self.model_type) for text in set(texts)}
        found = extract(
            [text for text in texts if tokens[text]],
            self._compute,
            cache=ExtractionCache("radgraph", self.identity),
            title="RadGraph",
        )
        return {text: _graph(words, json.loads(found.get(text, b"[]"))) for text, words in tokens.items()}

    def _compute(self, texts: Sequence[str]) -> list[bytes]:
        package = _load(self.folder, self.model_type, self.backbone, self.precision)
        reader = BatchReader.of(package)
        if reader is None:
            if self.precision != "float32":
                raise MetricUnavailableError(
                    f"{self.folder} propagates coreference, and is read in float32 alone", hint="leave precision out"
                )
            stored = _one_by_one(package, texts)
        else:
            stored = reader.read([_tokens(text, self.model_type) for text in texts])
        return [json.dumps(entities).encode() for entities in stored]


def _one_by_one(package: Any, texts: Sequence[str]) -> list[Stored]:
    """What the package says of texts, one after the other."""
    import torch

    with (
        torch.inference_mode(),
        contextlib.redirect_stdout(io.StringIO()) as printed,
        warnings.catch_warnings(action="ignore"),  # it warns of every text of one token
    ):
        annotations = package(list(texts))
    if len(annotations) != len(texts):
        reason = " ".join(printed.getvalue().split()) or "it gave no reason"
        # one of these texts is to blame: `failing_texts` finds out which
        raise ValueError(f"radgraph left out {len(texts) - len(annotations)} of {len(texts)} texts: {reason}")
    return [_stored(annotations[str(index)]) for index in range(len(texts))]


@contextlib.contextmanager
def scratch_model(folder: Path, model_type: str, backbone: Path) -> Iterator[Path]:
    """A temporary `model_cache_dir` for the package: the model's folder, its backbone rewritten to a local one."""
    with tempfile.TemporaryDirectory(prefix="radgraph-") as scratch:
        copy = Path(scratch) / model_type
        copy.mkdir()
        config = json.loads((folder / "config.json").read_text())
        config["dataset_reader"]["token_indexers"]["bert"]["model_name"] = str(backbone)
        config["model"]["embedder"]["token_embedders"]["bert"]["model_name"] = str(backbone)
        (copy / "config.json").write_text(json.dumps(config))
        shutil.copytree(folder / "vocabulary", copy / "vocabulary", copy_function=shutil.copyfile)
        os.symlink((folder / "weights.th").resolve(), copy / "weights.th")
        yield Path(scratch)


@functools.lru_cache(maxsize=2)
def _load(folder: Path, model_type: str, backbone: Path, precision: Precision) -> Any:
    """The package's model, in evaluation mode; on the first GPU if there is one."""
    import torch

    with warnings.catch_warnings():  # importing the package sets a filter for the whole process
        from radgraph import RadGraph
        from radgraph.allennlp.common import cached_transformers

    # The package asks this cache of its own for the tokenizer, once with each set of arguments.
    for arguments in ({"use_fast": True}, {"use_fast": True, "cache_dir": None}):
        restore_methods(cached_transformers.get_tokenizer(str(backbone), **arguments))
    with scratch_model(folder, model_type, backbone) as cache, contextlib.redirect_stdout(io.StringIO()):
        cuda = torch.cuda.current_device() if torch.cuda.is_available() else -1
        package = RadGraph(model_type=model_type, model_cache_dir=str(cache), cuda=cuda).eval()
    package.model._embedder.to(getattr(torch, precision))
    return package


def restore_methods(tokenizer: Any) -> None:
    """Give a tokenizer instance what transformers 4 had and the package calls; nothing if it has it."""
    if not hasattr(tokenizer, "encode_plus"):
        tokenizer.encode_plus = tokenizer.__call__
    if not hasattr(tokenizer, "build_inputs_with_special_tokens"):
        probe = tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = tokenizer("a")["input_ids"]
        start = whole.index(probe[0])
        before, after = whole[:start], whole[start + len(probe) :]
        tokenizer.build_inputs_with_special_tokens = lambda ids: [*before, *ids, *after]


def _model_place(model: str) -> Path | None:
    """The folder or archive of a model on this machine."""
    place = Path(model).expanduser()
    if place.exists():
        return place.absolute()
    if model not in MODEL_TYPES:
        return None
    own = platformdirs.user_cache_path("radgraph") / version("radgraph")  # where the package itself puts it
    if (own / model / "weights.th").exists():
        return own / model
    archive = f"{model}.tar.gz"
    return cached_file(REPOSITORY, archive) or cached_file(REPOSITORY, archive, cache=own)


def _unpacked(archive: Path) -> Path:
    """The folder of an archive, unpacked once into the user's cache."""
    folder = user_cache() / "radgraph" / sha256_file(archive)[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        with contextlib.suppress(OSError):  # another process was faster
            scratch.rename(folder)
    except (tarfile.TarError, OSError) as error:
        raise MetricUnavailableError(f"{archive} cannot be unpacked ({error})", hint="fetch it again") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _model_type(folder: Path) -> str:
    """The model's type: what its vocabulary's files are named after."""
    for model_type in MODEL_TYPES:
        if (folder / "vocabulary" / f"{model_type}__ner_labels.txt").exists():
            return model_type
    raise MetricUnavailableError(
        f"{folder} is not a RadGraph model: no vocabulary/TYPE__ner_labels.txt", hint=f"TYPE: {', '.join(MODEL_TYPES)}"
    )


def _stated_backbone(place: Path) -> str:
    """The encoder that a model's config.json names; reads an archive only as far as that file."""
    if place.is_dir():
        config = json.loads((place / "config.json").read_text())
    else:
        with tarfile.open(place) as tar:
            member = next((item for item in tar if item.name.removeprefix("./") == "config.json"), None)
            stream = member and tar.extractfile(member)
            if not stream:
                raise KeyError("no config.json")
            config = json.load(stream)
    return str(config["dataset_reader"]["token_indexers"]["bert"]["model_name"])


def _near(backbone: str, place: Path) -> str:
    """A relative folder in a config is looked up from here, then from the model's own place."""
    for base in (Path(), place, place.parent):
        if (base / backbone / "config.json").exists():
            return str(base / backbone)
    return backbone


def _tokens(text: str, model_type: str) -> tuple[str, ...]:
    from radgraph.utils import preprocess_reports

    return tuple(preprocess_reports([text], model_type)[0]["sentences"][0])


def _stored(annotation: dict[str, Any]) -> Stored:
    return [
        (
            entity["start_ix"],
            entity["end_ix"],
            entity["label"],
            [(relation, int(target) - 1) for relation, target in entity["relations"]],
        )
        for entity in annotation["entities"].values()
    ]


def _graph(tokens: tuple[str, ...], stored: Stored) -> Graph:
    return Graph(
        tokens,
        tuple(
            Entity(start, end, " ".join(tokens[start : end + 1]), label, tuple((name, to) for name, to in relations))
            for start, end, label, relations in stored
        ),
    )
