"""What scripts/compare and scripts/bench-instr are made of."""
