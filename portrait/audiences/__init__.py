"""Audiences: the people of a shop who are most like some others, found by walking all profiles."""
