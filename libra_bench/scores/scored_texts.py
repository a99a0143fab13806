"""What `score` returns: scores.json as a dict, that shows itself as a table and turns into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("key", "metric", "value", "low", "high", "n", "signature", "higher_is_better")


class ScoredTexts(dict[str, Any]):
    """The content of scores.json, a dict of JSON values; `frame` is its scores as a table."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per score: key, metric, value, low, high, n, signature, higher_is_better."""
        import pandas as pd

        return pd.DataFrame(self["scores"], columns=list(COLUMNS))

    def _repr_html_(self) -> str:
        shown = self.frame[["key", "value", "low", "high"]].set_index("key").round(2)
        return f"<p>{self['n']} texts</p>{shown.to_html(na_rep='-', escape=True)}"
