"""Blocks, gas, the mempool and the rules that order a block."""
