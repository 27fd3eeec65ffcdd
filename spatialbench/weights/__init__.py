"""Model checkpoints: where they lie, what identifies them, and loading them without surprises."""
