"""prosa: your own text or questions and answers, as your own language model and chatbot."""

__version__ = "0.1.0"
