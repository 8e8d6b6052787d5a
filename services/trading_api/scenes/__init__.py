"""The demo's scenes, asked for by its operator; no other deployment has these calls."""
