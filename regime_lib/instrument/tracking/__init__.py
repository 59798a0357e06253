"""Following patterns and weights while a model trains."""
