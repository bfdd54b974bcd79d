"""What was measured of a network, as numbers."""
