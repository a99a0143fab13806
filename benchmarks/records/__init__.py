"""What a run folder holds, as types: each file has one type, one reader and one writer, here.

    run.json         run.RunRecord
    scores.json      scores.Scores
    samples.csv      samples.SampleScores
    spans.jsonl      samples.SpanRecord, one per line
    statistics.npz   statistics.StoredStatistics
    answers.jsonl    benchmarks.schema.Answer, one per line

A reader takes every layout that was ever written, refuses what is newer than itself, and says in one line what is
wrong with a file. JSON keys that a type does not know are kept when the record is written again.
"""
