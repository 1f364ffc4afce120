"""Short children's stories in Brazilian Portuguese, told from a seed."""
