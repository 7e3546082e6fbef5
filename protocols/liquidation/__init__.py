"""The exchangeable parts of a liquidation mechanism: trigger, sizing, pricing."""
