"""A loss made of information atoms, for training loops."""
