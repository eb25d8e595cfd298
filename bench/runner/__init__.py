"""What bench/run and bench/instructions are made of."""
