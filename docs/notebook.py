# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # libra-bench in a notebook
#
# Two models on synthetic phantoms: run, look at the scores as tables, find the studies where they differ, score texts
# of your own. Everything here runs offline in under a minute. Open it with jupytext
# (`jupytext --to ipynb notebook.py`), or run it as a script.

# %%
import libra_bench
from libra_bench import load_runs, report_statements, run, score

libra_bench.__version__

# %% [markdown]
# ## Run
#
# A run is a folder. The same call again continues it, or finds that it is finished.

# %%
metrics = "rouge_l,temporal_f1,report_errors"
folders = [run("demo", model, metrics=metrics, limit=12, report=False) for model in ("constant", "libra-tiny")]
folders

# %% [markdown]
# ## The board
#
# `load_runs` takes run folders, or folders of them, and shows one row per run. A baseline is beside the model.

# %%
runs = load_runs(*folders)
runs

# %% [markdown]
# `runs.scores` has a row per run and score, with 95 % intervals and the signature that says what was computed.

# %%
scores = runs.scores
scores.loc[scores["key"] == "ROUGE-L", ["model", "value", "low", "high", "signature"]]

# %% [markdown]
# ## Study by study
#
# `runs.samples` has a row per run and study. Where does the model gain most over the constant text?

# %%
wide = runs.samples.pivot(index="question_id", columns="model", values="ROUGE-L")
gain = (wide["libra-tiny"] - wide["constant"]).sort_values()
gain.tail(3)

# %%
best = gain.index[-1]
answers = runs.answers
answers.loc[answers["question_id"] == best, ["model", "text"]]

# %% [markdown]
# ## What a text states
#
# Findings, presence, side, severity and change, read by rules.

# %%
text = answers.loc[(answers["question_id"] == best) & (answers["model"] == "libra-tiny"), "text"].item()
[(one.finding, one.presence, one.side, one.change) for one in report_statements(text)]

# %% [markdown]
# ## Texts of your own
#
# Metrics may be named in any spelling. The result is a dict in the shape of `scores.json`; `frame` is a DataFrame.

# %%
own = score(
    predictions=["The left pleural effusion has increased.", "The lungs are clear."],
    references=["The left pleural effusion is larger.", ["Clear lungs.", "No acute process."]],
    metrics="rougeL,temporal_f1",
)
own

# %%
own.frame[["key", "value"]]
