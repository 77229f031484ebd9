"""Hypothesis strategies over the model: objects, folder trees, and correlated divergences of two stores."""
