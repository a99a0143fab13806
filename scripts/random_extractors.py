"""Extractors of the published sizes with random weights: what the speed of the real ones is measured with.

BERT base (12 layers of 768) for CheXbert and RadGraph-XL, DistilBERT base (6 layers) for BERTScore; RadGraph's heads as
DyGIE++ is configured; DeBERTa v3 base and MPNet base for RaTEScore, BERT base with 163 labels for SRR-BERT. Vocabulary:
word pieces of the given texts, filled up to the 30,522 of bert-base-uncased.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VOCABULARY = 30_522
PIECES = 1_500
"""Word pieces that are learned."""
CHANNELS, LAYERS = 768, 5
"""Of the encoders; of DistilBERT, which BERTScore reads."""
SPAN_WIDTH, SPANS_PER_WORD, FEATURES, HIDDEN = 8, 0.5, 20, 600
NER_LABELS = ("Anatomy::definitely present", "Observation::definitely present", "Observation::definitely absent",
              "Observation::uncertain")  # fmt: skip
RATE_TYPES = ("ABNORMALITY", "NON-ABNORMALITY", "DISEASE", "NON-DISEASE", "ANATOMY")
SRR_LABELS = 163
RELATIONS = ("modify", "located_at", "suggestive_of")


@dataclass(frozen=True, slots=True)
class RandomExtractors:
    """Where they are."""

    bert: Path
    """Configuration and tokenizer, no weights."""
    distilbert: Path
    chexbert: Path
    radgraph: Path
    ner: Path
    embedding: Path
    srr_bert: Path


def write_random_extractors(folder: Path, texts: Sequence[str]) -> RandomExtractors:
    """Write all of them; about 2.6 GB.

    Args:
        folder: an empty one.
        texts: what the vocabulary is learned from.
    """
    import torch
    from transformers import BertConfig, DistilBertConfig, DistilBertModel

    torch.manual_seed(0)
    names = ("bert", "distilbert", "chexbert.pth", "radgraph-xl", "ner", "embedding", "srr-bert")
    made = RandomExtractors(*(folder / name for name in names))
    made.bert.mkdir()
    BertConfig(vocab_size=VOCABULARY).save_pretrained(made.bert)
    DistilBertModel(DistilBertConfig(vocab_size=VOCABULARY)).save_pretrained(made.distilbert)
    _write_sentence_readers(made)
    for place in (made.bert, made.distilbert, made.ner, made.embedding, made.srr_bert):
        _write_tokenizer(place, texts)
    _write_chexbert(made.chexbert, made.bert)
    _write_radgraph(made.radgraph, made.bert)
    return made


def _write_tokenizer(folder: Path, texts: Sequence[str]) -> None:
    from tokenizers import BertWordPieceTokenizer

    learned = BertWordPieceTokenizer(lowercase=True)
    learned.train_from_iterator(texts, vocab_size=PIECES, min_frequency=1, show_progress=False)
    pieces = [piece for piece, _ in sorted(learned.get_vocab().items(), key=lambda item: item[1])]
    pieces += [f"[unused{number}]" for number in range(VOCABULARY - len(pieces))]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _write_sentence_readers(made: RandomExtractors) -> None:
    """RaTEScore's two models and SRR-BERT."""
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        DebertaV2Config,
        DebertaV2ForTokenClassification,
        MPNetConfig,
        MPNetModel,
    )

    labels = ["O", *(f"{place}-{kind}" for kind in RATE_TYPES for place in "BI")]
    ner = DebertaV2ForTokenClassification(
        DebertaV2Config(
            vocab_size=VOCABULARY,
            hidden_size=CHANNELS,
            num_hidden_layers=12,
            num_attention_heads=12,
            intermediate_size=4 * CHANNELS,
            relative_attention=True,
            position_buckets=256,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            position_biased_input=False,
            type_vocab_size=0,
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
        )
    )
    with torch.no_grad():
        ner.classifier.bias[0] = 1.0  # fewer entities, more like real ones
    ner.save_pretrained(made.ner)
    MPNetModel(MPNetConfig(vocab_size=VOCABULARY)).save_pretrained(made.embedding)
    srr_bert = BertConfig(vocab_size=VOCABULARY, num_labels=SRR_LABELS, problem_type="multi_label_classification")
    BertForSequenceClassification(srr_bert).save_pretrained(made.srr_bert)


def _write_chexbert(file: Path, bert: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    body = BertModel(BertConfig.from_pretrained(bert))
    state = {f"module.bert.{name}": value for name, value in body.state_dict().items()}
    for head in range(14):
        linear = torch.nn.Linear(body.config.hidden_size, 4 if head < 13 else 2)
        state |= {f"module.linear_heads.{head}.{name}": value for name, value in linear.state_dict().items()}
    torch.save({"epoch": 0, "model_state_dict": state, "optimizer_state_dict": {}}, file)


def _write_radgraph(folder: Path, bert: Path) -> None:
    """The package's own model, built from its configuration, so that names and shapes are the real ones."""
    import torch

    vocabulary = folder / "vocabulary"
    vocabulary.mkdir(parents=True)
    (vocabulary / "radgraph-xl__ner_labels.txt").write_text("\n".join(["", *NER_LABELS]) + "\n")  # the first: no entity
    (vocabulary / "radgraph-xl__relation_labels.txt").write_text("\n".join(RELATIONS) + "\n")
    (vocabulary / "non_padded_namespaces.txt").write_text("*tags\n*labels\n")
    reader = {"bert": {"type": "pretrained_transformer_mismatched", "model_name": str(bert), "max_length": 512}}
    heads = {
        "feature_size": FEATURES,
        "max_span_width": SPAN_WIDTH,
        "target_task": "relation",
        "feedforward_params": {"num_layers": 2, "hidden_dims": HIDDEN, "dropout": 0.4},
        "loss_weights": {"ner": 0.2, "relation": 1.0, "coref": 0.0, "events": 0.0},
        "modules": {
            "coref": {"spans_per_word": 0.3, "max_antecedents": 100, "coref_prop": 0},
            "ner": {},
            "relation": {"spans_per_word": SPANS_PER_WORD},
            "events": {
                "trigger_spans_per_word": 0.3,
                "argument_spans_per_word": 0.8,
                "loss_weights": {"trigger": 0.2, "arguments": 1.0},
            },
        },
    }
    unused = {"type": "dygie", "initializer": {}, "module_initializer": {}}
    config = {
        "dataset_reader": {"max_span_width": SPAN_WIDTH, "token_indexers": reader},
        "model": {**unused, "embedder": {"token_embedders": reader}, **heads},
    }
    (folder / "config.json").write_text(json.dumps(config))
    model = _dygie(vocabulary, bert, json.loads(json.dumps(heads)))
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "_scorers" in name and name.endswith("bias"):
                value.fill_(-0.05)  # a random score is as often above 0 as below: fewer entities, more like real ones
    torch.save(model.state_dict(), folder / "weights.th")


def _dygie(vocabulary: Path, bert: Path, heads: dict[str, Any]) -> Any:
    from radgraph.allennlp.common import cached_transformers
    from radgraph.allennlp.data import Vocabulary
    from radgraph.allennlp.modules import text_field_embedders, token_embedders
    from radgraph.dygie.models import dygie

    from libra_bench.metrics.extractors.radgraph import restore_methods

    for arguments in ({"use_fast": True}, {"use_fast": True, "cache_dir": None}):
        restore_methods(cached_transformers.get_tokenizer(str(bert), **arguments))
    embedder = token_embedders.PretrainedTransformerMismatchedEmbedder(model_name=str(bert), max_length=512)
    fields = text_field_embedders.BasicTextFieldEmbedder({"bert": embedder})
    return dygie.DyGIE(vocab=Vocabulary.from_files(str(vocabulary)), embedder=fields, **heads)


def products(package: str, texts: Sequence[str], models: RandomExtractors) -> float:
    """10^9 operations of the matrix products that the texts' own tokens need, none of them done twice.

    Of CheXbert, BERTScore and RadGraph.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models.bert)
    lengths = [len(tokenizer(text)["input_ids"]) for text in texts]
    layer, keys_and_values = 12 * CHANNELS**2, 2 * CHANNELS**2
    whole_layers = {"chexbert": 11, "bertscore": LAYERS, "radgraph": 12}[package]
    total: float = sum(whole_layers * (layer * n + 2 * CHANNELS * n * n) for n in lengths)
    if package == "chexbert":  # the last layer is for [CLS] alone
        total += sum(keys_and_values * n + 2 * CHANNELS * n + layer - keys_and_values for n in lengths)
    if package == "radgraph":
        words = (len(tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)) for text in texts)
        total += sum(map(_of_heads, words))
    return 2 * total / 1e9


def _of_heads(words: int) -> float:
    """Multiplications of RadGraph's heads for a report.

    The first layers are linear in a span's two ends and its width, and in a pair's two spans and their product, which
    is the same for both orders.
    """
    spans, kept, channels = SPAN_WIDTH * words, -(-words // 2), 2 * CHANNELS + FEATURES
    of_spans = 2 * (2 * words * CHANNELS * HIDDEN + spans * HIDDEN**2)
    of_pairs = 2 * kept * channels * HIDDEN + kept * (kept + 1) / 2 * channels * HIDDEN + kept**2 * HIDDEN**2
    return of_spans + of_pairs
