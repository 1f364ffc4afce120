"""What a model can learn: each task says how data becomes batches and how good a model is at it."""
