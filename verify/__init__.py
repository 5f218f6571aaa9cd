"""The verifier: runs recipes on models and records evidence. Imports catalog, torch, transformers."""
