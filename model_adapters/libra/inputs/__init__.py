"""What the network reads: prompts, token ids, pixels, image features."""
