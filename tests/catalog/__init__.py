"""Tests of models, prices and estimates."""
