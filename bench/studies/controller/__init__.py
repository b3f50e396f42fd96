"""Training on several modalities: data, and the methods that are compared."""
