"""Checkpoint folders of the Libra family: their layout, what is read from them, what decides their answers."""
