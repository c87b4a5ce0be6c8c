"""What scripts/compare and the scripts/bench-* are made of."""
