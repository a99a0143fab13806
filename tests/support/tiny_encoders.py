"""Tiny encoders for tests, the same on every machine: their weights come from numpy's generator, not from torch's."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden"
CHECKPOINTS = GOLDEN / "tiny_checkpoints"
BERT = CHECKPOINTS / "bert"
RADGRAPH = CHECKPOINTS / "radgraph-xl.tar.gz"
CHEXBERT = CHECKPOINTS / "chexbert.pth"
RATE_TYPES = ("ABNORMALITY", "NON-ABNORMALITY", "DISEASE", "NON-DISEASE", "ANATOMY")


def distilbert(folder: Path, layers: int = 3) -> Path:
    """A DistilBERT with the tiny BERT's tokenizer."""
    from transformers import DistilBertConfig, DistilBertModel

    vocabulary = (BERT / "vocab.txt").read_text().splitlines()
    config = DistilBertConfig(
        vocab_size=len(vocabulary), dim=32, n_layers=layers, n_heads=2, hidden_dim=64, max_position_embeddings=512
    )
    _save(DistilBertModel(config), folder)
    return _with_tokenizer(folder)


def roberta(folder: Path, layers: int = 2) -> Path:
    """A RoBERTa whose byte-level tokenizer tells a word with a space before it from one without."""
    from tokenizers import pre_tokenizers
    from transformers import RobertaConfig, RobertaModel

    merges = ["h e", "t he", "Ġ the", "Ġ t", "n o", "Ġ no", "i s", "Ġ is", "l u", "Ġ lu", "e f", "Ġ ef"]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokens += [merge.replace(" ", "") for merge in merges] + ["<mask>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    _save(RobertaModel(config), folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    settings = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def radgraph_of_type(folder: Path, model_type: str) -> Path:
    """The tiny RadGraph as a folder of another model type: names in its vocabulary and weights say which."""
    import torch

    with tarfile.open(RADGRAPH) as tar:
        tar.extractall(folder, filter="data")
    for file in (folder / "vocabulary").glob("radgraph-xl__*"):
        file.rename(file.with_name(file.name.replace("radgraph-xl", model_type)))
    weights = torch.load(folder / "weights.th", weights_only=True)
    renamed = {name.replace("radgraph-xl__", f"{model_type}__"): value for name, value in weights.items()}
    torch.save(renamed, folder / "weights.th")
    return folder


def baseline(file: Path) -> Path:
    """A table to rescale with."""
    file.write_text("LAYER,P,R,F\n0,0.1,0.1,0.1\n1,0.2,0.2,0.2\n2,0.3,0.31,0.32\n")
    return file


def rate_ner(folder: Path, seed: int = 12) -> Path:
    """A DeBERTa token classifier of 2 layers over RaTEScore's types (IOB), with a SentencePiece-like tokenizer."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import DebertaV2Config, DebertaV2ForTokenClassification

    words = "no the is of and pleural effusion left right small lung heart normal opacity stable edema are clear in"
    pieces = [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0)]
    pieces += [(f"▁{word}", -4.0) for word in words.split()] + [("▁", -6.0), ("ing", -7.0), ("tion", -7.0)]
    pieces += [
        (character, -9.0) for character in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;()%"
    ]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\n", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    labels = ["O", *(f"{place}-{kind}" for kind in RATE_TYPES for place in "BI")]
    config = DebertaV2Config(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
        relative_attention=True,
        position_biased_input=False,
        pos_att_type=["p2c", "c2p"],
        type_vocab_size=0,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    _save(DebertaV2ForTokenClassification(config), folder, seed)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def bert(folder: Path) -> Path:
    """A BERT of 2 layers with the tiny BERT's configuration and tokenizer."""
    from transformers import BertConfig, BertModel

    _save(BertModel(BertConfig.from_pretrained(BERT)), folder)
    return _with_tokenizer(folder)


def srr_bert(folder: Path, labels: int = 12, seed: int = 10) -> Path:
    """A BERT classifier of sentences with several labels each."""
    from transformers import BertConfig, BertForSequenceClassification

    _save(BertForSequenceClassification(BertConfig.from_pretrained(BERT, num_labels=labels)), folder, seed)
    return _with_tokenizer(folder)


def _with_tokenizer(folder: Path) -> Path:
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((BERT / name).read_bytes())
    return folder


def _save(model: Any, folder: Path, seed: int = 0) -> None:
    import torch

    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, value in sorted(model.state_dict().items()):
            if value.is_floating_point():
                noise = generator.normal(0, 0.2, tuple(value.shape))
                value.copy_(torch.tensor(noise + (1 if name.lower().endswith("norm.weight") else 0)))
    model.save_pretrained(folder)
