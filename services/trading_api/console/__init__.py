"""The console: one live page, in Korean and English."""
