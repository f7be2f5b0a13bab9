"""What making and editing images share: models, routes, sizes, inputs and responses."""
