"""Register maps: SunSpec models, the vendor's own models, and meters with a map of their own."""
