"""The same rows from the other side: what the simulators of the vendors write, and what a perfect reader makes of it."""
