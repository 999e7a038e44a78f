"""Proofs that an exported model will serve."""
