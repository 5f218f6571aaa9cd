"""The reference model: its generated world, its training and its held-out skills."""
