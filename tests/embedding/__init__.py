"""Tests of embedding/."""
