"""Monitoring: does the champion keep its promise, and has the world moved?"""
