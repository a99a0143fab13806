"""RadGraph's reading of many reports at once, with the modules of the package's own model (DyGIE++).

The package reads one report after the other and multiplies the same numbers many times. Here its encoder reads
batches, and its heads multiply once: their first layer is linear in a span's first word, last word and width, and in a
pair's two spans and their elementwise product (which is the same for both orders). Sums have another order than the
package's; labels are equal (tests/golden/metrics/radgraph.json). Source: Wadden et al. 2019 (arXiv 1909.03546), and
`radgraph` 0.1.18.

Legend: B texts, W words, P word pieces, C channels of the encoder, S spans, K kept spans, E channels of a span,
M widths, F channels of a width, H hidden channels, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from libra_bench.metrics.extractors.batches import for_each_batch

if TYPE_CHECKING:
    import torch

Stored: TypeAlias = "list[tuple[int, int, str, list[tuple[str, int]]]]"
"""An annotation without its words: (start, end, label, relations) per entity."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of a text, in the package's order: by first word, then by last."""

    starts_S: torch.Tensor
    ends_S: torch.Tensor

    @classmethod
    def of(cls, words: int, max_width: int, device: torch.device) -> Spans:
        """All spans of at most `max_width` words."""
        import torch

        pairs = [(start, end) for start in range(words) for end in range(start, min(start + max_width, words))]
        starts_S, ends_S = torch.tensor(pairs, device=device).T
        return cls(starts_S, ends_S)


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads reports with a model of the package."""

    package: Any
    """A `radgraph.RadGraph`."""

    @classmethod
    def of(cls, package: Any) -> BatchReader | None:
        """A reader; None for a model that propagates coreference, whose spans hang on more than their words."""
        return None if package.model._coref.coref_prop > 0 else cls(package)

    def read(self, texts: Sequence[Sequence[str]]) -> list[Stored]:
        """The entities and relations of texts that are given as words."""
        model = self.package.model
        indexer = self.package.reader._token_indexers["bert"]
        rows = [indexer.tokens_to_indices(self._tokens(words), model.vocab) for words in texts]
        found: list[Stored] = [[] for _ in texts]

        def compute(batch: list[int]) -> None:
            longest = max(len(rows[index]["token_ids"]) for index in batch)
            folded = longest > (indexer._matched_indexer._max_length or longest)
            for part in [[index] for index in batch] if folded else [batch]:
                states_BWC = self._embed([rows[index] for index in part])
                for index, states_WC in zip(part, states_BWC, strict=True):
                    found[index] = self._read_one(states_WC[: len(texts[index])])

        for_each_batch([len(row["token_ids"]) for row in rows], self.package.device, compute)
        return found

    def _tokens(self, words: Sequence[str]) -> list[Any]:
        from radgraph.allennlp.data.tokenizers import Token

        return [Token(self.package.reader._normalize_word(word)) for word in words]

    def _embed(self, rows: Sequence[dict[str, list[Any]]]) -> torch.Tensor:
        """The embeddings of words [B, W, C], in float32: the means of their pieces'."""
        import torch

        indexer = self.package.reader._token_indexers["bert"]
        lengths = {name: max(len(row[name]) for row in rows) for name in rows[0]}
        tensors = [indexer.as_padded_tensor_dict(row, lengths) for row in rows]
        device = self.package.device
        inputs = {name: torch.stack([tensor[name] for tensor in tensors]).to(device) for name in lengths}
        embedded: torch.Tensor = self.package.model._embedder.token_embedder_bert(**inputs)
        return embedded.float()

    def _read_one(self, states_WC: torch.Tensor) -> Stored:
        import torch

        model, name = self.package.model, self.package.model_type
        ner, relation = f"{name}__ner_labels", f"{name}__relation_labels"
        spans = Spans.of(len(states_WC), model._max_span_width, states_WC.device)
        widths_MF = model._endpoint_span_extractor._span_width_embedding.weight

        labels_S = _best(_span_scores(model._ner._ner_scorers[ner], states_WC, spans, widths_MF)).tolist()
        mentions_S = _span_scores(model._relation._mention_pruners[relation]._scorer, states_WC, spans, widths_MF)[:, 0]
        kept = int(torch.ceil(torch.tensor(float(len(states_WC))) * model._relation._spans_per_word))
        kept_K = mentions_S.topk(kept).indices.sort().values
        starts_K, ends_K = spans.starts_S[kept_K], spans.ends_S[kept_K]
        spans_KE = torch.cat([states_WC[starts_K], states_WC[ends_K], widths_MF[ends_K - starts_K]], dim=1)
        scores_KKL = _pair_scores(
            model._relation._relation_feedforwards[relation], model._relation._relation_scorers[relation], spans_KE
        )
        scores_KKL = scores_KKL + mentions_S[kept_K][:, None, None] + mentions_S[kept_K][None, :, None]
        related_KK = _best(scores_KKL)

        places = list(zip(spans.starts_S.tolist(), spans.ends_S.tolist(), strict=True))
        labels = {place: label for place, label in zip(places, labels_S, strict=True) if label}
        number = {place: index for index, place in enumerate(labels)}
        relations: dict[tuple[int, int], list[tuple[str, int]]] = {place: [] for place in labels}
        top = [places[index] for index in kept_K.tolist()]
        for one, other in related_KK.nonzero().tolist():
            if top[one] in number and top[other] in number:
                kind = model.vocab.get_token_from_index(int(related_KK[one, other]) - 1, relation)
                relations[top[one]].append((kind, number[top[other]]))
        return [
            (*place, model.vocab.get_token_from_index(label, ner), relations[place]) for place, label in labels.items()
        ]


def _best(scores: torch.Tensor) -> torch.Tensor:
    """The best of L labels, from 1; 0 where none scores above 0."""
    import torch

    values, labels = scores.max(dim=-1)
    return torch.where(values > 0, labels + 1, 0)


def _span_scores(scorer: Any, states_WC: torch.Tensor, spans: Spans, widths_MF: torch.Tensor) -> torch.Tensor:
    """Scores [S, L] of a feed-forward network and a linear layer that see (first word, last word, width)."""
    import torch

    feedforward, last = scorer[0]._module, scorer[1]._module
    first = feedforward._linear_layers[0]
    channels = states_WC.shape[1]
    of_start, of_end, of_width = first.weight.split([channels, channels, widths_MF.shape[1]], dim=1)
    of_widths_MH = torch.nn.functional.linear(widths_MF, of_width, first.bias)
    hidden_SH = (states_WC @ of_start.T)[spans.starts_S] + (states_WC @ of_end.T)[spans.ends_S]
    hidden_SH += of_widths_MH[spans.ends_S - spans.starts_S]
    scores: torch.Tensor = last(_after_first(feedforward, hidden_SH))
    return scores


def _pair_scores(feedforward: Any, scorer: Any, spans_KE: torch.Tensor) -> torch.Tensor:
    """Scores [K, K, L] of a feed-forward network and a linear layer that see (span, other span, their product)."""
    import torch

    first = feedforward._linear_layers[0]
    of_one, of_other, of_product = first.weight.chunk(3, dim=1)
    kept = len(spans_KE)
    rows, columns = torch.triu_indices(kept, kept, device=spans_KE.device)
    products_TH = (spans_KE[rows] * spans_KE[columns]) @ of_product.T
    number_KK = torch.empty(kept, kept, dtype=torch.long, device=spans_KE.device)
    number_KK[rows, columns] = number_KK[columns, rows] = torch.arange(len(rows), device=spans_KE.device)
    ones_K1H = (spans_KE @ of_one.T)[:, None]
    others_1KH = torch.nn.functional.linear(spans_KE, of_other, first.bias)[None]
    hidden_KKH = products_TH[number_KK] + ones_K1H + others_1KH
    scores: torch.Tensor = scorer(_after_first(feedforward, hidden_KKH))
    return scores


def _after_first(feedforward: Any, hidden: torch.Tensor) -> torch.Tensor:
    """A feed-forward network's output from what its first linear layer gives."""
    hidden = feedforward._activations[0](hidden)
    for linear, activation in zip(feedforward._linear_layers[1:], feedforward._activations[1:], strict=True):
        hidden = activation(linear(hidden))
    return hidden
