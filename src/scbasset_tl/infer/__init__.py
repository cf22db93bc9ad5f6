"""What is computed with a trained network: arrays in and arrays out."""
