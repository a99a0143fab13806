"""The Libra family: vision towers, connectors, decoders, checkpoints and decoding."""
