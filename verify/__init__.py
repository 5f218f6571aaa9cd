"""The verifier: runs recipes on models and records evidence.

Imports catalog, torch and transformers; nothing but its own command imports it.
"""
