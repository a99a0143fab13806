"""The network: towers, connectors, decoders, and the model that joins them."""
