"""Training: both Libra stages, on transformers' Trainer, peft and accelerate."""
