"""Language models: the families by name, saving and loading. Every model is a `PreTrainedModel`."""
