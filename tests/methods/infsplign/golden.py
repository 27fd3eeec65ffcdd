"""InfSplign's values as they stand in identities, written out once."""

from __future__ import annotations

SWEEP = {
    "loss": "gelu",
    "alpha": 1.5,
    "margin": 0.25,
    "slope": 0.05,
    "weight": 1000.0,
    "lambda_spatial": 0.5,
    "lambda_presence": 1.0,
    "lambda_balance": 1.0,
    "orthogonal": 0.0,
    "orthogonal_power": 2,
    "threshold": "none",
    "layers": "both",
}
"""The preset ``sweep`` on Stable Diffusion, what all variants have of it."""
