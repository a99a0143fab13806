"""Text from vLLM instead of from transformers: greedy and sampled, for the Libra family and for Hugging Face models."""
