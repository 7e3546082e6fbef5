"""Option models, volatility and risk figures: what a mark by model is computed from."""
