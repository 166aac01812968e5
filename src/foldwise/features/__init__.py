"""Encoders: compositions become numbers."""
