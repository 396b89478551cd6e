"""Chaos with real processes: links that can be cut, a seeded nemesis, and a checker that believes nobody's own opinion."""
