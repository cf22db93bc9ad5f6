"""The training engine: torch and Fabric, arrays in and arrays out."""
