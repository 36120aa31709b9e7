"""A model's life: from the wish to train to the model in service."""
