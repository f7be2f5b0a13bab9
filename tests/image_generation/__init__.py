"""Tests of image_generation/."""
