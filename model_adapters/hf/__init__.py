"""Vision-language models of Hugging Face transformers."""
