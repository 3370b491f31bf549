"""The jobs people really do, one call each; made of nothing but the public client."""
